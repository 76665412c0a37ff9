import { virtualClock } from '@acmex/clock';
import { memoryStorage } from '@acmex/storage';
import { expect, it } from '@jest/globals';
import { configuredKeyId, digestOf } from './access/api-key.ts';
import { CalendarTokenStore } from './access/calendar-token-store.ts';
import type { Caller } from './access/caller.ts';
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
    authenticator: { holderOf: async () => undefined },
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

it('removes the calendar tokens of ended keys, of a configured key only after 90 days without use', async () => {
  const clock = virtualClock({ now: '2026-04-02T00:00:00Z' });
  const earlier = virtualClock({ now: '2026-01-01T00:00:00Z' });
  const tenant = { name: 'one', storage: memoryStorage() } as unknown as Tenant;
  const stopping = new AbortController();
  const valid = digestOf('valid');
  startHousekeeping({
    tenants: () => new Map([[tenant.name, tenant]]),
    authenticator: {
      holderOf: async (_, { keyDigest }) =>
        keyDigest === valid ? ({ id: 'key_1' } as Caller) : undefined,
    },
    idempotency: new Idempotency(clock),
    clock,
    log: (entry) => {
      throw new Error(JSON.stringify(entry));
    },
    signal: stopping.signal,
  });
  const store = new CalendarTokenStore({ storage: tenant.storage, tenant: 'one', clock });
  const titles = async () => {
    const all: (string | undefined)[] = [];
    for await (const { title } of store.list()) all.push(title);
    return all.sort();
  };
  const ended = digestOf('ended');
  await store.create({ key: 'key_1', keyDigest: valid, title: 'live' });
  await store.create({ key: 'key_1', keyDigest: ended, title: 'rotated' });
  await store.create({ key: 'key_2', keyDigest: ended, title: 'revoked' });
  await store.create({ key: configuredKeyId, keyDigest: ended, title: 'configured' });
  await new CalendarTokenStore({ storage: tenant.storage, tenant: 'one', clock: earlier }).create({
    key: configuredKeyId,
    keyDigest: digestOf('unused'),
    title: 'unused',
  });
  await clock.advance({ hours: 2 });
  expect(await titles()).toEqual(['configured', 'live']);
  stopping.abort();
});
