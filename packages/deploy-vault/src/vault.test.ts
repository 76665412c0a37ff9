import { inspect } from 'node:util';
import type { CompleteBundle, TargetMemory } from '@acmex/deploy';
import { deployTargetContract } from '@acmex/deploy/contract';
import { describe, expect, it } from '@jest/globals';
import { vault } from './index.ts';
import { vaultStandIn } from './vault.testing.ts';

const token = 'hvs.a-token-that-stays-secret';
const memory: TargetMemory = { read: async () => undefined, write: async () => undefined };
const bundle: CompleteBundle = {
  id: 'crt_1',
  names: ['a.test'],
  serialNumber: '0a',
  notAfter: '2027-01-01T00:00:00Z',
  chain: '',
  privateKey: 'key',
};
const targetFor = ({ url, fetch }: ReturnType<typeof vaultStandIn>, path = 'tls/{name}') =>
  vault({ url, path, token: async () => `${token}\n`, fetch });

describe('vault', () => {
  it.each(deployTargetContract)('$title', async ({ check }) => {
    const place = vaultStandIn(token);
    const { inUse, trouble } = place;
    await check({ target: targetFor(place), inUse, trouble, secrets: [token] });
  });

  it('says that the token cannot be read, without a text that may have it', async () => {
    const unreadable = async () => await Promise.reject(new Error(`bad: ${token}`));
    const failure = await vault({ url: 'https://v.test', path: 'x', token: unreadable })
      .stage(bundle, { memory })
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'ERR_DEPLOY_CREDENTIALS',
      message: expect.stringMatching(/^vault: its credential cannot be read .*: check where/),
    });
    expect(inspect(failure, { depth: 9 })).not.toContain(token);
  });
  it('deletes a first certificate that is put back, and writes after that', async () => {
    const place = vaultStandIn(token);
    const staged = await targetFor(place).stage(bundle, { memory });
    await staged.apply({});
    expect(await staged.rollBack({})).toEqual({ serialNumber: undefined });
    expect(await place.inUse()).toBeUndefined();
    await (await targetFor(place).stage(bundle, { memory })).apply({});
    expect(await place.inUse()).toMatchObject({ privateKey: 'key' });
  });
  it('writes both keys of a certificate with two key types', async () => {
    const place = vaultStandIn(token);
    const second = { algorithm: 'rsa', serialNumber: '0b', chain: 'c', privateKey: 'rsa' } as const;
    await (await targetFor(place).stage({ ...bundle, second }, { memory })).apply({});
    expect(place.versions.at(-1)?.data).toMatchObject({
      ...{ private_key: 'key', serial_number: '0a' },
      ...{ second_private_key: 'rsa', second_serial_number: '0b', second_fullchain: 'c' },
    });
  });
  it('puts back a secret of another program as it was', async () => {
    const place = vaultStandIn(token);
    const data = { crt: 'x', note: 'by hand' };
    place.versions.push({ data, isDeleted: false });
    const staged = await targetFor(place).stage(bundle, { memory });
    await staged.apply({});
    await staged.rollBack({});
    expect(place.versions.at(-1)).toEqual({ data, isDeleted: false });
  });
  it('says that the engine is not of version 2', async () => {
    const fetch = async () => new Response('{"data":{"fullchain":"x"}}');
    const target = vault({ url: 'https://v.test', path: 'x', token: async () => token, fetch });
    await expect(target.stage(bundle, { memory })).rejects.toMatchObject({
      code: 'ERR_DEPLOY_UNREACHABLE',
      message: expect.stringContaining('version 2'),
    });
  });
  it.each(['/tls', 'tls/', 'a//b', 'a/../b', ''])('refuses the path %j', (path) => {
    expect(() => targetFor(vaultStandIn(token), path)).toThrow(RangeError);
  });
  it('sends no key in clear text to another machine', () => {
    const open = (url: string) => vault({ url, path: 'x', token: async () => token });
    expect(() => open('http://vault.test:8200')).toThrow(/https:/);
    for (const url of ['http://127.0.0.1:8200', 'http://[::1]:8200', 'http://localhost:8200'])
      expect(open(url).name).toBe('vault');
  });
});
