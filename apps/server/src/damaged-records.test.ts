import { virtualClock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import type { ManagedCertificate } from '@acmex/orchestrator';
import { memoryStorage, type Storage } from '@acmex/storage';
import { damagedRecord, reportSoak } from '@acmex/services';
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { digestOf } from './access/api-key.ts';
import type { Caller } from './access/caller.ts';
import { KeyStore } from './access/key-store.ts';
import { SessionStore } from './access/session-store.ts';
import { AgentReports } from './agents/agent-reports.ts';
import { answer } from './http/endpoint.ts';
import { Idempotency, type RepeatableRequest } from './http/idempotency.ts';
import { problemOf } from './http/problem.ts';
import { Quotas } from './quotas.ts';
import type { Tenant } from './tenants.ts';

const clock = virtualClock({ now: '2026-11-02T00:00:00Z' });
const unreadable = ['ERR_STORAGE_CORRUPT', 'ERR_STORAGE_NEWER'];
/** What a record of a valid form may say. */
const refusals = ['ERR_SERVER_FORBIDDEN', 'ERR_SERVER_IDEMPOTENCY', 'ERR_SERVER_QUOTA'];
const certificate = {
  id: 'crt_1',
  names: ['a.test'],
  issuer: 'test',
} as unknown as ManagedCertificate;

/** Everything that the server itself keeps in a storage. */
function partsOf(storage: Storage) {
  const keys = new KeyStore({ storage, tenant: 'default', clock });
  const sessions = new SessionStore({ storage, tenant: 'default', clock });
  const reports = new AgentReports({
    storage,
    clock,
    isValidKey: async (id) => await keys.isValid(id),
  });
  const quotas = new Quotas({ managed: async () => 0 }, clock);
  const tenant = {
    name: 'default',
    storage,
    maxOrdersPerHour: 100,
    maxCertificates: 10,
  } as unknown as Tenant;
  const request = {
    caller: { id: 'key_1', names: ['*'], tenant } as unknown as Caller,
    key: 'once',
    method: 'POST',
    url: '/api/orders',
    body: undefined,
    secret: false,
    live: { signal: new AbortController().signal, reauthenticate: async () => undefined },
  } satisfies RepeatableRequest;
  return {
    keys,
    sessions,
    uses: [
      async () => await keys.createFirst({ scopes: ['keys:read'], names: ['*'] }, 'test'),
      async () =>
        await sessions.create({
          ...{ key: 'key_1', keyDigest: digestOf('key'), address: '192.0.2.1' },
          userAgent: undefined,
        }),
      async () => {
        for await (const { key } of sessions.list()) expect(key).toMatch(/^key_/);
      },
      async () => await sessions.prune(),
      async () => await reports.take('web1', certificate, { serialNumber: '01' }, 'key_1'),
      async () => {
        for await (const { agent } of reports.list()) expect(agent).toBe('web1');
      },
      async () => await quotas.order(tenant),
      async () => await new Idempotency(clock).once(request, async () => answer(200, {})),
    ],
  };
}

const size = process.env.ACMEX_SOAK === 'server' ? 10_000 : 300;
it(
  'reads records that another program wrote or damaged, and answers only with the code for that',
  async () => {
    const whole = memoryStorage();
    const { keys, uses } = partsOf(whole);
    const { key, text } = await keys.create({ scopes: ['keys:read'], names: ['*'] }, 'test');
    for (const use of uses) await use();
    const entries: [string, string][] = [];
    for await (const { key: name, value } of whole.list(''))
      entries.push([name, Buffer.from(value).toString()]);
    const read = entries.filter(([name]) => !name.startsWith('events'));
    const seed = Number(process.env.ACMEX_SEED ?? 20_261_128);
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 1 }),
      fc.constantFrom(null, '', -1, [], {}, '9999-99-99T00:00:00Z'),
    );
    let [count, refused] = [0, 0];
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), value, async (at, member, odd) => {
        const [name, content] = read[at % read.length]!;
        const storage = memoryStorage();
        for (const [set, entry] of entries)
          await storage.write([
            {
              set,
              value: Buffer.from(
                set === name
                  ? damagedRecord(content, { member, value: odd, how: member % 9 })
                  : entry,
              ),
            },
          ]);
        const damagedStorage = partsOf(storage);
        const secret = text.split('.')[2] ?? '';
        const attempts = [
          ...damagedStorage.uses,
          async () => await damagedStorage.keys.verified(key.id, secret),
        ];
        const errors = [];
        for (const use of attempts)
          errors.push(
            await use().then(
              () => undefined,
              (error: unknown) => error,
            ),
          );
        count += 1;
        refused += errors.some((error) => error !== undefined) ? 1 : 0;
        for (const error of errors) {
          if (error === undefined || refusals.includes(errorCode(error) ?? '')) continue;
          if (!unreadable.includes(errorCode(error) ?? '')) throw error;
          expect(problemOf(error, { clock }).body).toMatchObject({
            code: errorCode(error),
            status: 500,
            cure: expect.any(String),
          });
          expect(problemOf(error, { clock }).body.detail).toContain(name);
        }
      }),
      { numRuns: size, seed },
    );
    reportSoak(`${count} damaged records were read, ${refused} refused (ACMEX_SEED=${seed})`);
    expect([count, refused > size / 4]).toEqual([size, true]);
  },
  20_000 + size * 300,
);
