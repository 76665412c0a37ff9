import { type VirtualClock, virtualClock } from '@acmex/clock';
import { outbox } from '@acmex/orchestrator';
import { memoryStorage, type Storage } from '@acmex/storage';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { digestOf } from './api-key.ts';
import { type NewSession, readCookie, SessionStore } from './session-store.ts';

const wanted: NewSession = {
  key: 'key_01kax2b0000000000000000000',
  keyDigest: digestOf('key'),
  address: '192.0.2.1',
  userAgent: 'Browser/1.0',
};
let storage: Storage;
let clock: VirtualClock;
let store: SessionStore;
beforeEach(() => {
  storage = memoryStorage();
  clock = virtualClock();
  store = new SessionStore({ storage, tenant: 'default', clock });
});

/** Returns the session of a cookie, as each request looks for it. */
const sessionOf = async (cookie: string) => {
  const { id, secret } = readCookie(cookie)!;
  return await store.verified(id, secret);
};
const idsIn = async () => {
  const ids: string[] = [];
  for await (const { id } of store.list()) ids.push(id);
  return ids;
};
const keysUnder = async (prefix: string) => {
  const keys: string[] = [];
  for await (const { key } of storage.list(prefix)) keys.push(key);
  return keys;
};
const eventsOf = async () => {
  const events: string[] = [];
  for await (const { type, message } of outbox(storage).list()) events.push(`${type} ${message}`);
  return events;
};

describe('a session', () => {
  it('ends an hour after its last use, to the minute', async () => {
    const { session, cookie } = await store.create(wanted);
    for (let hour = 0; hour < 3; hour += 1) {
      await clock.advance({ minutes: 59 });
      const used = await sessionOf(cookie);
      expect(used).toMatchObject({ id: session.id, csrf: session.csrf });
      await store.use(used!);
    }
    await clock.advance({ minutes: 60 });
    await expect(sessionOf(cookie)).resolves.toBeUndefined();
    expect(await idsIn()).toEqual([]);
    await expect(store.get(session.id)).rejects.toMatchObject({ code: 'ERR_SERVER_NOT_FOUND' });
  });

  it('ends after 12 hours, however often it is used', async () => {
    const { cookie } = await store.create(wanted);
    for (let minutes = 0; minutes < 12 * 60; minutes += 30) {
      const used = await sessionOf(cookie);
      expect(used).toBeDefined();
      await store.use(used!);
      await clock.advance({ minutes: 30 });
    }
    await expect(sessionOf(cookie)).resolves.toBeUndefined();
  });

  it('is written once a minute at most, and does not come back after its end', async () => {
    const { session, cookie } = await store.create(wanted);
    const writes: number[] = [];
    const { write } = storage;
    storage.write = async (changes, options) => {
      writes.push(changes.length);
      return await write(changes, options);
    };
    await clock.advance({ seconds: 59 });
    await store.use((await sessionOf(cookie))!);
    expect(writes).toEqual([]);
    await clock.advance({ seconds: 1 });
    const used = await sessionOf(cookie);
    await Promise.all([store.use(used!), store.use(used!)]);
    expect((await sessionOf(cookie))?.lastUsedAt).toBe('2026-01-01T00:01:00Z');
    await clock.advance({ minutes: 2 });
    const stale = await sessionOf(cookie);
    const { get } = storage;
    storage.get = async (key, options) => {
      const entry = await get(key, options);
      storage.get = get;
      await store.end(session.id, { type: 'session_ended', by: session.key });
      return entry;
    };
    await store.use(stale!);
    expect(await keysUnder('session')).toEqual([]);
  });

  it('reports a failure to store its use', async () => {
    const { cookie } = await store.create(wanted);
    await clock.advance({ minutes: 5 });
    const used = await sessionOf(cookie);
    storage.write = async () => {
      throw Object.assign(new Error('full'), { code: 'ERR_STORAGE_UNAVAILABLE' });
    };
    await expect(store.use(used!)).rejects.toMatchObject({ code: 'ERR_STORAGE_UNAVAILABLE' });
  });

  it('stores no secret, and cuts what the browser calls itself', async () => {
    const userAgent = `<b>\u202e${'x'.repeat(10_000)}`;
    const { session, cookie } = await store.create({ ...wanted, userAgent });
    expect(session.userAgent).toHaveLength(200 + '…'.length + '\\u{202e}'.length - 1);
    const values: string[] = [];
    for await (const { value } of storage.list('')) values.push(Buffer.from(value).toString());
    for (const secret of [readCookie(cookie)!.secret, session.csrf])
      expect(values.join()).not.toContain(secret);
  });
});

describe('the sessions of a key', () => {
  it('are 50 at most: the oldest ends, and each end is an event', async () => {
    const cookies: string[] = [];
    for (let count = 0; count < 52; count += 1) {
      cookies.push((await store.create(wanted)).cookie);
      await clock.advance({ seconds: 1 });
    }
    const [first = '', second = '', third = ''] = cookies;
    expect(await idsIn()).toEqual(cookies.slice(2).map((cookie) => readCookie(cookie)?.id));
    expect([await sessionOf(first), await sessionOf(second)]).toEqual([undefined, undefined]);
    await expect(sessionOf(third)).resolves.toBeDefined();
    const ended = (await eventsOf()).filter((event) => event.startsWith('session_ended'));
    expect(ended).toEqual(
      [first, second].map((cookie) => `session_ended ${readCookie(cookie)?.id} of ${wanted.key}`),
    );
    await store.create({ ...wanted, key: 'key_01kax2b0000000000000000001' });
    expect(await idsIn()).toHaveLength(51);
  });

  it('are 50 at most where many begin at once, and those that have ended do not count', async () => {
    await Promise.all(Array.from({ length: 60 }, async () => await store.create(wanted)));
    expect(await idsIn()).toHaveLength(50);
    await clock.advance({ hours: 1 });
    const { cookie } = await store.create(wanted);
    expect(await keysUnder('session')).toEqual([`session/${readCookie(cookie)?.id}`]);
  });

  it('are removed when they have ended by themselves, with what lists them', async () => {
    await store.create(wanted);
    await store.create({ ...wanted, key: 'key_configured' });
    await clock.advance({ minutes: 30 });
    const { cookie } = await store.create(wanted);
    await clock.advance({ minutes: 30 });
    await store.prune();
    expect(await keysUnder('session')).toEqual([`session/${readCookie(cookie)?.id}`]);
    await clock.advance({ minutes: 30 });
    await store.prune();
    expect([...(await keysUnder('session')), ...(await keysUnder('sessions-of-key'))]).toEqual([]);
  });
});
