import { readFile } from 'node:fs/promises';
import { virtualClock } from '@acmex/clock';
import { memoryStorage, type Storage } from '@acmex/storage';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { type CertificateSpec, Provisioner } from './index.ts';
import { type TestIssuer, testIssuer } from './issuer.testing.ts';

const spec: CertificateSpec = {
  names: ['a.test', 'www.a.test'],
  issuer: 'test',
  keyType: 'ec-p256',
  declared: true,
};

/**
 * Reads the records of a version. In version 1 two processes had declared a.test at once; in both,
 * the order for b.test had failed once.
 */
async function recordsOf(version: 1 | 2): Promise<Storage> {
  const file = new URL(`version-${version}.fixture.json`, import.meta.url);
  const entries = JSON.parse(await readFile(file, 'utf8')) as Readonly<Record<string, unknown>>;
  const storage = memoryStorage();
  for (const [key, record] of Object.entries(entries)) {
    const value = record === null ? new Uint8Array() : Buffer.from(JSON.stringify(record));
    await storage.write([{ set: key, value, secret: /^(generation|order-key)\//.test(key) }]);
  }
  return storage;
}

describe('a storage with records of version 1', () => {
  const clock = virtualClock({ now: '2026-11-02T00:00:00Z' });
  let issuer: TestIssuer;
  let provisioner: Provisioner;
  beforeEach(async () => {
    issuer = await testIssuer(clock);
    provisioner = new Provisioner({ storage: await recordsOf(1), issuers: [issuer], clock });
  });

  it('has its duplicates joined, and nothing is ordered again that is as declared', async () => {
    await expect(provisioner.declare(spec)).resolves.toMatchObject({ change: 'unchanged' });
    const before = [];
    for await (const { id } of provisioner.certificates.withNames(spec.names)) before.push(id);
    expect(before).toHaveLength(2);
    // The second was issued a second later.
    await expect(provisioner.joinDuplicates()).resolves.toMatchObject([
      { certificate: { id: before[1], current: { generation: 1 } }, joined: [before[0]] },
    ]);
    await expect(provisioner.certificates.get(before[0]!)).resolves.toMatchObject({
      id: before[1],
    });
    expect(issuer.orders).toEqual([]);
  });

  it('has duplicates joined once when two processes join them the opposite ways', async () => {
    const storage = await recordsOf(1);
    const processes = [0, 1].map(() => new Provisioner({ storage, issuers: [issuer], clock }));
    const ids: string[] = [];
    for await (const { id } of processes[0]!.certificates.withNames(spec.names)) ids.push(id);
    await Promise.all(
      processes.map(
        async (process, index) => await process.joinDuplicates({ keep: new Set([ids[index]!]) }),
      ),
    );
    const left = [];
    for await (const { id } of processes[0]!.certificates.withNames(spec.names)) left.push(id);
    expect(left).toHaveLength(1);
    for (const id of ids)
      await expect(processes[1]!.certificates.get(id)).resolves.toMatchObject({ id: left[0] });
  });

  it('has its certificates read, without the alternates that were not stored then', async () => {
    const { certificates } = provisioner;
    for await (const { id, current } of certificates.byName('a.test')) {
      expect(current).not.toHaveProperty('chains');
      await expect(certificates.generation(id, current!.generation)).resolves.toMatchObject({
        chain: expect.stringMatching(/^-----BEGIN CERTIFICATE-----/),
        alternates: [],
      });
    }
    expect.assertions(4);
  });

  it('has a certificate ordered that is declared with a new key type', async () => {
    const declared = await provisioner.declare({ ...spec, keyType: 'ec-p384' });
    expect(declared).toMatchObject({ change: 'ordered', differences: ['keyType'] });
  });

  it('has its order continued with the same key and request', async () => {
    const { certificates } = provisioner;
    for await (const { order = '' } of certificates.byName('b.test')) {
      const { csr } = await provisioner.status(order);
      await expect(provisioner.execute(order)).resolves.toMatchObject({ state: 'succeeded' });
      expect(Buffer.from(issuer.requests[0]!.csr).toString('base64')).toBe(csr);
    }
    await expect(certificates.byName('b.test').next()).resolves.toMatchObject({
      value: { current: { issuedFor: { names: ['b.test'], keyType: 'ec-p256' } } },
    });
  });
});

describe('a storage with records of version 2', () => {
  const clock = virtualClock({ now: '2026-11-02T00:00:00Z' });
  let issuer: TestIssuer;
  let provisioner: Provisioner;
  beforeEach(async () => {
    issuer = await testIssuer(clock);
    provisioner = new Provisioner({ storage: await recordsOf(2), issuers: [issuer], clock });
  });

  it('has its order continued with the same key and request', async () => {
    const { certificates } = provisioner;
    for await (const { order = '' } of certificates.byName('b.test')) {
      const { csr } = await provisioner.status(order);
      await expect(provisioner.execute(order)).resolves.toMatchObject({ state: 'succeeded' });
      expect(Buffer.from(issuer.requests[0]!.csr).toString('base64')).toBe(csr);
    }
    expect(issuer.requests).toHaveLength(1);
  });

  const declared: CertificateSpec = { ...spec, proof: { challenge: 'http-01' } };
  it('has its preferred chain apart from how names are validated, and orders nothing for that', async () => {
    const preferredChain = 'Test Root';
    await expect(provisioner.declare({ ...declared, preferredChain })).resolves.toMatchObject({
      change: 'unchanged',
      certificate: { preferredChain, proof: { challenge: 'http-01' } },
    });
    await provisioner.declare({ ...declared, names: ['b.test'], preferredChain });
    expect(issuer.orders).toEqual([]);
  });

  it('has a certificate ordered that is declared with another preferred chain', async () => {
    const changed = await provisioner.declare({ ...declared, preferredChain: 'Another Root' });
    expect(changed).toMatchObject({ change: 'ordered', differences: ['preferredChain'] });
    await provisioner.execute(changed.certificate.order!);
    expect(issuer.requests).toMatchObject([{ preferredChain: 'Another Root' }]);
  });
});
