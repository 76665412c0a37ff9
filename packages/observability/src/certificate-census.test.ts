import { virtualClock } from '@acmex/clock';
import { CertificateStore } from '@acmex/orchestrator';
import { memoryStorage, type Storage } from '@acmex/storage';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { CertificateCensus } from './index.ts';

const clock = virtualClock({ now: '2026-11-01T00:00:00Z' });
let storage: Storage;
let certificates: CertificateStore;
let census: CertificateCensus;
/** The prefixes that were listed. */
let listed: string[];

beforeEach(() => {
  storage = memoryStorage();
  listed = [];
  const list: Storage['list'] = (prefix, options) => {
    listed.push(prefix);
    return storage.list(prefix, options);
  };
  const watched = { ...storage, get: storage.get, write: storage.write, list } as Storage;
  certificates = new CertificateStore({ storage: watched, clock });
  census = new CertificateCensus(
    (tenant) => (tenant === 'default' ? { storage: watched, certificates } : undefined),
    clock,
  );
});

const add = async (name: string) =>
  await certificates.add({ names: [name], issuer: 'ca', keyType: 'ec-p256' });

describe('the census of certificates', () => {
  it('reads all certificates once, and then those that have changed', async () => {
    const { id } = await add('a.example');
    await expect(census.managed('default')).resolves.toBe(1);
    await add('b.example');
    await certificates.pause(id);
    const counted = await census.tally('default');
    expect(
      [...counted.certificates.values()].map(({ domain, paused }) => [domain, paused]),
    ).toEqual([
      ['b.example', false],
      ['a.example', true],
    ]);
    await certificates.remove(id);
    await expect(census.managed('default')).resolves.toBe(1);
    expect(listed.filter((prefix) => prefix === 'certificate')).toHaveLength(1);
  });

  it('counts each of many calls at the same time', async () => {
    await add('a.example');
    const before = census.managed('default');
    await add('b.example');
    await expect(Promise.all([before, census.managed('default')])).resolves.toContain(2);
    await expect(census.managed('default')).resolves.toBe(2);
  });

  it('reads all again after a while, since a change of a plan has no event', async () => {
    const { id } = await add('a.example');
    await census.managed('default');
    await certificates.change(id, (summary) => ({
      ...summary,
      renewal: { at: '2027-01-01T00:00:00Z' },
    }));
    const planned = async () => (await census.tally('default')).certificates.get(id)?.renewal?.at;
    await expect(planned()).resolves.toBeUndefined();
    await clock.advance({ minutes: 16 });
    await planned();
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    await expect(planned()).resolves.toBe('2027-01-01T00:00:00Z');
  });

  it('reads again where the storage has failed', async () => {
    await add('a.example');
    const broken = new CertificateCensus(() => {
      const failing = { ...storage, list: failedList(), get: storage.get, write: storage.write };
      return { storage: failing as Storage, certificates };
    }, clock);
    await expect(broken.managed('default')).rejects.toThrow('the disk is away');
    await expect(broken.managed('default')).resolves.toBe(1);
  });

  it('leaves out a certificate whose record is damaged, and counts the others', async () => {
    const { id } = await add('a.example');
    await add('b.example');
    await damage(id);
    await expect(census.managed('default')).resolves.toBe(1);
    const { id: later } = await add('c.example');
    await census.managed('default');
    await certificates.pause(later);
    await damage(later);
    await expect(census.managed('default')).resolves.toBe(2);
  });

  it('knows no certificates of a tenant that does not exist', async () => {
    await add('a.example');
    await expect(census.managed('elsewhere')).resolves.toBe(0);
  });
});

async function damage(id: string): Promise<void> {
  for await (const { key } of storage.list('certificate'))
    if (key.endsWith(id)) await storage.write([{ set: key, value: new Uint8Array([1]) }]);
}

let failures = 1;
/** Returns a list of the storage that fails the first time. */
function failedList(): Storage['list'] {
  return (prefix, options) => {
    if (failures === 0) return storage.list(prefix, options);
    failures -= 1;
    throw new Error('the disk is away');
  };
}
