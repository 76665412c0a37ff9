import { virtualClock } from '@acmex/clock';
import type { CompleteBundle, TargetMemory } from '@acmex/deploy';
import { deployTargetContract, testBundle } from '@acmex/deploy/contract';
import { describe, expect, it } from '@jest/globals';
import { acmStandIn } from './aws-acm.testing.ts';
import { awsAcm, type AwsAcmOptions } from './index.ts';

const accessKeyId = 'AKIDEXAMPLE';
const secretAccessKey = 'a-secret-that-stays-secret';
const region = 'eu-central-1';
const targetFor = (
  { requestHandler }: ReturnType<typeof acmStandIn>,
  options: Partial<AwsAcmOptions> = {},
) =>
  awsAcm({
    region,
    accessKeyId,
    secretAccessKey: async () => `${secretAccessKey}\n`,
    // What a stand-in takes is what the SDK sends.
    requestHandler: requestHandler as unknown as NonNullable<AwsAcmOptions['requestHandler']>,
    ...options,
  });
const first = () => testBundle('ec-p256');
const second = () => testBundle('ec-p256', 2);

function storedMemory(stored?: string): TargetMemory {
  return {
    read: async () => stored,
    write: async (text) => {
      stored = text;
    },
  };
}

async function deployed(
  target: ReturnType<typeof awsAcm>,
  bundle: CompleteBundle,
  memory: TargetMemory,
): Promise<void> {
  const staged = await target.stage(bundle, { memory });
  await staged.apply({});
  await staged.commit?.({});
}

describe('aws-acm', () => {
  const key = { accessKeyId, secretAccessKey };

  it.each(deployTargetContract)('$title', async ({ check }) => {
    const place = acmStandIn(key);
    const { inUse, trouble } = place;
    const target = targetFor(place);
    await check({ target, inUse, trouble, secrets: [secretAccessKey], keyType: 'ec-p256' });
  });

  it('imports once, with a tag that has the name, and then to the same ARN', async () => {
    const place = acmStandIn(key);
    const memory = storedMemory();
    const bundle = { ...(await first()), names: ['*.a.test'] };
    await deployed(targetFor(place), bundle, memory);
    await deployed(targetFor(place), await second(), memory);
    expect(place.rows).toMatchObject([
      {
        tags: [
          { Key: 'Name', Value: '_wildcard.a.test' },
          { Key: 'acmex', Value: bundle.id },
        ],
      },
    ]);
    expect(await place.inUse()).toEqual({ chain: (await second()).chain });
  });
  it('deletes a first certificate that is put back, also where the answer to its import was lost', async () => {
    const place = acmStandIn(key);
    for (const type of ['ec-p384', 'rsa-2048', 'ec-p521'] as const)
      place.put({ certificate: (await testBundle(type)).chain });
    const memory = storedMemory();
    const bundle = await first();
    const lost = await targetFor(place).stage(bundle, { memory });
    place.trouble('lost-answer');
    await expect(lost.apply({})).rejects.toMatchObject({ code: 'ERR_DEPLOY_UNREACHABLE' });
    place.trouble('lost-answer', { after: 0 });
    await expect(lost.apply({})).rejects.toMatchObject({ code: 'ERR_DEPLOY_UNREACHABLE' });
    place.trouble(undefined);
    const staged = await targetFor(place).stage(bundle, { memory });
    await staged.apply({});
    expect(place.calls.filter((call) => call === 'ImportCertificate')).toHaveLength(1);
    expect(place.rows).toHaveLength(4);
    expect(await staged.rollBack({})).toEqual({ serialNumber: undefined });
    expect(place.rows).toHaveLength(3);
  });
  it('replaces the certificate of an ARN, and says that it cannot put back what it cannot read', async () => {
    const place = acmStandIn(key);
    const { chain, serialNumber } = await first();
    const arn = place.put({ certificate: chain });
    const target = targetFor(place, { arn });
    const staged = await target.stage(await second(), { memory: storedMemory() });
    expect(await staged.rollBack({})).toEqual({ serialNumber });
    await staged.apply({});
    expect(place.rows).toMatchObject([{ arn, chain: expect.stringContaining('CERTIFICATE') }]);
    await expect(staged.rollBack({})).rejects.toMatchObject({ code: 'ERR_DEPLOY_REFUSED' });
  });
  it('refuses an ARN without a certificate, and that of one which ACM issued', async () => {
    const place = acmStandIn(key);
    const { chain: certificate } = await first();
    const issued = place.put({ certificate, type: 'AMAZON_ISSUED' });
    const absent = issued.replace('00000001', '00000009');
    for (const [arn, text] of [
      [absent, 'there is no certificate'],
      [issued, 'issued by ACM'],
    ] as const)
      await expect(
        targetFor(place, { arn }).stage(await second(), { memory: storedMemory() }),
      ).rejects.toMatchObject({
        code: 'ERR_DEPLOY_REFUSED',
        message: expect.stringContaining(text),
      });
  });
  it('says before it changes anything that a key is of a type that ACM does not take there', async () => {
    const place = acmStandIn(key);
    const memory = storedMemory();
    await deployed(targetFor(place), await first(), memory);
    for (const [type, text] of [
      ['rsa-2048', 'from EC_prime256v1 to RSA_2048'],
      ['ed25519', 'no key of the type ed25519'],
    ] as const) {
      const staged = await targetFor(place).stage(await testBundle(type), { memory });
      await expect(staged.apply({})).rejects.toMatchObject({
        code: 'ERR_DEPLOY_REFUSED',
        message: expect.stringContaining(text),
      });
    }
    expect(place.calls.filter((call) => call === 'ImportCertificate')).toHaveLength(1);
  });
  it('waits until ACM shows the new certificate', async () => {
    const clock = virtualClock();
    const deploying = async (stale: number) => {
      const target = targetFor(acmStandIn({ ...key, stale }), { clock });
      await clock.run(deployed(target, await first(), storedMemory()));
    };
    await deploying(2);
    await expect(deploying(Infinity)).rejects.toMatchObject({ code: 'ERR_DEPLOY_UNREACHABLE' });
  });
  it('says what the limits are, and that there are too many requests', async () => {
    const place = acmStandIn({ ...key, quota: 0 });
    const staged = await targetFor(place).stage(await first(), { memory: storedMemory() });
    await expect(staged.apply({})).rejects.toMatchObject({
      code: 'ERR_DEPLOY_REFUSED',
      message: expect.stringContaining('LimitExceededException'),
    });
    place.trouble('rate-limited');
    await expect(staged.apply({})).rejects.toMatchObject({
      code: 'ERR_DEPLOY_UNREACHABLE',
      message: expect.stringContaining('Rate exceeded (ThrottlingException)'),
    });
  });
  it('reads the access key for each request, and says which part cannot be read', async () => {
    const sessionToken = 'a-session-that-stays-secret';
    const place = acmStandIn({ ...key, sessionToken });
    const target = targetFor(place, { sessionToken: async () => sessionToken });
    await deployed(target, await first(), storedMemory());
    const unreadable = targetFor(place, {
      secretAccessKey: () => Promise.reject(new Error(secretAccessKey)),
    });
    const staged = await unreadable.stage(await first(), { memory: storedMemory() });
    await expect(staged.apply({})).rejects.toMatchObject({
      code: 'ERR_DEPLOY_CREDENTIALS',
      message: expect.not.stringContaining(secretAccessKey),
    });
  });
  it.each([
    { arn: 'arn:aws:acm:us-east-1:123456789012:certificate/a' },
    { arn: 'certificate/a' },
    { profile: 'web' },
    { secretAccessKey: undefined },
  ])('refuses %j', (changes) => {
    expect(() => targetFor(acmStandIn(key), changes)).toThrow(RangeError);
  });
});
