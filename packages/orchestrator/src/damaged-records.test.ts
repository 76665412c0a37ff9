import { readFile } from 'node:fs/promises';
import { virtualClock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { memoryStorage, type Storage } from '@acmex/storage';
import { damagedRecord, reportSoak } from '@acmex/services';
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  CertificateMaintenance,
  type CertificateSpec,
  dueSource,
  outbox,
  Provisioner,
} from './index.ts';
import { testIssuer } from './issuer.testing.ts';

const clock = virtualClock({ now: '2026-11-02T00:00:00Z' });
const issuer = await testIssuer(clock);
const spec: CertificateSpec = { names: ['a.test'], issuer: 'test', keyType: 'ec-p256' };
const unreadable = ['ERR_STORAGE_CORRUPT', 'ERR_STORAGE_NEWER'];

/** Entries of every kind, as the processes of a storage write them. */
async function allEntries(): Promise<readonly (readonly [key: string, text: string])[]> {
  const file = new URL('version-1.fixture.json', import.meta.url);
  const fixture = JSON.parse(await readFile(file, 'utf8')) as Readonly<Record<string, unknown>>;
  const storage = memoryStorage();
  for (const [set, record] of Object.entries(fixture))
    await storage.write([
      { set, value: Buffer.from(record === null ? '' : JSON.stringify(record)) },
    ]);
  const provisioner = new Provisioner({ storage, issuers: [issuer], clock });
  await provisioner.joinDuplicates();
  const limit = Object.assign(new Error('too many certificates already issued for "a.test"'), {
    code: 'ERR_ACME_RATE_LIMITED',
    status: 429,
    retryAfter: clock.now().add({ hours: 2 }),
  });
  const { certificate } = await provisioner.declare(spec);
  issuer.failures.push(limit);
  await provisioner.execute(certificate.order!);
  issuer.failures.push(Object.assign(limit, { message: 'too many orders of this account' }));
  await provisioner.execute(
    (await provisioner.declare({ ...spec, names: ['z.test'] })).certificate.order!,
  );
  await outbox(storage, { clock }).deliver('log', async () => undefined);
  await new CertificateMaintenance({
    storage,
    clock,
    provisioner: new Provisioner({ storage, issuers: [issuer], clock, renewBefore: { days: 9 } }),
  }).replan();
  const entries: [string, string][] = [];
  for await (const { key, value } of storage.list(''))
    entries.push([key, Buffer.from(value).toString()]);
  return entries;
}

/** Everything that reads: each may fail, but only with the code of a damaged record. */
async function readEverything(storage: Storage, key: string): Promise<readonly unknown[]> {
  const provisioner = new Provisioner({ storage, issuers: [issuer], clock });
  const maintenance = new CertificateMaintenance({ storage, provisioner, clock });
  const { certificates } = provisioner;
  const all = async (list: AsyncIterable<{ readonly id: string }>) => {
    const ids = [];
    for await (const { id } of list) ids.push(id);
    return ids;
  };
  const errors: unknown[] = [];
  const attempt = async <T>(read: () => Promise<T>) =>
    await read().catch((error: unknown) => void errors.push(error));
  const signal = new AbortController().signal;
  await attempt(async () => await dueSource(certificates).next({ signal }));
  const due = await all(
    dueSource(certificates).due(clock.now().add({ hours: 9000 }), { limit: 500, signal }),
  );
  await attempt(async () => await all(certificates.list()));
  await attempt(async () => await certificates.page({ sort: 'expiry', limit: 9 }));
  await attempt(async () => await certificates.page({ failing: true, limit: 9 }));
  await attempt(async () => await all(provisioner.orders()));
  await attempt(async () => await all(outbox(storage, { clock }).list()));
  await attempt(async () => await outbox(storage, { clock }).deliver('log', async () => undefined));
  await attempt(async () => await maintenance.replan());
  await attempt(async () => await provisioner.joinDuplicates());
  for (const id of due.filter((each) => key.includes(each)))
    await attempt(async () => await maintenance.maintain(id));
  await attempt(async () => await provisioner.declare({ ...spec, keyType: 'ec-p384' }));
  return errors;
}

const size = process.env.ACMEX_SOAK === 'orchestrator' ? 10_000 : 120;
it(
  'reads records that another program wrote or damaged, and fails only with the code for that',
  async () => {
    const entries = await allEntries();
    const seed = Number(process.env.ACMEX_SEED ?? 20_261_128);
    const odd = fc.oneof(
      fc.jsonValue({ maxDepth: 1 }),
      fc.constantFrom(null, '', -1, 1e300, [], {}, 'x', '9999-99-99T00:00:00Z'),
    );
    let [count, refused] = [0, 0];
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.nat(),
        odd,
        fc.integer({ min: 0, max: 9 }),
        async (at, member, value, how) => {
          const [key, text] = entries[at % entries.length]!;
          const storage = memoryStorage();
          for (const [set, entry] of entries) {
            const damaged = set === key ? damagedRecord(text, { member, value, how }) : entry;
            await storage.write([{ set, value: Buffer.from(damaged) }]);
          }
          // A lock that says it is held is waited for.
          const errors = await clock.run(readEverything(storage, key));
          count += 1;
          refused += errors.length > 0 ? 1 : 0;
          for (const error of errors) if (!unreadable.includes(errorCode(error) ?? '')) throw error;
        },
      ),
      { numRuns: size, seed },
    );
    reportSoak(`${count} damaged records were read, ${refused} refused (ACMEX_SEED=${seed})`);
    expect([count, refused > size / 4]).toEqual([size, true]);
  },
  20_000 + size * 300,
);

it('refuses a record that names a certificate or an order by what is not an id', async () => {
  const entries = await allEntries();
  const names = /"(?:ord|crt)_[0-9a-z]{26}"/g;
  let count = 0;
  for (const [key, text] of entries)
    for (const { 0: id, index } of text.matchAll(names)) {
      const storage = memoryStorage();
      await storage.write(entries.map(([set, entry]) => ({ set, value: Buffer.from(entry) })));
      const damaged = `${text.slice(0, index)}"${id.slice(1, 4)}"${text.slice(index + id.length)}`;
      await storage.write([{ set: key, value: Buffer.from(damaged) }]);
      const errors = await readEverything(storage, key);
      expect(errors.map((error) => errorCode(error))).toEqual(
        errors.map(() => 'ERR_STORAGE_CORRUPT'),
      );
      count += 1;
    }
  expect(count).toBeGreaterThan(5);
});
