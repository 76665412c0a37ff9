import { readdir, readFile } from 'node:fs/promises';
import { virtualClock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { importAccountKey } from '@acmex/protocol';
import { damagedRecord } from '@acmex/services';
import { memoryStorage, type Storage } from '@acmex/storage';
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { postAs, raw, testCa } from './ca.testing.ts';
import {
  authorityState,
  listExternalAccounts,
  listIssued,
  listIssuedByTime,
  loadAuthority,
  removeEnded,
  storedRootCrl,
} from './index.ts';

interface Fixture {
  readonly now: string;
  readonly account: { readonly url: string; readonly key: string };
  /** DER in base64. */
  readonly ocspRequest: string;
  /** JSON; the pieces of CRLs are in base64. */
  readonly records: Readonly<Record<string, object | string>>;
}

const folder = new URL('.', import.meta.url);
const fixture = JSON.parse(
  await readFile(new URL('version-1.fixture.json', folder), 'utf8'),
) as Fixture;
const entries = Object.entries(fixture.records).map(([key, record]): [string, Buffer] => [
  key,
  typeof record === 'string' ? Buffer.from(record, 'base64') : Buffer.from(JSON.stringify(record)),
]);
const account = {
  url: fixture.account.url,
  key: await importAccountKey(fixture.account.key),
};
const idsOf = (kind: string) =>
  entries.flatMap(([key]) =>
    key.startsWith(`ca/${kind}/`) ? [key.slice(key.lastIndexOf('/') + 1)] : [],
  );

async function storageWith(changed: Readonly<Record<string, string>> = {}): Promise<Storage> {
  const storage = memoryStorage();
  for (const [set, value] of entries)
    await storage.write([{ set, value: Buffer.from(changed[set] ?? value) }]);
  return storage;
}

/** Returns the error of everything that reads the records, or lets others read them. */
async function readEverything(storage: Storage): Promise<readonly unknown[]> {
  const clock = virtualClock({ now: fixture.now });
  const errors: unknown[] = [];
  const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      errors.push(error);
      return undefined;
    }
  };
  const all = async (list: AsyncIterable<unknown>) => {
    const read: unknown[] = [];
    for await (const record of list) read.push(record);
    return read;
  };
  const options = { kind: 'private', clock } as const;
  await attempt(async () => await loadAuthority(storage, options));
  const ca = await testCa({
    storage,
    clock,
    ...(await loadAuthority(await storageWith(), options)),
    ocsp: true,
  });
  await attempt(async () => await all(listIssued(storage)));
  await attempt(async () => await all(listIssuedByTime(storage)));
  await attempt(async () => await authorityState(storage));
  await attempt(async () => await all(listExternalAccounts(storage)));
  await attempt(async () => await storedRootCrl(storage));
  await clock.run(ca.server.idle());
  await askEverything(ca);
  await clock.advance({ hours: 100 });
  await attempt(async () => await raw(ca, '/crl'));
  await attempt(async () => await removeEnded(storage, { clock, olderThan: { hours: 1 } }));
  await clock.run(ca.server.idle());
  await ca.server[Symbol.asyncDispose]();
  return [...errors, ...ca.failures.map(({ error }) => error)];
}

async function askEverything(ca: Awaited<ReturnType<typeof testCa>>): Promise<void> {
  const get = ['/crl', '/crl/2', '/crl/root', `/ocsp/${encodeURIComponent(fixture.ocspRequest)}`];
  for (const path of get) await raw(ca, path);
  const post = async (path: string, payload?: object) =>
    await ca.clock.run(postAs(ca, account, path, payload));
  await post(account.url);
  await post(`${account.url}/orders`);
  for (const id of idsOf('order')) await post(`/order/${id}`);
  for (const id of idsOf('authorization')) await post(`/authorization/${id}`);
  for (const id of idsOf('certificate')) await post(`/certificate/${id}`);
  for (const name of ['v.test', 'a.test'])
    await post('/new-order', { identifiers: [{ type: 'dns', value: name }] });
  await ca.clock.run(ca.server.idle());
}

it('has a stored example of every kind of record, and reads them all', async () => {
  const files = (await readdir(folder, { recursive: true })).filter(
    (name) => name.endsWith('.ts') && !name.includes('.test'),
  );
  const texts = await Promise.all(
    files.map(async (name) => await readFile(new URL(name, folder), 'utf8')),
  );
  const kinds = texts.flatMap((text) =>
    [...text.matchAll(/ recordsOf<[^(]*>\(\s*'([a-z-]+)'/g)].map(([, kind]) => kind),
  );
  expect(kinds.length).toBeGreaterThan(20);
  const present = new Set(Object.keys(fixture.records).map((key) => key.split('/')[1]));
  expect(kinds.filter((kind) => !present.has(kind))).toEqual([]);
  await expect(readEverything(await storageWith())).resolves.toEqual([]);
});

it('reads records that another program wrote or damaged, and fails only with the code for that', async () => {
  const isLong = process.env.ACMEX_SOAK === 'ca';
  const seed = Number(process.env.ACMEX_SEED ?? 20_261_128);
  const records = entries.filter(([key]) => !key.startsWith('ca/crl-part/'));
  const kinds = [...new Set(records.map(([key]) => key.split('/')[1]))];
  const odd = fc.oneof(
    fc.jsonValue({ maxDepth: 1 }),
    fc.constantFrom(null, '', -1, 1e300, [], {}, 'x', '9999-99-99T00:00:00Z'),
  );
  let refused = 0;
  let at = 0;
  const numbers = { minimum: fc.nat(), member: fc.nat(), how: fc.integer({ min: 0, max: 9 }) };
  await fc.assert(
    fc.asyncProperty(fc.record({ ...numbers, value: odd }), async ({ minimum, ...damage }) => {
      // Every kind in turn.
      const kind = kinds[at++ % kinds.length];
      const candidates = records.filter(([key]) => key.split('/')[1] === kind);
      const [key, value] = candidates[minimum % candidates.length]!;
      const storage = await storageWith({ [key]: damagedRecord(value.toString(), damage) });
      const errors = await readEverything(storage);
      refused += errors.length > 0 ? 1 : 0;
      for (const error of errors)
        if (!['ERR_STORAGE_CORRUPT', 'ERR_STORAGE_NEWER'].includes(errorCode(error) ?? ''))
          throw new Error(`${key}: ${JSON.stringify(damage)}`, { cause: error });
    }),
    { numRuns: kinds.length * (isLong ? 12 : 1), seed, endOnFailure: true },
  );
  expect(refused).toBeGreaterThan(kinds.length / 2);
});
