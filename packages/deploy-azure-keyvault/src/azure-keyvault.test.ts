import { clouds } from '@acmex/azure';
import { clientSecret, principal, tokenStandIn } from '@acmex/azure/stand-in';
import { virtualClock } from '@acmex/clock';
import type { TargetMemory } from '@acmex/deploy';
import { deployTargetContract, testBundle } from '@acmex/deploy/contract';
import { describe, expect, it } from '@jest/globals';
import { keyVaultStandIn } from './azure-keyvault.testing.ts';
import { azureKeyvault, type AzureKeyvaultOptions } from './index.ts';

const token = 'eyJ.a-token-that-stays-secret';
const standIn = (options: Partial<Parameters<typeof keyVaultStandIn>[0]> = {}) =>
  keyVaultStandIn({ takes: (bearer) => bearer === token, ...options });
const targetFor = (
  { url, fetch }: ReturnType<typeof keyVaultStandIn>,
  options: Partial<AzureKeyvaultOptions> = {},
) =>
  azureKeyvault({ url, fetch, certificate: '{name}', accessToken: async () => token, ...options });

const first = () => testBundle('ec-p256');
const second = () => testBundle('rsa-2048', 2);
const memory: TargetMemory = { read: async () => undefined, write: async () => undefined };

describe('azure-keyvault', () => {
  it.each(deployTargetContract)('$title', async ({ check }) => {
    const place = standIn();
    const { inUse, trouble } = place;
    const target = targetFor(place, { contentType: 'pem' });
    await check({ target, inUse, trouble, secrets: [token] });
  });
  it.each(
    deployTargetContract.filter(({ title }) => /says which it is|repeats no secret/.test(title)),
  )('with PKCS#12: $title', async ({ check }) => {
    const place = standIn();
    const { inUse, trouble } = place;
    await check({ target: targetFor(place), inUse, trouble, secrets: [token] });
  });

  it('makes no new version of a certificate that is current', async () => {
    const place = standIn();
    for (let time = 0; time < 2; time += 1)
      await (
        await targetFor(place, { contentType: 'pem' }).stage(await first(), { memory })
      ).apply({});
    expect(place.versions).toHaveLength(1);
  });
  it.each([true, false])(
    'disables a first certificate that is put back, and imports after that: shown %p',
    async (showsDisabled) => {
      const place = standIn({ showsDisabled });
      const target = targetFor(place, { contentType: 'pem' });
      const staged = await target.stage(await first(), { memory });
      await staged.apply({});
      expect(await staged.rollBack({})).toEqual({ serialNumber: undefined });
      expect(await place.inUse()).toBeUndefined();
      await (await target.stage(await first(), { memory })).apply({});
      expect(place.versions).toMatchObject([{ enabled: false }, { enabled: true }]);
    },
  );
  it('puts a certificate of another program back, with the key that it reads in the vault', async () => {
    for (const contentType of ['pkcs12', 'pem'] as const) {
      const place = standIn();
      const foreign = await first();
      await (await targetFor(place, { contentType: 'pem' }).stage(foreign, { memory })).apply({});
      const staged = await targetFor(place, { contentType }).stage(await second(), { memory });
      await staged.apply({});
      expect(await staged.rollBack({})).toEqual({ serialNumber: foreign.serialNumber });
      expect(await place.inUse()).toMatchObject({ chain: foreign.chain });
      expect(place.requests.filter((request) => request.includes('/secrets/'))).toHaveLength(1);
    }
  });
  it('reads no secret for a certificate that AcmeX deployed, and says where it may not', async () => {
    const place = standIn({ mayReadSecrets: false });
    const target = targetFor(place, { contentType: 'pem' });
    await (await target.stage(await first(), { memory })).apply({});
    const staged = await target.stage(await second(), { memory, former: await first() });
    await staged.apply({});
    await staged.rollBack({});
    const unknown = await target.stage(await second(), { memory });
    await unknown.apply({});
    await expect(unknown.rollBack({})).rejects.toMatchObject({
      code: 'ERR_DEPLOY_CREDENTIALS',
      message: expect.stringContaining('ForbiddenByRbac'),
    });
  });
  it('says how a deleted name becomes free, which keys are taken, and that there are too many requests', async () => {
    const place = standIn({ deleted: 'a-test' });
    const target = targetFor(place, { contentType: 'pem' });
    const staged = await target.stage(await first(), { memory });
    await expect(staged.apply({})).rejects.toMatchObject({
      code: 'ERR_DEPLOY_REFUSED',
      message: expect.stringContaining('az keyvault certificate recover --name a-test'),
    });
    const unusual = await target.stage(await testBundle('ed25519'), { memory });
    await expect(unusual.apply({})).rejects.toMatchObject({
      code: 'ERR_DEPLOY_REFUSED',
      message: expect.stringContaining('no key of the type ed25519'),
    });
    place.trouble('rate-limited');
    await expect(staged.apply({})).rejects.toMatchObject({
      code: 'ERR_DEPLOY_UNREACHABLE',
      message: expect.stringContaining('429'),
    });
  });
  it('gets a token as a service principal, and a new one when the vault does not take it', async () => {
    const clock = virtualClock();
    const place = { authority: clouds.public.authority, resource: 'https://vault.azure.net' };
    const tokens = tokenStandIn(clock, place);
    const vault = standIn({ takes: tokens.valid });
    const fetch: typeof globalThis.fetch = async (input, init) =>
      String(input).startsWith(place.authority)
        ? await tokens.entra.fetch(input, init)
        : await vault.fetch(input, init);
    const options = { accessToken: undefined, clock, fetch, contentType: 'pem' } as const;
    const target = targetFor(vault, { ...options, ...principal, clientSecret });
    await (await target.stage(await first(), { memory })).apply({});
    tokens.revoke();
    await (await target.stage(await second(), { memory })).apply({});
    expect(tokens.entra.requests).toHaveLength(2);
    const wrong = targetFor(vault, { ...options, ...principal, clientSecret: 'wrong-secret' });
    await expect(wrong.stage(await first(), { memory })).rejects.toMatchObject({
      name: 'DeployError',
      code: 'ERR_DEPLOY_CREDENTIALS',
      message: expect.not.stringContaining('wrong-secret'),
    });
  });
  it('names certificates as a vault takes them', async () => {
    const place = standIn();
    const bundle = { ...(await first()), names: ['*.a.test'] };
    await targetFor(place, { certificate: 'web-{name}' }).stage(bundle, { memory });
    await targetFor(place).stage(bundle, { memory });
    expect(place.requests).toEqual([
      'GET /certificates/web--wildcard-a-test?api-version=7.4',
      'GET /certificates/wildcard-a-test?api-version=7.4',
    ]);
  });
  it.each([
    { url: 'http://web.vault.azure.net' },
    { url: 'https://web.vault.azure.net.test' },
    { url: 'https://evil.test/.vault.azure.net' },
    { url: 'https://a.b.vault.azure.net' },
    { url: 'https://web.vault.azure.cn' },
    { certificate: 'a.test' },
    { tenantId: 't' },
    { accessToken: undefined, tenantId: 't', clientId: 'c' },
    { accessToken: undefined, clientId: 'c', clientSecret: 's' },
    { accessToken: undefined, ...principal, clientSecret: 's', federatedTokenFile: '/t' },
  ])('refuses %j', (changes) => {
    expect(() => targetFor(standIn(), changes)).toThrow(RangeError);
  });
  it.each([
    { url: 'https://web.vault.azure.cn', cloud: 'china' as const },
    { url: 'https://web.vault.local.test', vaultDomain: 'vault.local.test' },
    { accessToken: undefined },
    { accessToken: undefined, clientId: 'c' },
    { accessToken: undefined, ...principal, clientCertificateFile: '/c' },
    { accessToken: undefined, ...principal, federatedTokenFile: '/t' },
  ])('takes %j', (changes) => {
    expect(targetFor(standIn(), changes).name).toBe('azure-keyvault');
  });
});
