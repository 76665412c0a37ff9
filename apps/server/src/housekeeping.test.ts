import { virtualClock } from '@acmex/clock';
import { memoryStorage } from '@acmex/storage';
import { expect, it } from '@jest/globals';
import { digestOf } from './access/api-key.ts';
import { SessionStore } from './access/session-store.ts';
import { startHousekeeping } from './housekeeping.ts';
import { Idempotency } from './http/idempotency.ts';
import type { Tenant } from './tenants.ts';

it('removes what has ended of each tenant, until the server stops', async () => {
  const clock = virtualClock();
  const tenants = ['one', 'two'].map((name) => ({ name, storage: memoryStorage() }));
  const stopping = new AbortController();
  const log: unknown[] = [];
  startHousekeeping({
    tenants: () => new Map(tenants.map((tenant) => [tenant.name, tenant as unknown as Tenant])),
    idempotency: new Idempotency(clock),
    clock,
    log: (entry) => log.push(entry),
    signal: stopping.signal,
  });
  for (const { name: tenant, storage } of tenants)
    await new SessionStore({ storage, tenant, clock }).create({
      ...{ key: 'key_1', keyDigest: digestOf('key'), address: '192.0.2.1' },
      userAgent: undefined,
    });
  await clock.advance({ hours: 2 });
  const remaining: string[] = [];
  for (const { storage } of tenants)
    for await (const { key } of storage.list('')) remaining.push(key.split('/')[0]!);
  expect([remaining, log]).toEqual([['events', 'events'], []]);
  stopping.abort();
  await clock.advance({ hours: 1 });
  expect(clock.sleepers).toBe(0);
});
