import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { virtualClock } from '@acmex/clock';
import { memoryStorage } from '@acmex/storage';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { digestOf, newSecret } from '../access/api-key.ts';
import { Authenticator } from '../access/authenticator.ts';
import { CalendarTokenStore, readCalendarToken } from '../access/calendar-token-store.ts';
import { KeyStore } from '../access/key-store.ts';
import { scopes } from '../access/scopes.ts';
import type { Tenant } from '../tenants.ts';
import { type Serving, serving, tenantKey } from '../serving.testing.ts';

const configured = newSecret();
const settings = (keys: readonly string[]) =>
  `api_keys = ${JSON.stringify(keys)}\n[tenants.default]\nnames = ["*"]\n[tenants.small]\nnames = ["*"]\n[audit]\nenabled = true\n`;
let server: Serving;
let admin = '';
beforeAll(async () => {
  server = await serving({ toml: settings([configured]) });
  admin = await tenantKey(server, 'default');
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const newKey = async (rights: object): Promise<{ id: string; key: string }> =>
  (await server.call('POST', '/api/keys', { key: admin, body: rights })).body;
const newToken = async (key: string, body: object = {}) => {
  const reply = await server.call('POST', '/api/calendar-tokens', { key, body });
  expect(reply.status).toBe(201);
  return reply.body as { readonly id: string; readonly token: string };
};
const calendar = async (token: string, headers: Readonly<Record<string, string>> = {}) =>
  await server.call('GET', `/api/calendar.ics?token=${token}`, { key: '', headers });
const listed = async (key: string) =>
  (await server.call('GET', '/api/calendar-tokens', { key })).body.items;
/** Every file of the storage, as text. */
async function stored(): Promise<string> {
  const folder = join(server.folder, 'data');
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const texts = files
    .filter((file) => file.isFile())
    .map(async ({ parentPath, name }) => await readFile(join(parentPath, name), 'latin1'));
  return (await Promise.all(texts)).join('\n');
}

describe('a calendar', () => {
  it('is read with a key, as a password too', async () => {
    const { key } = await newKey({ scopes: ['certificates:read'] });
    const { status, headers, text } = await server.call('GET', '/api/calendar.ics', { key });
    expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([
      ...[200, 'text/calendar; charset=utf-8', 'no-store'],
    ]);
    expect(text).toMatch(/^BEGIN:VCALENDAR\r\n/);
    const authorization = `Basic ${Buffer.from(`calendar:${key}`).toString('base64')}`;
    await expect(
      server.call('GET', '/api/calendar.ics', { key: '', headers: { authorization } }),
    ).resolves.toMatchObject({ status: 200 });
    const unrelated = await newKey({ scopes: ['orders:read'] });
    await expect(
      server.call('GET', '/api/calendar.ics', { key: unrelated.key }),
    ).resolves.toMatchObject({ status: 403 });
  });
});

describe('a calendar token', () => {
  it('reads the calendar of its key, and opens nothing else', async () => {
    const { id, key } = await newKey({ title: 'Phone', scopes: ['certificates:read'] });
    const token = await newToken(key, { title: 'my phone' });
    expect(token.token).toMatch(/^cal_default\.[0-9a-z]{26}\.[\w-]{43}$/);
    await expect(calendar(token.token)).resolves.toMatchObject({
      status: 200,
      text: expect.stringMatching(/^BEGIN:VCALENDAR/),
    });
    await expect(listed(key)).resolves.toEqual([
      {
        ...{ id: token.id, title: 'my phone', key: id, keyTitle: 'Phone' },
        ...{ createdAt: expect.any(String), lastUsedAt: expect.any(String) },
      },
    ]);
    const places: readonly Readonly<Record<string, string>>[] = [
      { 'x-api-key': token.token },
      { authorization: `Bearer ${token.token}` },
      { cookie: `acmex=${token.token}` },
    ];
    for (const headers of places)
      for (const path of ['/api/calendar.ics', '/api/certificates', '/api/session'])
        await expect(server.call('GET', path, { key: '', headers })).resolves.toMatchObject({
          status: 401,
        });
    for (const path of ['/api/certificates', '/api/session', '/api/calendar-tokens', '/metrics'])
      await expect(
        server.call('GET', `${path}?token=${token.token}`, { key: '' }),
      ).resolves.toMatchObject({ status: 401 });
  });

  it('does not take a key, and contradicts one', async () => {
    const token = await newToken(admin);
    await expect(calendar(admin)).resolves.toMatchObject({ status: 401 });
    await expect(calendar(configured)).resolves.toMatchObject({ status: 401 });
    await expect(calendar(token.token, { 'x-api-key': admin })).resolves.toMatchObject({
      status: 401,
    });
    await expect(calendar(`${token.token}&token=${token.token}`)).resolves.toMatchObject({
      status: 401,
    });
    await expect(calendar(`${token.token}&more=1`)).resolves.toMatchObject({ status: 400 });
    const wrongTenant = token.token.replace('cal_default', 'cal_small');
    await expect(calendar(wrongTenant)).resolves.toMatchObject({ status: 401 });
  });

  it('ends with its key, with the secret of it, and when it is revoked', async () => {
    const ended = await newKey({ scopes: ['certificates:read'] });
    const ofEnded = await newToken(ended.key);
    await server.call('DELETE', `/api/keys/${ended.id}`, { key: admin });
    await expect(calendar(ofEnded.token)).resolves.toMatchObject({ status: 401 });
    expect(await listed(admin)).not.toContainEqual(expect.objectContaining({ id: ofEnded.id }));

    const rotated = await newKey({ scopes: ['certificates:read'] });
    const ofRotated = await newToken(rotated.key);
    const body = { graceHours: 0 };
    await server.call('POST', `/api/keys/${rotated.id}/rotate`, { key: admin, body });
    await expect(calendar(ofRotated.token)).resolves.toMatchObject({ status: 401 });

    const first = await newToken(admin);
    const second = await newToken(admin);
    const place = `/api/calendar-tokens/${first.id}`;
    const unrelated = await newKey({ scopes: ['certificates:read'] });
    await expect(server.call('DELETE', place, { key: unrelated.key })).resolves.toMatchObject({
      status: 404,
    });
    const narrow = await newKey({ scopes: ['certificates:read', 'keys:write'] });
    await expect(server.call('DELETE', place, { key: narrow.key })).resolves.toMatchObject({
      status: 403,
      body: { code: 'ERR_SERVER_WIDER_KEY' },
    });
    await expect(server.call('DELETE', place, { key: admin })).resolves.toMatchObject({
      status: 204,
    });
    await expect(calendar(first.token)).resolves.toMatchObject({ status: 401 });
    await expect(calendar(second.token)).resolves.toMatchObject({ status: 200 });
    await expect(server.call('DELETE', place, { key: admin })).resolves.toMatchObject({
      status: 404,
    });
    const { body: events } = await server.call('GET', '/api/events?limit=1000', { key: admin });
    const types = (events.items as readonly { type: string; message?: string }[])
      .filter(({ message = '' }) => message.startsWith(first.id))
      .map(({ type }) => type);
    expect(types).toEqual(['calendar_token_created', 'calendar_token_revoked']);
  });

  it('is made by a session, and lasts longer than that', async () => {
    const { key } = await newKey({ scopes: ['certificates:read'] });
    const { headers, body } = await server.call('POST', '/api/session', { key: '', body: { key } });
    const [cookie = ''] = (headers.get('set-cookie') ?? '').split(';');
    const session = { cookie, 'x-csrf-token': body.csrf };
    const made = await server.call('POST', '/api/calendar-tokens', {
      ...{ key: '', body: {} },
      headers: session,
    });
    await server.call('DELETE', '/api/session', { key: '', headers: session });
    await expect(calendar(made.body.token)).resolves.toMatchObject({ status: 200 });
  });

  it('of a configured key ends with that key', async () => {
    const second = newSecret();
    await server.reload(settings([configured, second]));
    const { token } = await newToken(second);
    await expect(calendar(token)).resolves.toMatchObject({ status: 200 });
    await server.reload(settings([configured]));
    await expect(calendar(token)).resolves.toMatchObject({ status: 401 });
  });

  it('is in no log, no metric, no error, no record and no address that a page sends on', async () => {
    const { id, token } = await newToken(admin);
    const { secret } = readCalendarToken(token)!;
    const wrong = newSecret();
    const replies = [
      await calendar(token),
      await calendar(`${token}&unknown=1`),
      await calendar(token.replace(secret, wrong)),
      await server.call('GET', `/api/nowhere?token=${token}`, { key: admin }),
      await server.call('GET', `/api/calendar-tokens?token=${token}`, { key: admin }),
      await server.call('GET', '/metrics', { key: admin }),
      await server.call('GET', '/api/events?limit=1000', { key: admin }),
      await server.call('GET', '/api/audit?limit=1000', { key: admin }),
    ];
    expect(replies.map(({ status }) => status)).toEqual([200, 400, 401, 404, 400, 200, 200, 200]);
    expect(replies[7]!.text).toContain(id);
    for (const { headers } of replies) expect(headers.get('referrer-policy')).toBe('no-referrer');
    const texts = [
      server.log.join('\n'),
      ...replies.map(({ text, headers }) => text + JSON.stringify([...headers])),
      await stored(),
    ];
    for (const text of texts)
      expect([text.includes(secret), text.includes(wrong)]).toEqual([false, false]);
  });
});

describe('the tokens of a key', () => {
  it('have no more rights than they need, and the names of the key', async () => {
    const tenant = { name: 'default', storage: memoryStorage() } as unknown as Tenant;
    const keys = new KeyStore({ storage: tenant.storage, tenant: 'default' });
    const tokens = new CalendarTokenStore({ storage: tenant.storage, tenant: 'default' });
    const authenticator = new Authenticator({
      tenants: () => new Map([['default', tenant]]),
      keysOf: () => keys,
      sessionsOf: () => {
        throw new Error('no session is asked for');
      },
      calendarTokensOf: () => tokens,
      configured: () => [],
    });
    const rights = { scopes, names: ['*.web.test'] };
    const { key, text } = await keys.create(rights, 'test');
    const holder = await authenticator.verify({ 'x-api-key': text, cookies: [] });
    const made = await tokens.create({ key: key.id, keyDigest: holder!.keyDigest! });
    const caller = await authenticator.verify({ calendarToken: made.text, cookies: [] });
    expect([...caller!.scopes]).toEqual(['certificates:read']);
    expect(caller).toMatchObject({ id: key.id, names: ['*.web.test'], keyDigest: undefined });
  });

  it('are 20 at most', async () => {
    const clock = virtualClock();
    const store = new CalendarTokenStore({ storage: memoryStorage(), tenant: 'default', clock });
    const key = { key: 'key_01kax2b0000000000000000000', keyDigest: digestOf('key') };
    const made = [];
    for (let count = 0; count < 20; count += 1) made.push(await store.create(key));
    await expect(store.create(key)).rejects.toMatchObject({
      code: 'ERR_SERVER_QUOTA',
      message: expect.stringContaining('revoke some'),
    });
    await store.revoke(made[3]!.token, 'key_a');
    const { text } = await store.create(key);
    const { place, secret } = readCalendarToken(text)!;
    await expect(store.verified(place, secret)).resolves.toMatchObject({ key: key.key });
    await expect(store.verified(place, newSecret())).resolves.toBeUndefined();
  });

  it('say when they were used, to the hour', async () => {
    const clock = virtualClock({ now: '2026-11-29T12:00:00Z' });
    const store = new CalendarTokenStore({ storage: memoryStorage(), tenant: 'default', clock });
    const key = { key: 'key_01kax2b0000000000000000000', keyDigest: digestOf('key') };
    const { token, text } = await store.create(key);
    const { place, secret } = readCalendarToken(text)!;
    const uses: unknown[] = [];
    for (let count = 0; count < 4; count += 1) {
      await store.verified(place, secret);
      uses.push((await store.get(token.id)).lastUsedAt);
      await clock.advance({ minutes: 45 });
    }
    expect(uses).toEqual([
      ...['2026-11-29T12:00:00Z', '2026-11-29T12:00:00Z'],
      ...['2026-11-29T13:30:00Z', '2026-11-29T13:30:00Z'],
    ]);
  });
});
