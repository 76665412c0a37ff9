import { stat } from 'node:fs/promises';
import { temporaryFolder } from '@acmex/services';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { initialKeyIn, serving } from '../serving.testing.ts';
import { assertStrong, digestOf, matches, newSecret } from './api-key.ts';
import { permits } from './permitted-names.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';

describe('the first key', () => {
  it('is stored in a file of its owner until it is used, and is made once', async () => {
    await using temporary = await temporaryFolder('first-key');
    const folder = temporary.path;
    const first = await serving({ folder });
    await expect(initialKeyIn(first.folder)).resolves.toBe(`${first.key}\n`);
    expect((await stat(`${first.folder}/data/.acmex/initial-api-key`)).mode & 0o777).toBe(0o600);
    await expect(first.call('GET', '/api/keys')).resolves.toMatchObject({
      status: 200,
      body: { items: [{ title: 'initial' }] },
    });
    await expect(initialKeyIn(first.folder)).resolves.toBeUndefined();
    await first[Symbol.asyncDispose]();
    await using again = await serving({ folder });
    expect(again.key).toBe('');
    await expect(again.call('GET', '/api/keys', { key: first.key })).resolves.toMatchObject({
      status: 200,
    });
  });
  it('is not made where the environment names keys, which may do everything', async () => {
    const configuredKey = newSecret();
    await using server = await serving({
      environment: { ACMEX_API_KEYS: `${configuredKey},${newSecret()}` },
    });
    expect(server.key).toBe('');
    await expect(
      server.call('GET', '/api/accounts', { key: configuredKey }),
    ).resolves.toMatchObject({
      status: 200,
    });
    await expect(
      server.call('GET', '/api/accounts', { key: `${configuredKey}x` }),
    ).resolves.toMatchObject({
      status: 401,
    });
  });
  it.each([
    'secret-admin-key',
    'secret-admin-key-secret-admin-key',
    'changeme',
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    '0123456789',
    'deadbeefdeadbeefdeadbeef',
    '0123456789abcdef0123456789abcdef',
  ])('is refused where the environment has %s', async (weak) => {
    await expect(serving({ environment: { ACMEX_API_KEYS: weak } })).rejects.toMatchObject({
      code: 'ERR_SERVER_API_KEY',
      message: expect.not.stringContaining(weak),
    });
  });
});

describe('a key', () => {
  it('makes none that is wider than itself, in scopes, names or end', async () => {
    await using server = await serving();
    const narrow = await server.makeKey({
      title: 'Web team',
      scopes: ['keys:write', 'keys:read', 'orders:read'],
      names: ['*.web.test'],
      expiresAt: '2100-01-01T00:00:00Z',
    });
    const make = async (body: object) =>
      await server.call('POST', '/api/keys', { key: narrow, body });
    await expect(make({ scopes: ['orders:read'], names: ['a.web.test'] })).resolves.toMatchObject({
      status: 201,
      body: { names: ['a.web.test'], expiresAt: '2100-01-01T00:00:00Z' },
    });
    await expect(make({ scopes: ['orders:read'] })).resolves.toMatchObject({
      status: 201,
      body: { names: ['*.web.test'] },
    });
    for (const wider of [
      { scopes: ['orders:write'] },
      { scopes: ['orders:read'], names: ['*'] },
      { scopes: ['orders:read'], names: ['web.test'] },
      { scopes: ['orders:read'], expiresAt: '2100-01-01T00:00:01Z' },
    ]) {
      await expect(make(wider)).resolves.toMatchObject({
        status: 403,
        body: { code: 'ERR_SERVER_WIDER_KEY' },
      });
    }
    const {
      body: { items },
    } = await server.call('GET', '/api/keys');
    const admin = items.find(({ title }: { title: string }) => title === 'initial').id;
    for (const [method, path, body] of [
      ['DELETE', ''],
      ['POST', '/rotate', {}],
      ['POST', '/expire', { at: '2000-01-01T00:00:00Z' }],
    ] as const) {
      await expect(
        server.call(method, `/api/keys/${admin}${path}`, {
          key: narrow,
          ...(body ? { body } : {}),
        }),
      ).resolves.toMatchObject({ status: 403 });
    }
    expect(JSON.stringify(items)).not.toContain(narrow.split('.')[2]);
  });
  it('is rotated without a moment in which none is taken, and ends when it is revoked or its time is over', async () => {
    await using server = await serving();
    const {
      body: { id, key: old },
    } = await server.call('POST', '/api/keys', { body: { scopes: ['keys:read'] } });
    const can = async (key: string) => (await server.call('GET', '/api/keys', { key })).status;
    const {
      body: { key: next, secrets },
    } = await server.call('POST', `/api/keys/${id}/rotate`, { body: { graceHours: 1 } });
    expect(secrets).toBe(2);
    expect([await can(old), await can(next)]).toEqual([200, 200]);
    const {
      body: { key: last },
    } = await server.call('POST', `/api/keys/${id}/rotate`, { body: { graceHours: 0 } });
    expect([await can(old), await can(next), await can(last)]).toEqual([401, 401, 200]);
    await server.call('POST', `/api/keys/${id}/expire`, { body: { at: '2020-01-01T00:00:00Z' } });
    expect(await can(last)).toBe(401);
    const {
      body: { id: withoutScope, key: text },
    } = await server.call('POST', '/api/keys', {
      body: { scopes: ['keys:read'] },
      headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
    });
    await expect(server.call('DELETE', `/api/keys/${withoutScope}`)).resolves.toMatchObject({
      status: 204,
    });
    expect(await can(text)).toBe(401);
    const {
      body: { items },
    } = await server.call('GET', '/api/events');
    expect(items.map(({ type }: { type: string }) => type)).toEqual([
      'api_key_created',
      'api_key_created',
      'api_key_changed',
      'api_key_changed',
      'api_key_changed',
      'api_key_created',
      'api_key_revoked',
    ]);
    const traces = items.map((event: { traceId: string }) => event.traceId);
    expect(traces[5]).toBe(traceId);
    expect(new Set(traces).size).toBe(traces.length);
    expect(traces).toEqual(traces.map(() => expect.stringMatching(/^[0-9a-f]{32}$/)));
  });
  it('is shown once, also to who repeats the request', async () => {
    await using server = await serving();
    const make = async () =>
      await server.call('POST', '/api/keys', {
        body: { scopes: ['keys:read'] },
        headers: { 'idempotency-key': 'one' },
      });
    await expect(make()).resolves.toMatchObject({ status: 201 });
    await expect(make()).resolves.toMatchObject({
      status: 409,
      body: { code: 'ERR_SERVER_SECRET_ONCE' },
    });
    expect((await server.call('GET', '/api/keys')).body.items).toHaveLength(2);
  });
  it('is not guessed for long: an address that fails is put off, and all others are not', async () => {
    await using server = await serving({ toml: 'trusted_proxies = ["127.0.0.1"]' });
    const guess = async (address: string, key = `ak_default.${'0'.repeat(26)}.${newSecret()}`) =>
      await server.call('GET', '/api/keys', { key, headers: { 'x-forwarded-for': address } });
    const known = `ak_default.${'0'.repeat(26)}.${newSecret()}`;
    for (let at = 0; at < 10; at += 1)
      await expect(guess('192.0.2.1', known)).resolves.toMatchObject({ status: 401 });
    const refused = await guess('192.0.2.1', known);
    expect(refused).toMatchObject({ status: 429, body: { code: 'ERR_SERVER_THROTTLED' } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    await expect(guess('192.0.2.2', known)).resolves.toMatchObject({ status: 401 });
    await expect(
      server.call('GET', '/api/keys', { headers: { 'x-forwarded-for': '192.0.2.1' } }),
    ).resolves.toMatchObject({ status: 200 });
  });
  it('is admitted where it is valid, however many failures came from the same network', async () => {
    await using server = await serving();
    const guess = async () =>
      await server.call('GET', '/api/keys', {
        key: `ak_default.${'0'.repeat(26)}.${newSecret()}`,
      });
    const guesses = await Promise.all(Array.from({ length: 70 }, guess));
    expect(guesses.filter(({ status }) => status === 429).length).toBeGreaterThan(0);
    await expect(guess()).resolves.toMatchObject({ status: 429 });
    await expect(server.call('GET', '/api/keys')).resolves.toMatchObject({ status: 200 });
  });
  it('is none where it is empty, said twice in two ways, or not a key', async () => {
    await using server = await serving();
    const ask = async (headers: Readonly<Record<string, string>>) =>
      (await server.call('GET', '/api/keys', { key: '', headers })).status;
    expect(await ask({ authorization: `Bearer ${server.key}` })).toBe(200);
    expect(await ask({ authorization: `Bearer ${server.key}`, 'x-api-key': server.key })).toBe(200);
    expect(await ask({ authorization: `Bearer ${server.key}`, 'x-api-key': 'other' })).toBe(401);
    expect(await ask({ authorization: `Basic ${btoa(`:${server.key}`)}` })).toBe(401);
    for (const text of [
      '.',
      'null',
      'undefined',
      'ak_',
      server.key.slice(0, -1),
      `${server.key}A`,
      server.key.toUpperCase(),
      server.key.replace('ak_default', 'ak_other'),
    ])
      expect(await ask({ 'x-api-key': text })).toBe(401);
    expect(
      (
        await server.fetch('/docs', {
          headers: { authorization: `Basic ${btoa(`:${server.key}`)}` },
        })
      ).status,
    ).toBe(200);
    const asked = await server.fetch('/docs');
    expect([asked.status, asked.headers.get('www-authenticate')]).toEqual([
      401,
      'Basic realm="the API key as password"',
    ]);
  });
});

describe('what a key is made of', () => {
  it('matches nothing but itself', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (text, candidate) => {
        expect(matches(text, digestOf(candidate))).toBe(text === candidate && text !== '');
        expect(matches(text, '')).toBe(false);
      }),
    );
  });
  it('is strong', () => {
    expect(() => assertStrong(newSecret(), 'x')).not.toThrow();
    expect(() => assertStrong('0f7c1e9b4a6d8253c1b0a9f8e7d6c5b4', 'x')).not.toThrow();
  });
});

describe('names that are permitted', () => {
  it.each([
    ['*', 'a.test', true],
    ['*', '*', true],
    ['a.test', 'a.test', true],
    ['a.test', 'b.a.test', false],
    ['*.a.test', 'b.a.test', true],
    ['*.a.test', '*.a.test', true],
    ['*.a.test', '*.b.a.test', true],
    ['*.a.test', 'a.test', false],
    ['*.a.test', 'ba.test', false],
    ['*.a.test', '*', false],
    ['b.a.test', '*.a.test', false],
  ])('%s and %s: %s', (pattern, name, wanted) => {
    expect(permits(pattern, name)).toBe(wanted);
  });
});
