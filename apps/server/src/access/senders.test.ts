import { createHmac } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, virtualClock } from '@acmex/clock';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { Tenant } from '../tenants.ts';
import { type Serving, serving, startCa, type TestCa } from '../serving.testing.ts';
import { oidc } from './oidc.ts';

describe('a token of an OpenID Connect provider', () => {
  const provider = {
    issuer: 'https://id.example',
    audience: 'acmex',
    jwks_url: undefined,
    tenant_claim: 'tenant',
    scope_claim: 'scope',
    names_claim: undefined,
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
    oidc({ provider: { ...provider, ...more }, tenants: () => tenants, fetch: fetching, clock });

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
  it('waits for the provider, and says so, where its keys cannot be read', async () => {
    await expect(reader({ issuer: 'https://gone.example' })(await token())).rejects.toMatchObject({
      code: 'ERR_SERVER_UNAVAILABLE',
    });
  });
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
    await rm(folder, { recursive: true, force: true });
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
