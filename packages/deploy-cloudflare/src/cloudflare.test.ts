import { virtualClock } from '@acmex/clock';
import type { CompleteBundle, TargetMemory } from '@acmex/deploy';
import { deployTargetContract, testBundle } from '@acmex/deploy/contract';
import { describe, expect, it } from '@jest/globals';
import { cloudflareStandIn } from './cloudflare.testing.ts';
import { cloudflare, type CloudflareOptions } from './index.ts';

const token = 'a-token-that-stays-secret';
const targetFor = (
  { zoneId, fetch }: ReturnType<typeof cloudflareStandIn>,
  options: Partial<CloudflareOptions> = {},
) => cloudflare({ zoneId, fetch, token: async () => `${token}\n`, ...options });

const first = () => testBundle('ec-p256');
const second = () => testBundle('rsa-2048');

function storedMemory(stored?: string): TargetMemory {
  return {
    read: async () => stored,
    write: async (text) => {
      stored = text;
    },
  };
}

async function deployed(
  place: ReturnType<typeof cloudflareStandIn>,
  bundle: CompleteBundle,
  memory: TargetMemory,
): Promise<void> {
  const staged = await targetFor(place).stage(bundle, { memory });
  await staged.apply({});
  await staged.commit?.({});
}

describe('cloudflare', () => {
  describe.each(['modern', 'legacy'] as const)('for %s clients', (clientSupport) => {
    it.each(deployTargetContract)('$title', async ({ check }) => {
      const place = cloudflareStandIn({ token });
      const { inUse, trouble } = place;
      const target = targetFor(place, { clientSupport });
      await check({ target, inUse, trouble, secrets: [token] });
    });
  });

  it('deletes a first certificate that is put back, also after another process applied it', async () => {
    const place = cloudflareStandIn({ token });
    for (const again of [false, true]) {
      const memory = storedMemory();
      const bundle = await first();
      let staged = await targetFor(place).stage(bundle, { memory });
      await staged.apply({});
      if (again) staged = await targetFor(place).stage(bundle, { memory });
      expect(await staged.rollBack({})).toEqual({ serialNumber: undefined });
      expect(place.rows).toEqual([]);
      expect(await memory.read()).toBe('{}');
    }
  });
  it.each([0, 1])(
    'finds a certificate whose answer was lost, and uploads it once: %i requests before',
    async (after) => {
      const place = cloudflareStandIn({ token });
      const memory = storedMemory();
      const bundle = await first();
      const lost = await targetFor(place).stage(bundle, { memory });
      place.trouble('lost-answer', { after });
      await expect(lost.apply({})).rejects.toMatchObject({ code: 'ERR_DEPLOY_UNREACHABLE' });
      place.trouble(undefined);
      const staged = await targetFor(place).stage(bundle, { memory });
      await staged.apply({});
      expect(place.rows).toHaveLength(1);
      expect(await staged.rollBack({})).toEqual({ serialNumber: undefined });
      expect(place.rows).toEqual([]);
    },
  );
  it('takes a certificate that Cloudflare has already for a success, where it is its own', async () => {
    const place = cloudflareStandIn({ token });
    const memory = storedMemory();
    await deployed(place, await first(), memory);
    const { id } = JSON.parse((await memory.read()) ?? '') as { readonly id: string };
    const bundle = await first();
    const forgetful = storedMemory(JSON.stringify({ id, uncommitted: 'replaced' }));
    await (await targetFor(place).stage(bundle, { memory: forgetful })).apply({});
    expect(await forgetful.read()).toContain(bundle.serialNumber);
    const unknown = await targetFor(place).stage(bundle, { memory: storedMemory() });
    await expect(unknown.apply({})).rejects.toMatchObject({
      code: 'ERR_DEPLOY_REFUSED',
      message: expect.stringContaining('already been submitted. (1220)'),
    });
    expect(place.rows).toHaveLength(1);
  });
  it('leaves certificates of other programs as they are, on each page of the list', async () => {
    const place = cloudflareStandIn({ token });
    const foreign = await Promise.all(
      (['ec-p384', 'ec-p521', 'ed25519'] as const).map(async (type) => await testBundle(type)),
    );
    for (const { chain } of foreign) place.put(chain);
    const memory = storedMemory();
    await deployed(place, await first(), memory);
    await deployed(place, await second(), memory);
    expect(place.rows.map(({ certificate }) => certificate)).toEqual(
      [...foreign, await second()].map(({ chain }) => chain),
    );
    expect(place.requests.filter((request) => request.startsWith('PATCH'))).toHaveLength(1);
  });
  it('says that a former certificate cannot be read back, and changes nothing without need', async () => {
    const place = cloudflareStandIn({ token });
    const memory = storedMemory();
    const former = await first();
    await deployed(place, former, memory);
    const staged = await targetFor(place).stage(await second(), { memory });
    expect(await staged.rollBack({})).toEqual({ serialNumber: former.serialNumber });
    await staged.apply({});
    await expect(staged.rollBack({})).rejects.toMatchObject({
      code: 'ERR_DEPLOY_REFUSED',
      message: expect.stringContaining('private key cannot be read'),
    });
  });
  it('waits until Cloudflare serves the certificate, for a minute', async () => {
    const clock = virtualClock();
    const applying = async (pending: number) => {
      const place = cloudflareStandIn({ token, pending });
      const staged = await targetFor(place, { clock }).stage(await first(), {
        memory: storedMemory(),
      });
      await clock.run(staged.apply({}));
      return place.requests.filter((request) => /^GET .*\/[\da-f]{32}$/.test(request));
    };
    expect(await applying(3)).toHaveLength(4);
    await expect(applying(Infinity)).rejects.toMatchObject({
      code: 'ERR_DEPLOY_UNREACHABLE',
      message: expect.stringContaining('not active ("pending")'),
    });
  });
  it('says that there are too many requests, and that a token is none', async () => {
    const place = cloudflareStandIn({ token });
    const staging = async (options: Partial<CloudflareOptions>) =>
      await targetFor(place, options).stage(await first(), { memory: storedMemory() });
    place.trouble('rate-limited');
    await expect(staging({})).rejects.toMatchObject({
      code: 'ERR_DEPLOY_UNREACHABLE',
      message: expect.stringContaining('429: Please wait'),
    });
    const malformed = async () =>
      Response.json(
        { success: false, errors: [{ code: 6003, message: 'Invalid request headers' }] },
        { status: 400 },
      );
    await expect(staging({ fetch: malformed })).rejects.toMatchObject({
      code: 'ERR_DEPLOY_CREDENTIALS',
    });
    for (const unreadable of [async () => '', () => Promise.reject(new Error(token))])
      await expect(staging({ token: unreadable })).rejects.toMatchObject({
        code: 'ERR_DEPLOY_CREDENTIALS',
        message: expect.not.stringContaining(token),
      });
  });
  it.each(['{}', '[]', '"text"', '{"result":[{}],"result_info":{"total_pages":1}}'])(
    'takes nothing for absent by an answer that is not a list: %s',
    async (body) => {
      const fetch = async () =>
        new Response(body, { headers: { 'content-type': 'application/json' } });
      const target = targetFor(cloudflareStandIn({ token }), { fetch });
      await expect(target.stage(await first(), { memory: storedMemory() })).rejects.toMatchObject({
        code: 'ERR_DEPLOY_UNREACHABLE',
      });
    },
  );
  it('refuses what is not the id of a zone, and the memory of a target of another kind', async () => {
    const place = cloudflareStandIn({ token });
    expect(() => targetFor(place, { zoneId: 'a.test' })).toThrow(RangeError);
    const memory = storedMemory('DEPLOY_X=1');
    await expect(targetFor(place).stage(await first(), { memory })).rejects.toMatchObject({
      code: 'ERR_DEPLOY_TARGET',
    });
  });
});
