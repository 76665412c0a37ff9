import { createHmac } from 'node:crypto';
import { chmod, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, virtualClock } from '@acmex/clock';
import { printable } from '@acmex/errors';
import { removeFolder } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { Tenant } from '../tenants.ts';
import { type Serving, serving, startCa, type TestCa } from '../serving.testing.ts';
import { ServerError } from '../errors.ts';
import { Authenticator } from './authenticator.ts';
import { oidc } from './oidc.ts';

describe('a token of an OpenID Connect provider', () => {
  const provider = {
    issuer: 'https://id.example',
    audience: 'acmex',
    jwks_url: undefined,
    tenant_claim: 'tenant',
    scope_claim: 'scope',
    names_claim: undefined,
    client_id: undefined,
    client_secret: undefined,
    login_scopes: ['openid'],
    login_name: undefined,
  };
  const clock = virtualClock({ now: '2026-11-24T00:00:00Z' });
  const tenants = new Map(
    ['one', 'two'].map((name) => [name, { name, names: ['*'] } as unknown as Tenant]),
  );
  let key: Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
  let documents: Readonly<Record<string, unknown>>;
  const fetching = (async (url: unknown) => {
    const document = documents[String(url)];
    return document === undefined ? new Response('', { status: 404 }) : Response.json(document);
  }) as typeof fetch;
  beforeAll(async () => {
    const pair = await generateKeyPair('ES256');
    key = pair.privateKey;
    documents = {
      'https://id.example/.well-known/openid-configuration': {
        issuer: 'https://id.example',
        jwks_uri: 'https://id.example/keys',
      },
      'https://id.example/keys': {
        keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'a', alg: 'ES256' }],
      },
    };
  });
  const token = async (
    claims: object = {},
    {
      issuer = 'https://id.example',
      audience = 'acmex',
      expires = '2026-11-24T01:00:00Z',
      by = key,
    } = {},
  ) =>
    await new SignJWT({
      sub: 'somebody',
      tenant: 'one',
      scope: 'orders:read orders:write unknown:thing',
      ...claims,
    })
      .setProtectedHeader({ alg: 'ES256', kid: 'a' })
      .setIssuer(issuer)
      .setAudience(audience)
      .setExpirationTime(Date.parse(expires) / 1000)
      .sign(by);
  const reader = (more: object = {}) =>
    oidc({ provider: { ...provider, ...more }, tenants: () => tenants, fetch: fetching, clock })
      .read;

  it('is somebody of a tenant, with the scopes that there are', async () => {
    await expect(reader()(await token())).resolves.toMatchObject({
      id: 'oidc:somebody',
      tenant: { name: 'one' },
      scopes: new Set(['orders:read', 'orders:write']),
      names: ['*'],
      expiresAt: '2026-11-24T01:00:00.000Z',
    });
    await expect(
      reader({ names_claim: 'dns' })(await token({ dns: ['a.test', '*.b.test'] })),
    ).resolves.toMatchObject({ names: ['a.test', '*.b.test'] });
  });
  it('authenticates no one if anything in the request is wrong', async () => {
    const read = reader();
    const unknownKey = (await generateKeyPair('ES256')).privateKey;
    const [head = '', body = ''] = (await token()).split('.');
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`;
    const shared = `${Buffer.from('{"alg":"HS256","kid":"a"}').toString('base64url')}.${body}`;
    const hmac = `${shared}.${createHmac('sha256', JSON.stringify(documents['https://id.example/keys'])).update(shared).digest('base64url')}`;
    for (const wrong of [
      await token({}, { issuer: 'https://evil.example' }),
      await token({}, { audience: 'other' }),
      await token({}, { expires: '2026-11-23T00:00:00Z' }),
      await token({}, { by: unknownKey }),
      none,
      hmac,
      `${head}.${body}.`,
      await token({ tenant: 'three' }),
      await token({ tenant: undefined }),
      await token({ tenant: ['one'] }),
      await token({ sub: undefined }),
    ])
      await expect(read(wrong)).resolves.toBeUndefined();
    await expect(reader({ names_claim: 'dns' })(await token())).resolves.toBeUndefined();
  });
  it('is answered with 503 while the provider is away, which is not asked again for each token', async () => {
    const gone = virtualClock({ now: '2026-11-24T00:00:00Z' });
    let [requests, isAway] = [0, true];
    const counting = (async (url: unknown) => {
      requests += 1;
      if (isAway) throw new TypeError('fetch failed');
      return await fetching(String(url));
    }) as typeof fetch;
    const { read } = oidc({
      ...{ provider, tenants: () => tenants },
      ...{ fetch: counting, clock: gone },
    });
    const good = await token();
    for (let time = 0; time < 20; time += 1)
      await expect(read(good)).rejects.toMatchObject({
        code: 'ERR_SERVER_UNAVAILABLE',
        retryAfter: 30,
      });
    expect(requests).toBe(1);
    isAway = false;
    await gone.advance({ seconds: 31 });
    await expect(read(good)).resolves.toMatchObject({ id: 'oidc:somebody' });
  });
  it.each([
    [
      'whose discovery document is of another issuer',
      { issuer: 'https://evil.example' },
      undefined,
    ],
    ['whose keys are not a key set', undefined, { keys: 'none' }],
    ['whose keys cannot be found', undefined, undefined],
  ])('is answered with 503 by a provider %s', async (_, discovery, keySet) => {
    let requests = 0;
    const broken = (async (url: unknown) => {
      requests += 1;
      const isDiscovery = String(url).endsWith('openid-configuration');
      const document = isDiscovery
        ? (discovery ?? documents['https://id.example/.well-known/openid-configuration'])
        : keySet;
      return document ? Response.json(document) : new Response('', { status: 500 });
    }) as typeof fetch;
    const { read } = oidc({ provider, tenants: () => tenants, fetch: broken, clock });
    for (let time = 0; time < 5; time += 1)
      await expect(read(await token())).rejects.toMatchObject({ code: 'ERR_SERVER_UNAVAILABLE' });
    expect(requests).toBeLessThanOrEqual(2);
  });
  it('is not counted as a failure while the provider is away, and then admitted', async () => {
    let isAway = true;
    const authenticator = new Authenticator({
      tenants: () => tenants,
      keysOf: () => {
        throw new Error('no key is asked for');
      },
      sessionsOf: () => {
        throw new Error('no session is asked for');
      },
      calendarTokensOf: () => {
        throw new Error('no calendar token is asked for');
      },
      configured: () => [],
      tokens: () => async (text) => {
        if (isAway) throw new ServerError('ERR_SERVER_UNAVAILABLE', 'away');
        return await reader()(text);
      },
    });
    const headers = { authorization: `Bearer ${await token()}`, cookies: [] };
    for (let time = 0; time < 100; time += 1)
      await expect(authenticator.authenticate(headers, '192.0.2.1')).rejects.toMatchObject({
        code: 'ERR_SERVER_UNAVAILABLE',
      });
    isAway = false;
    await expect(authenticator.authenticate(headers, '192.0.2.1')).resolves.toMatchObject({
      id: 'oidc:somebody',
    });
  });
  it('is of two people where their subjects differ, however long they are or what is in them', async () => {
    const long = 'x'.repeat(200);
    const subjects = [
      `${long}a`,
      `${long}b`,
      'a\nb',
      'a\\u{a}b',
      '\u202Eevil',
      'a\u0000',
      `x sha256:${'0'.repeat(64)}`,
    ];
    const ids = await Promise.all(
      subjects.map(async (sub) => String((await reader()(await token({ sub })))?.id)),
    );
    expect(new Set(ids).size).toBe(subjects.length);
    for (const id of ids) expect([id, printable(id), id.length <= 300]).toEqual([id, id, true]);
  });
  it.each([1e13, 8.64e12 + 1, Number.MAX_SAFE_INTEGER])(
    'is not valid where its end is %d, which no calendar has',
    async (exp) => {
      const signed = await new SignJWT({ sub: 'somebody', tenant: 'one', exp })
        .setProtectedHeader({ alg: 'ES256', kid: 'a' })
        .setIssuer('https://id.example')
        .setAudience('acmex')
        .sign(key);
      await expect(reader()(signed)).resolves.toBeUndefined();
    },
  );
});

describe('a webhook', () => {
  const secret = `whsec_${Buffer.from('a secret that is long enough').toString('base64')}`;
  let ca: TestCa;
  let server: Serving;
  beforeAll(async () => {
    ca = await startCa();
    server = await serving({ ca, toml: `[[server.webhooks]]\nname = "ci"\nsecret = "${secret}"` });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await ca[Symbol.asyncDispose]();
  });
  const send = async (
    body: object,
    {
      id = `msg_${Math.random()}`,
      at = Math.floor(systemClock.now().epochMilliseconds / 1000),
      by = secret,
    }: { id?: string; at?: number; by?: string } = {},
  ) => {
    const text = JSON.stringify(body);
    const signature = createHmac('sha256', Buffer.from(by.slice(6), 'base64'))
      .update(`${id}.${at}.${text}`)
      .digest('base64');
    return await server.call('POST', '/api/webhook', {
      key: '',
      body: text,
      headers: {
        'webhook-id': id,
        'webhook-timestamp': String(at),
        'webhook-signature': `v1,bm90IHRoaXM= v1,${signature}`,
      },
    });
  };

  it('is answered only if a configured sender has signed it', async () => {
    await expect(send({ event: 'ping' })).resolves.toMatchObject({
      status: 200,
      body: { status: 'pong' },
    });
    await expect(
      send({ event: 'ping' }, { by: `whsec_${btoa('another secret, long enough')}` }),
    ).resolves.toMatchObject({ status: 401, body: { code: 'ERR_SERVER_SIGNATURE' } });
    await expect(
      send({ event: 'ping' }, { at: Math.floor(systemClock.now().epochMilliseconds / 1000) - 400 }),
    ).resolves.toMatchObject({ status: 401 });
    await expect(
      server.call('POST', '/api/webhook', { body: { event: 'ping' } }),
    ).resolves.toMatchObject({ status: 401 });
  });
  it('is refused without a start of the program that has the secret, and put off after many failures', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'acmex-webhook-'));
    const [program, runs] = [join(folder, 'secret'), join(folder, 'runs')];
    await writeFile(program, `#!/bin/sh\necho run >> ${runs}\nprintf %s '${secret}'\n`);
    await chmod(program, 0o700);
    await using commanded = await serving({
      toml: `[[server.webhooks]]\nname = "ci"\nsecret = { command = ["${program}"] }`,
    });
    const unsigned = async (headers: Readonly<Record<string, string>> = {}) =>
      await commanded.call('POST', '/api/webhook', { key: '', body: { event: 'ping' }, headers });
    const at = String(Math.floor(systemClock.now().epochMilliseconds / 1000));
    const wrong = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': at,
      'webhook-signature': `v1,${Buffer.alloc(32).toString('base64')}`,
    };
    for (const headers of [{}, wrong])
      await expect(unsigned(headers)).resolves.toMatchObject({ status: 401 });
    const failures = await Promise.all(
      Array.from({ length: 20 }, async () => await unsigned(wrong)),
    );
    expect(failures.map(({ status }) => status)).toContain(429);
    const text = JSON.stringify({ event: 'ping' });
    const signature = createHmac('sha256', Buffer.from(secret.slice(6), 'base64'))
      .update(`msg_2.${at}.${text}`)
      .digest('base64');
    const signed = { ...wrong, 'webhook-id': 'msg_2', 'webhook-signature': `v1,${signature}` };
    await expect(unsigned(signed)).resolves.toMatchObject({ status: 200 });
    await expect(readFile(runs, 'utf8')).resolves.toBe('run\n');
    await removeFolder(folder);
  });
  it.each([
    'whsec_',
    'x',
    'whsec_c2hvcnQ=',
    'a'.repeat(40),
    'whsec_!!!!',
    'short text of 23 chars.',
  ])('has no sender whose secret is %s: the server does not start', async (weak) => {
    await expect(
      serving({ toml: `[[server.webhooks]]\nname = "ci"\nsecret = "${weak}"` }),
    ).rejects.toMatchObject({
      code: 'ERR_SERVER_WEBHOOK_SECRET',
      message: expect.stringContaining('server.webhooks[0].secret'),
    });
  });
  it('renews what it names, once however often it comes', async () => {
    const {
      body: { id, certificate },
    } = await server.call('POST', '/api/orders', { body: { names: ['hook.test'] } });
    await server.call('GET', `/api/orders/${id}/events`);
    const message = { event: 'renew', data: { name: 'hook.test' } };
    const first = await send(message, { id: 'msg_1' });
    expect(first).toMatchObject({
      status: 200,
      body: { certificates: [certificate], orders: [expect.stringMatching(/^ord_/)] },
    });
    await server.call('GET', `/api/orders/${first.body.orders[0]}/events`);
    await expect(send(message, { id: 'msg_1' })).resolves.toMatchObject({
      status: 200,
      body: first.body,
    });
    await expect(send({ event: 'recheck', data: { certificate } })).resolves.toMatchObject({
      status: 200,
      body: { certificates: [certificate] },
    });
    await expect(send({ event: 'renew' })).resolves.toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/data' }] },
    });
    await expect(server.call('GET', `/api/certificates/${certificate}`)).resolves.toMatchObject({
      body: { current: { generation: 2 } },
    });
  });
});
