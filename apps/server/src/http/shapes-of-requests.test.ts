import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { apiDescription } from '../api-description.ts';
import type { Scope } from '../access/scopes.ts';
import { controllers } from '../controllers.ts';
import { type Serving, serving } from '../serving.testing.ts';
import { endpointsOf } from './endpoint.ts';
import type { JsonSchema } from './open-api.ts';

const toml = '[acme]\nca = "custom"\nca_custom_url = "https://127.0.0.1:1/directory"\n';
const ulid = '01kax2b0000000000000000000';
const routes = endpointsOf(controllers);
const {
  paths,
  components: { schemas = {} },
} = apiDescription('0.0.0');
let server: Serving;
beforeAll(async () => {
  server = await serving({ toml });
  for (const path of ['/api/certificates/:name', '/api/templates/:name'])
    await server.call('PUT', pathOf(path), { body: {} });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const pathOf = (path: string, prefix = 'crt') =>
  path
    .replace(':name', 'nothing.test')
    .replace(':serialNumber', 'ab12')
    .replace(':id', `${prefix}_${ulid}`);

/** The members that a body may leave out, as JSON pointers with `0` for an item of a list. */
function optionalMembers(schema: JsonSchema, at = ''): readonly string[] {
  const {
    $ref,
    properties = {},
    required = [],
    items,
    anyOf = [],
  } = schema as JsonSchema & {
    readonly properties?: Readonly<Record<string, JsonSchema>>;
    readonly required?: readonly string[];
    readonly items?: JsonSchema;
    readonly anyOf?: readonly JsonSchema[];
  };
  if (typeof $ref === 'string')
    return optionalMembers(schemas[$ref.split('/').at(-1) ?? ''] as JsonSchema, at);
  return [
    ...Object.keys(properties)
      .filter((name) => !required.includes(name))
      .map((name) => `${at}/${name}`),
    ...Object.entries(properties).flatMap(([name, inner]) =>
      optionalMembers(inner, `${at}/${name}`),
    ),
    ...(items ? optionalMembers(items, `${at}/0`) : []),
    ...anyOf.flatMap((inner) => optionalMembers(inner, at)),
  ];
}

/** A body that has an object where the members of a JSON pointer are, and nothing else. */
function bodyWith([step = '', ...deeper]: readonly string[], object: object): unknown {
  if (deeper.length === 0) return object;
  return step === '0' ? [bodyWith(deeper, object)] : { [step]: bodyWith(deeper, object) };
}

const members = routes
  .filter(({ body, scope }) => body && scope !== 'sender')
  .flatMap((route) => {
    const operation = paths[route.path.replaceAll(/:(\w+)/g, '{$1}')]?.[route.method.toLowerCase()];
    const schema = operation?.requestBody?.content['application/json'].schema ?? {};
    return optionalMembers(schema).map(
      (pointer) => [`${route.method} ${route.path}`, pointer, route] as const,
    );
  });

describe('null in a body', () => {
  it.each(members)('of %s means that %s is absent', async (_, pointer, { method, path }) => {
    const steps = pointer.slice(1).split('/');
    // With an issuer that does not exist, no CA is asked.
    const known = path === '/api/accounts' && pointer !== '/issuer' ? { issuer: 'nothing' } : {};
    const withNull = bodyWith(steps, { ...known, [steps.at(-1)!]: null });
    const without = bodyWith(steps, known);
    const reply = await server.call(method, pathOf(path), { body: withNull });
    const expected = await server.call(method, pathOf(path), { body: without });
    expect([reply.status, reply.body?.errors]).toEqual([expected.status, expected.body?.errors]);
  });

  it('leaves out what is optional, and nothing that is required', async () => {
    const scopes: readonly Scope[] = ['keys:read'];
    const empty = { title: null, names: null, expiresAt: null };
    const reply = await server.call('POST', '/api/keys', { body: { scopes, ...empty } });
    expect(reply).toMatchObject({ status: 201, body: { names: ['*'] } });
    for (const body of [{ scopes: null }, { scopes: [null] }, { scopes, unknown: null }])
      expect((await server.call('POST', '/api/keys', { body })).status).toBe(422);
    const labels = { team: 'web', place: null };
    await expect(
      server.call('PUT', '/api/certificates/null.test', { body: { labels, keyType: null } }),
    ).resolves.toMatchObject({ status: 201, body: { labels: { team: 'web' } } });
  });
});

describe('a valid request in another shape', () => {
  it.each([
    ['with a byte order mark', '\ufeff{"scopes":["keys:read"]}', 'application/json'],
    ['with a charset', '{"scopes":["keys:read"]}', 'application/json; charset=UTF-8'],
    ['with a type in capitals', '{"scopes":["keys:read"]}', 'Application/JSON'],
    ['with blanks around', ' \r\n{"scopes":["keys:read"]}\n', 'application/json'],
  ])('is taken %s', async (_, body, type) => {
    const headers = { 'content-type': type };
    expect((await server.call('POST', '/api/keys', { body, headers })).status).toBe(201);
  });

  it.each([['SHAPE.Test'], ['shape.test.'], ['Shape.TEST.']])(
    'is for the same certificate where the name is %s',
    async (name) => {
      await server.call('PUT', '/api/certificates/shape.test', { body: {} });
      const reply = await server.call('PUT', `/api/certificates/${name}`, { body: {} });
      expect(reply).toMatchObject({ status: 200, body: { names: ['shape.test'] } });
    },
  );

  it.each([['mailto:you@example.com'], ['MAILTO:you@example.com'], [' you@example.com ']])(
    'has the address %j of an account',
    async (email) => {
      const { body } = await server.call('POST', '/api/accounts', { body: { email, issuer: '-' } });
      expect(JSON.stringify(body)).not.toContain('/email');
    },
  );
});

describe('what a refusal says to do works', () => {
  it.each(
    routes
      .filter(({ scope }) => !['any', 'none', 'sender'].includes(scope))
      .map((route) => [`${route.method} ${route.path}`, route] as const),
  )('for a key without the scope of %s', async (_, { method, path, body, scope: needed }) => {
    const call = async (key: string) =>
      await server.call(method, pathOf(path), { key, ...(body ? { body: {} } : {}) });
    const makeKey = async (scopes: readonly string[]) => await server.makeKey({ scopes });
    const unrelated = needed === 'events:read' ? 'orders:read' : 'events:read';
    const refused = await call(await makeKey([unrelated]));
    expect(refused).toMatchObject({ status: 403, body: { code: 'ERR_SERVER_FORBIDDEN' } });
    const [scope = ''] = /[a-z-]+:[a-z]+/.exec(refused.body.detail) ?? [];
    expect([401, 403]).not.toContain((await call(await makeKey([scope]))).status);
  });

  it('for a request without a key, a body of another type, and one that is not JSON', async () => {
    const body = { scopes: ['keys:read'] };
    const unauthenticated = await server.call('GET', '/api/keys', { key: '' });
    expect(unauthenticated.body.cure).toContain('X-API-Key or Authorization: Bearer');
    const headers = { authorization: `Bearer ${server.key}` };
    expect((await server.call('GET', '/api/keys', { key: '', headers })).status).toBe(200);
    expect((await server.call('GET', '/api/keys')).status).toBe(200);
    for (const [text, type, status] of [
      ['a=b', 'application/x-www-form-urlencoded', 415],
      ['{broken', 'application/json', 400],
    ] as const) {
      const refused = await server.call('POST', '/api/keys', {
        body: text,
        headers: { 'content-type': type },
      });
      expect([refused.status, refused.body.cure]).toEqual([
        status,
        expect.stringContaining('Send JSON, as Content-Type: application/json'),
      ]);
    }
    expect((await server.call('POST', '/api/keys', { body })).status).toBe(201);
  });

  it('for a repeated Idempotency-Key, and for a secret that is shown once', async () => {
    const make = async (idempotencyKey: string, title: string) =>
      await server.call('POST', '/api/keys', {
        body: { scopes: ['keys:read'], title },
        headers: { 'idempotency-key': idempotencyKey },
      });
    const { body: key } = await make('first', 'a');
    expect((await make('first', 'b')).body).toMatchObject({
      code: 'ERR_SERVER_IDEMPOTENCY',
      cure: expect.stringContaining('Use a new key'),
    });
    expect((await make('second', 'b')).status).toBe(201);
    expect((await make('first', 'a')).body).toMatchObject({
      code: 'ERR_SERVER_SECRET_ONCE',
      cure: expect.stringContaining('Rotate the key'),
    });
    const rotated = await server.call('POST', `/api/keys/${key.id}/rotate`, { body: {} });
    expect(rotated.body).toMatchObject({ key: expect.stringMatching(/^ak_/) });
  });

  it('for a wider key, a body that is too large, and a path that does not exist', async () => {
    const narrow = await server.makeKey({ scopes: ['keys:write', 'orders:read'] });
    const make = async (scopes: readonly string[]) =>
      await server.call('POST', '/api/keys', { key: narrow, body: { scopes } });
    expect((await make(['orders:write'])).body.cure).toContain('within those of your own key');
    expect((await make(['orders:read'])).status).toBe(201);
    const padded = async (size: number) =>
      await server.call('POST', '/api/keys', { body: '{"scopes":["keys:read"]}'.padEnd(size) });
    expect((await padded(64 * 1024 + 1)).body.cure).toContain('64 KiB');
    expect((await padded(64 * 1024)).status).toBe(201);
    const missing = await server.call('GET', '/api/nothing');
    expect(missing.body.cure).toContain('/docs lists every route');
    const headers = { authorization: `Basic ${btoa(`:${server.key}`)}` };
    const docs = await (await server.fetch('/docs', { headers })).text();
    for (const { path } of routes) expect(docs).toContain(path.replaceAll(/:(\w+)/g, '{$1}'));
  });

  it('for a name that is not the name of the server', async () => {
    const headers = { host: 'acmex.test' };
    const { get } = await import('node:http');
    const statusOf = async () =>
      await new Promise<number | undefined>((resolve, reject) => {
        get(`${server.url}/health`, { headers }, (reply) => {
          reply.resume();
          resolve(reply.statusCode);
        }).on('error', reject);
      });
    expect(await statusOf()).toBe(421);
    await server.reload(`hosts = ["acmex.test"]\n${toml}`);
    expect(await statusOf()).toBe(200);
  });
});
