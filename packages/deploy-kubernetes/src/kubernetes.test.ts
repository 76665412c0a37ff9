import { inspect } from 'node:util';
import type { CompleteBundle, TargetMemory } from '@acmex/deploy';
import { deployTargetContract } from '@acmex/deploy/contract';
import { describe, expect, it } from '@jest/globals';
import { kubernetes } from './index.ts';
import { clusterStandIn } from './kubernetes.testing.ts';

const token = 'a-token-that-stays-secret';
const memory: TargetMemory = { read: async () => undefined, write: async () => undefined };
const bundle = (name: string): CompleteBundle => ({
  id: 'crt_1',
  names: [name],
  serialNumber: '0a',
  notAfter: '2027-01-01T00:00:00Z',
  chain: 'chain',
  privateKey: 'key',
});
const options = { namespace: 'web', secret: '{name}-tls', token: async () => token };
const targetFor = ({ url, fetch }: ReturnType<typeof clusterStandIn>) =>
  kubernetes({ ...options, url, fetch });

describe('kubernetes', () => {
  it.each(deployTargetContract)('$title', async ({ check }) => {
    const place = clusterStandIn(token);
    const { inUse, trouble } = place;
    await check({ target: targetFor(place), inUse, trouble, secrets: [token] });
  });

  it('says that the token cannot be read, without a text that may have it', async () => {
    const unreadable = async () => await Promise.reject(new Error(`bad: ${token}`));
    const failure = await kubernetes({ ...options, url: 'https://k.test', token: unreadable })
      .stage(bundle('0a'), { memory })
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'ERR_DEPLOY_CREDENTIALS',
      message: expect.stringMatching(/^kubernetes: its credential cannot be read .*: check where/),
    });
    expect(inspect(failure, { depth: 9 })).not.toContain(token);
  });
  it('deletes the Secret of a first certificate that is put back', async () => {
    const place = clusterStandIn(token);
    const staged = await targetFor(place).stage(bundle('*.a.test'), { memory });
    await staged.apply({});
    expect([...place.secrets.keys()]).toEqual(['wildcard.a.test-tls']);
    expect(await staged.rollBack({})).toEqual({ serialNumber: undefined });
    expect(place.secrets.size).toBe(0);
  });
  it('leaves labels, and refuses a Secret of a different type', async () => {
    const place = clusterStandIn(token);
    const data = { 'tls.crt': '', 'tls.key': '' };
    const metadata = { labels: { team: 'web' } };
    const secret = { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls', metadata, data };
    place.secrets.set('a.test-tls', secret);
    await (await targetFor(place).stage(bundle('a.test'), { memory })).apply({});
    expect(place.secrets.get('a.test-tls')).toMatchObject({ metadata });
    place.secrets.set('a.test-tls', { ...secret, type: 'Opaque' });
    await expect(targetFor(place).stage(bundle('a.test'), { memory })).rejects.toMatchObject({
      code: 'ERR_DEPLOY_REFUSED',
      message: expect.stringContaining('different type'),
    });
  });
  it.each([
    { url: 'http://cluster.test' },
    { url: 'https://cluster.test', namespace: 'a/b' },
    { url: 'https://cluster.test', secret: '../x' },
  ])('refuses %j', (changes) => {
    expect(() => kubernetes({ ...options, ...changes })).toThrow(RangeError);
  });
});
