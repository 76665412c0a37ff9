import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { virtualClock } from '@acmex/clock';
import { fileStorage } from '@acmex/storage-file';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newSecret } from '../access/api-key.ts';
import type { Authenticator } from '../access/authenticator.ts';
import type { Caller } from '../access/caller.ts';
import { controllers } from '../controllers.ts';
import { endpointsOf } from '../http/endpoint.ts';
import { Sessions } from './sessions.ts';
import { type Call, type Reply, type Serving, serving, tenantKey } from '../serving.testing.ts';

const configured = newSecret();
const settings = (keys: readonly string[]) => `
trusted_proxies = ["127.0.0.1"]
api_keys = ${JSON.stringify(keys)}
[tenants.default]
names = ["*"]
[tenants.one]
names = ["*.one.test"]
[audit]
enabled = true
`;
let server: Serving;
const tenantKeys: Record<string, string> = {};
beforeAll(async () => {
  server = await serving({ toml: settings([configured]) });
  for (const tenant of ['default', 'one']) tenantKeys[tenant] = await tenantKey(server, tenant);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** Calls without a key. */
const call = async (method: string, path: string, options: Call = {}) =>
  await server.call(method, path, { key: '', ...options });
const signIn = async (key: string, headers: Readonly<Record<string, string>> = {}) =>
  await call('POST', '/api/session', { body: { key }, headers });
const cookieOf = ({ headers }: Reply) => headers.get('set-cookie')?.split(';')[0] ?? '';

/** A browser that is signed in. */
interface Browser {
  readonly id: string;
  readonly cookie: string;
  readonly csrf: string;
  /** Sends a request as a page of the server does. */
  call(method: string, path: string, options?: Call): Promise<Reply>;
}
async function browser(key = tenantKeys.default!): Promise<Browser> {
  const reply = await signIn(key);
  expect(reply.status).toBe(201);
  const cookie = cookieOf(reply);
  const { id, csrf } = reply.body;
  return {
    ...{ id, csrf, cookie },
    call: async (method, path, { headers, ...options } = {}) =>
      await call(method, path, {
        ...options,
        headers: {
          cookie,
          origin: server.url,
          'sec-fetch-site': 'same-origin',
          ...(method === 'GET' ? {} : { 'x-csrf-token': csrf }),
          ...headers,
        },
      }),
  };
}
const makeKey = async (rights: object): Promise<{ id: string; key: string }> =>
  (await call('POST', '/api/keys', { key: tenantKeys.default, body: rights })).body;
const newKey = { scopes: ['keys:read'] };
/** Every file of the storage, as text. */
async function stored(): Promise<string> {
  const folder = join(server.folder, 'data');
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const texts = files
    .filter((file) => file.isFile())
    .map(async ({ parentPath, name }) => await readFile(join(parentPath, name), 'latin1'));
  return (await Promise.all(texts)).join('\n');
}

describe('a person in a browser', () => {
  it('signs in with a key, does what the key may, and signs out', async () => {
    const { id, key } = await makeKey({ title: 'Web', scopes: ['keys:read', 'keys:write'] });
    const reply = await signIn(key, { 'user-agent': 'Browser/1.0' });
    const { body, headers, status } = reply;
    expect([status, body]).toEqual([
      201,
      {
        id: expect.stringMatching(/^ses_[0-9a-z]{26}$/),
        ...{ key: id, title: 'Web', tenant: 'default' },
        ...{ scopes: ['keys:read', 'keys:write'], names: ['*'] },
        expiresAt: expect.any(String),
        csrf: expect.stringMatching(/^[\w-]{43}$/),
      },
    ]);
    expect(headers.get('cache-control')).toBe('no-store');
    const [, value] = /^acmex=(\S+); Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/.exec(
      headers.get('set-cookie')!,
    )!;
    expect(value).toMatch(new RegExp(`^default\\.${body.id.slice(4)}\\.[\\w-]{43}$`));
    const headersOf = { cookie: cookieOf(reply) };
    const seen = await call('GET', '/api/session', { headers: headersOf });
    expect([seen.body, seen.headers.get('cache-control')]).toEqual([body, 'no-store']);
    const changing = { ...headersOf, 'x-csrf-token': body.csrf };
    await expect(
      call('POST', '/api/keys', { body: newKey, headers: changing }),
    ).resolves.toMatchObject({ status: 201, body: { createdBy: id } });
    // What is made in a session lasts longer than the session.
    const made = await call('POST', '/api/keys', { body: newKey, headers: changing });
    expect(made.body.expiresAt).toBeUndefined();
    const out = await call('DELETE', '/api/session', { headers: changing });
    expect([out.status, out.headers.get('set-cookie')]).toEqual([
      204,
      'acmex=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict',
    ]);
    await expect(call('GET', '/api/session', { headers: headersOf })).resolves.toMatchObject({
      status: 401,
      body: { detail: expect.stringContaining(`the session ${body.id} is not valid`) },
    });
    await expect(server.call('GET', '/api/session', { key })).resolves.toMatchObject({
      status: 200,
      body: { key: id, title: 'Web', tenant: 'default' },
    });
    await expect(call('GET', '/api/session')).resolves.toMatchObject({ status: 401 });
    await expect(server.call('DELETE', '/api/session', { key })).resolves.toMatchObject({
      status: 404,
    });
  });

  it('reaches each route that needs no key with the cookie of a session that has ended', async () => {
    const left = await browser();
    await expect(left.call('DELETE', '/api/session')).resolves.toMatchObject({ status: 204 });
    const open = endpointsOf(controllers).filter(({ scope }) => scope === 'none');
    expect(open.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([
      'GET /api/sign-in',
      'GET /api/sign-in/oidc',
      'GET /api/sign-in/oidc/callback',
      'GET /health',
      'GET /health/ready',
      'POST /api/session',
    ]);
    for (const { method, path } of [...open, { method: 'GET', path: '/' }]) {
      const body = method === 'POST' ? { key: tenantKeys.default } : undefined;
      const answer = await server.fetch(path, {
        method,
        headers: { cookie: left.cookie, 'content-type': 'application/json' },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      // This server has no provider.
      const isAbsent = path.startsWith('/api/sign-in/oidc') && answer.status === 404;
      expect([method, path, answer.ok || isAbsent]).toEqual([method, path, true]);
    }
  });

  it('gets a cookie with a prefix over https, and none over http from another machine', async () => {
    const https = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '192.0.2.9' };
    const reply = await signIn(configured, https);
    expect([reply.status, reply.headers.get('set-cookie')]).toEqual([
      201,
      expect.stringMatching(
        /^__Host-acmex=\S+; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict; Secure$/,
      ),
    ]);
    const cookie = cookieOf(reply);
    const status = async (headers: Readonly<Record<string, string>>) =>
      (await call('GET', '/api/keys', { headers })).status;
    expect(await status({ ...https, cookie })).toBe(200);
    expect(await status({ cookie })).toBe(401);
    expect(await status({ ...https, cookie: cookie.replace('__Host-', '') })).toBe(401);
    const local = cookieOf(await signIn(configured));
    expect(await status({ cookie: local })).toBe(200);
    for (const [name, value] of [
      ['x-forwarded-for', '192.0.2.9'],
      ['x-forwarded-host', 'acmex.example'],
    ] as const) {
      const headers = { [name]: value };
      await expect(signIn(configured, headers)).resolves.toMatchObject({
        status: 403,
        body: { code: 'ERR_SERVER_CLEAR_SESSION' },
      });
      expect(await status({ ...headers, cookie: local })).toBe(401);
    }
  });

  it('is believed to use https only if a trusted proxy says so', async () => {
    await using alone = await serving({ toml: `api_keys = ["${configured}"]` });
    const https = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'acmex.example' };
    const enter = async (headers: Readonly<Record<string, string>>) =>
      await alone.call('POST', '/api/session', { key: '', body: { key: configured }, headers });
    expect(cookieOf(await enter(https))).toMatch(/^acmex=/);
    await expect(enter({ ...https, origin: 'https://acmex.example' })).resolves.toMatchObject({
      status: 403,
      body: { code: 'ERR_SERVER_CSRF' },
    });
  });

  it('is put off like anyone who guesses keys, and needs an API key', async () => {
    const https = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '192.0.2.10' };
    const guess = `ak_default.${'0'.repeat(26)}.${newSecret()}`;
    for (let count = 0; count < 10; count += 1)
      await expect(signIn(guess, https)).resolves.toMatchObject({
        status: 401,
        body: { code: 'ERR_SERVER_UNAUTHENTICATED' },
      });
    await expect(signIn(guess, https)).resolves.toMatchObject({ status: 429 });
    await expect(signIn(configured, https)).resolves.toMatchObject({ status: 201 });
    await expect(signIn('short')).resolves.toMatchObject({ status: 422 });
  });

  it('does not sign in with a token, which has no record that could end the session', async () => {
    const holder = { id: 'oidc:someone' } as unknown as Caller;
    const authenticator = { authenticate: async () => holder } as unknown as Authenticator;
    const request = { ip: '127.0.0.1', host: 'localhost:8080', protocol: 'http', headers: {} };
    const received = { body: { key: newSecret() }, headers: {}, request };
    await expect(
      new Sessions(authenticator, virtualClock()).signIn(received as never),
    ).rejects.toMatchObject({
      code: 'ERR_SERVER_UNAUTHENTICATED',
      message: expect.stringContaining('this is a token'),
    });
  });

  it('reads private keys only with the scope for it', async () => {
    const path = '/api/certificates/crt_01kax2b0000000000000000000/private-key';
    const narrow = await browser((await makeKey({ scopes: ['certificates:read'] })).key);
    await expect(narrow.call('GET', path)).resolves.toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('private-keys:read') },
    });
    const permitted = await browser((await makeKey({ scopes: ['private-keys:read'] })).key);
    await expect(permitted.call('GET', path)).resolves.toMatchObject({ status: 404 });
  });
});

describe('a page of another origin', () => {
  it('changes nothing with the cookie of a session', async () => {
    const { call: send, cookie } = await browser();
    const intruder = await browser();
    const attempts: readonly Readonly<Record<string, string>>[] = [
      { 'x-csrf-token': '' },
      { 'x-csrf-token': newSecret() },
      { 'x-csrf-token': intruder.csrf },
      { origin: 'https://evil.example' },
      { origin: server.url.replace('http:', 'https:') },
      { origin: server.url.replace(/\d+$/, '1') },
      { origin: `${server.url}.evil.example` },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'none' },
      // Behind a proxy the server is what the browser sees.
      { 'x-forwarded-proto': 'https', cookie: cookie.replace('acmex', '__Host-acmex') },
      {
        ...{ 'x-forwarded-proto': 'https', 'x-forwarded-host': 'acmex.example' },
        cookie: cookie.replace('acmex', '__Host-acmex'),
      },
    ];
    for (const headers of attempts)
      for (const [method, path] of [
        ['POST', '/api/keys'],
        ['DELETE', '/api/session'],
      ] as const) {
        const body = method === 'POST' ? { body: newKey } : {};
        const { status, body: problem } = await send(method, path, { headers, ...body });
        expect([headers, status, problem?.code]).toEqual([headers, 403, 'ERR_SERVER_CSRF']);
      }
    await expect(
      call('POST', '/api/keys', { body: newKey, headers: { cookie } }),
    ).resolves.toMatchObject({ status: 403, body: { code: 'ERR_SERVER_CSRF' } });
    await expect(send('POST', '/api/keys', { body: newKey })).resolves.toMatchObject({
      status: 201,
    });
    await expect(
      send('POST', '/api/keys', {
        body: newKey,
        headers: {
          ...{ 'x-forwarded-proto': 'https', 'x-forwarded-host': 'acmex.example' },
          origin: 'https://acmex.example',
          cookie: cookie.replace('acmex', '__Host-acmex'),
        },
      }),
    ).resolves.toMatchObject({ status: 201 });
  });

  it('signs no one in, by a form or by a request', async () => {
    const text = JSON.stringify({ key: tenantKeys.default });
    for (const type of [
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'text/plain',
      'text/plain; application/json',
    ])
      await expect(
        call('POST', '/api/session', { body: text, headers: { 'content-type': type } }),
      ).resolves.toMatchObject({ status: 415 });
    for (const [name, value] of [
      ['origin', 'https://evil.example'],
      ['sec-fetch-site', 'cross-site'],
    ] as const)
      await expect(signIn(tenantKeys.default!, { [name]: value })).resolves.toMatchObject({
        status: 403,
        body: { code: 'ERR_SERVER_CSRF' },
      });
  });

  it('gets nothing by a key or token beside the cookie: that alone counts', async () => {
    const { cookie } = await browser();
    const { id, key } = await makeKey({ scopes: ['keys:read'] });
    const headers = { cookie, authorization: `Bearer ${key}` };
    await expect(call('GET', '/api/session', { headers })).resolves.toMatchObject({
      status: 200,
      body: { key: id },
    });
    await expect(call('POST', '/api/keys', { headers, body: newKey })).resolves.toMatchObject({
      status: 403,
      body: { code: 'ERR_SERVER_FORBIDDEN' },
    });
    for (const [name, value] of [
      ['authorization', `Bearer ${newSecret()}`],
      ['authorization', 'Basic'],
      ['x-api-key', newSecret()],
    ] as const)
      await expect(
        call('GET', '/api/session', { headers: { cookie, [name]: value } }),
      ).resolves.toMatchObject({ status: 401 });
  });
});

describe('a cookie', () => {
  it('is new with each sign-in, which ends the session of the cookie before', async () => {
    const before = await browser();
    const reply = await signIn(tenantKeys.one!, { cookie: before.cookie });
    expect(reply.status).toBe(201);
    expect(cookieOf(reply)).not.toBe(before.cookie);
    expect(reply.body.id).not.toBe(before.id);
    await expect(before.call('GET', '/api/session')).resolves.toMatchObject({ status: 401 });
    // One that was planted is not adopted.
    const planted = `acmex=default.${'0'.repeat(26)}.${newSecret()}`;
    const later = cookieOf(await signIn(tenantKeys.default!, { cookie: planted }));
    expect(later.split('.').slice(1)).not.toContain(planted.split('.')[1]);
    expect(later).not.toContain(planted.split('.')[2]);
    await expect(
      call('GET', '/api/session', { headers: { cookie: planted } }),
    ).resolves.toMatchObject({ status: 401 });
  });

  it('is of its tenant alone', async () => {
    const { cookie, call: send } = await browser(tenantKeys.one);
    await expect(send('GET', '/api/session')).resolves.toMatchObject({ body: { tenant: 'one' } });
    for (const tenant of ['default', 'two', '', '../one', 'ONE'])
      await expect(
        call('GET', '/api/session', { headers: { cookie: cookie.replace('one', tenant) } }),
      ).resolves.toMatchObject({ status: 401 });
  });

  it('is refused where a part of it was changed, without a fault', async () => {
    const { cookie, id } = await browser();
    const [tenant = '', ulid = '', secret = ''] = cookie.split('=')[1]!.split('.');
    const values = [
      ...['', '.', '..', tenant, `${tenant}.${ulid}`, `${tenant}.${ulid}.`],
      ...[`${tenant}.${ulid}.${newSecret()}`, `${tenant}.${ulid}.${secret}A`],
      ...[`${tenant}.${ulid}.${secret}.`, `${tenant}.${ulid.toUpperCase()}.${secret}`],
      ...[`${tenant}.../../x.${secret}`, `${tenant}.${'0'.repeat(26)}.${secret}`],
      ...[`"${tenant}.${ulid}.${secret}"`, `${tenant}%2E${ulid}%2E${secret}`],
      ...[
        'x'.repeat(10_000),
        `${tenant}.${ulid}.${'A'.repeat(10_000)}`,
        '\u00ff\u0080',
        '__proto__',
      ],
      // Another value of the same name: of which page it is cannot be known.
      ...[`x; acmex=${tenant}.${ulid}.${secret}`, `${tenant}.${ulid}.${secret}; acmex=x`],
    ];
    for (const [index, value] of values.entries()) {
      const headers = { cookie: `acmex=${value}`, 'x-forwarded-for': `127.0.${index}.1` };
      const reply = await call('GET', '/api/session', { headers });
      expect([value, reply.status, reply.text.includes(secret)]).toEqual([value, 401, false]);
    }
    for (const header of [`other=1; ${cookie}; acmexx=1`, `${cookie};${cookie}`])
      await expect(
        call('GET', '/api/session', { headers: { cookie: header } }),
      ).resolves.toMatchObject({ status: 200, body: { id } });
  });

  it('is in no log, metric, event, audit record, error or file, nor is its token or key', async () => {
    const { key } = await makeKey({ scopes: ['keys:read', 'keys:write'] });
    const { cookie, csrf, call: send } = await browser(key);
    const replies = [
      await send('POST', '/api/keys', { body: newKey, headers: { 'idempotency-key': 'a' } }),
      await send('POST', '/api/orders', { body: { names: ['a.test'] } }),
      await send('GET', '/api/none'),
      await send('GET', '/api/sessions'),
      await call('POST', '/api/keys', { body: newKey, headers: { cookie } }),
      await send('DELETE', '/api/session', { headers: { 'idempotency-key': 'b' } }),
      await send('GET', '/api/session'),
      await call('GET', '/metrics', { key: configured }),
      await call('GET', '/api/events?limit=1000', { key: configured }),
      await call('GET', '/api/audit?limit=1000', { key: configured }),
    ];
    expect(replies.at(-1)?.text).toContain('session_created');
    const all = [...replies.map(({ text }) => text), ...server.log, await stored()].join('\n');
    for (const secret of [cookie.split('.')[2]!, csrf, key.split('.')[2]!, configured])
      expect(all.includes(secret)).toBe(false);
  });

  it('is made by each sign-in, whatever Idempotency-Key is sent, and ended by each sign-out', async () => {
    const headers = { 'idempotency-key': 'sign-in' };
    const replies = [
      await signIn(tenantKeys.default!, headers),
      await signIn(tenantKeys.default!, headers),
    ];
    const [first = '', second = ''] = replies.map(cookieOf);
    expect(first).not.toBe(second);
    for (const reply of replies) {
      const cookie = cookieOf(reply);
      const out = { cookie, 'x-csrf-token': reply.body.csrf, 'idempotency-key': 'sign-out' };
      await expect(call('DELETE', '/api/session', { headers: out })).resolves.toMatchObject({
        status: 204,
      });
      await expect(call('GET', '/api/session', { headers: { cookie } })).resolves.toMatchObject({
        status: 401,
      });
    }
  });
});

describe('a session', () => {
  it('says when the keys that it makes end at the latest, if its own key has an end', async () => {
    const expiresAt = '2100-01-01T00:00:00Z';
    const { key } = await makeKey({ ...newKey, expiresAt });
    await expect(signIn(key)).resolves.toMatchObject({ body: { keysExpireAt: expiresAt } });
  });

  it('ends with its key: revoked, at its end, or with another secret', async () => {
    const key = tenantKeys.default!;
    const endings: readonly ((id: string) => Promise<Reply>)[] = [
      async (id) => await call('DELETE', `/api/keys/${id}`, { key }),
      async (id) =>
        await call('POST', `/api/keys/${id}/expire`, { key, body: { at: '2026-01-01T00:00:00Z' } }),
      async (id) => await call('POST', `/api/keys/${id}/rotate`, { key, body: { graceHours: 0 } }),
    ];
    for (const end of endings) {
      const { id, key: text } = await makeKey(newKey);
      const { call: send } = await browser(text);
      await expect(send('GET', '/api/keys')).resolves.toMatchObject({ status: 200 });
      expect((await end(id)).status).toBeLessThan(300);
      await expect(send('GET', '/api/keys')).resolves.toMatchObject({ status: 401 });
    }
  });

  it('may do no more than its key does now', async () => {
    const { id, key } = await makeKey({ scopes: ['keys:read', 'orders:read'] });
    const { call: send } = await browser(key);
    await expect(send('GET', '/api/keys')).resolves.toMatchObject({ status: 200 });
    await using storage = fileStorage({ path: join(server.folder, 'data') });
    const { value, version } = (await storage.get(`api-key/${id}`))!;
    const narrowed = Buffer.from(value).toString().replace('"keys:read",', '');
    await storage.write([
      { set: `api-key/${id}`, value: Buffer.from(narrowed), ifVersion: version },
    ]);
    await expect(send('GET', '/api/keys')).resolves.toMatchObject({ status: 403 });
    await expect(send('GET', '/api/session')).resolves.toMatchObject({
      status: 200,
      body: { scopes: ['orders:read'] },
    });
  });

  it('ends with its key in the configuration', async () => {
    const removed = newSecret();
    await server.reload(settings([configured, removed]));
    const [{ call: send }, lasting] = [await browser(removed), await browser(configured)];
    await expect(send('GET', '/api/session')).resolves.toMatchObject({
      status: 200,
      body: { key: 'key_configured' },
    });
    await server.reload(settings([configured]));
    await expect(send('GET', '/api/session')).resolves.toMatchObject({ status: 401 });
    await expect(lasting.call('GET', '/api/session')).resolves.toMatchObject({ status: 200 });
  });

  it('is listed with where it was begun, and revoked by a key that is not narrower', async () => {
    const { id: keyId, key } = await makeKey({ title: 'List', scopes: ['orders:read'] });
    const userAgent = '<script>alert(1)</script>';
    const { body } = await signIn(key, { 'user-agent': userAgent });
    const admin = await browser();
    const listed = async () => (await admin.call('GET', '/api/sessions')).body.items;
    const item = (await listed()).find(({ id }: { id: string }) => id === body.id);
    expect(item).toEqual({
      ...{ id: body.id, key: keyId, title: 'List', isCurrent: false, userAgent },
      ...{ createdAt: expect.any(String), lastUsedAt: item.createdAt },
      ...{ expiresAt: body.expiresAt, address: '127.0.0.1' },
    });
    const current = (await listed()).filter((row: { isCurrent: boolean }) => row.isCurrent);
    expect(current).toMatchObject([{ id: admin.id }]);
    const narrow = await makeKey({ scopes: ['keys:write'] });
    await expect(
      call('DELETE', `/api/sessions/${body.id}`, { key: narrow.key }),
    ).resolves.toMatchObject({ status: 403, body: { code: 'ERR_SERVER_WIDER_KEY' } });
    await expect(
      call('DELETE', `/api/sessions/${body.id}`, { key: tenantKeys.one }),
    ).resolves.toMatchObject({ status: 404 });
    await expect(admin.call('DELETE', `/api/sessions/${body.id}`)).resolves.toMatchObject({
      status: 204,
    });
    expect(await listed()).not.toContainEqual(expect.objectContaining({ id: body.id }));
    const { body: events } = await admin.call('GET', '/api/events?limit=1000');
    const message = `${body.id} of ${keyId} from 127.0.0.1`;
    expect(events.items.filter((event: { message?: string }) => event.message === message)).toEqual(
      [
        expect.objectContaining({ type: 'session_created', actor: keyId }),
        expect.objectContaining({
          type: 'session_revoked',
          actor: expect.not.stringMatching(keyId),
        }),
      ],
    );
    // A session whose key has ended cannot be used, and is not shown.
    const ended = await makeKey(newKey);
    const { id } = await browser(ended.key);
    await call('DELETE', `/api/keys/${ended.id}`, { key: tenantKeys.default });
    expect(await listed()).not.toContainEqual(expect.objectContaining({ id }));
  });
});
