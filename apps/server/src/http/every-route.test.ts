import { request as plainRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { apiDescription } from '../api-description.ts';
import { newSecret } from '../access/api-key.ts';
import { scopes } from '../access/scopes.ts';
import { controllers } from '../controllers.ts';
import { type Reply, type Serving, serving } from '../serving.testing.ts';
import { endpointsOf } from './endpoint.ts';
import type { JsonSchema } from './open-api.ts';

/** Secrets in places where a server keeps some; none of them may ever be seen. */
const planted = Array.from({ length: 12 }, (_, at) =>
  at === 8 ? Buffer.from(newSecret(), 'base64url').toString('hex') : `planted${at}${newSecret()}`,
);
const toml = `
trusted_proxies = ["127.0.0.1"]
api_keys = ["${planted[0]}"]
[[server.webhooks]]
name = "sender"
secret = "whsec_${planted[1]}"
[acme]
ca = "custom"
ca_custom_url = "https://ca.invalid/directory"
[acme.external_account_binding]
key_id = "kid"
hmac_key = "${planted[2]}"
[issuers.other]
directory = "https://other.invalid/directory"
[issuers.other.external_account_binding]
key_id = "kid"
hmac_key = "${planted[3]}"
[challenge.dns01]
provider = "cloudflare"
[[challenge.dns01.providers]]
name = "cloudflare"
type = "cloudflare"
api_token = "${planted[4]}"
[[challenge.dns01.providers]]
name = "pdns"
type = "powerdns"
url = "http://127.0.0.1:1"
api_key = "${planted[5]}"
[[challenge.dns01.providers]]
name = "bind"
type = "rfc2136"
server = "127.0.0.1:1"
key_name = "key"
key_secret = "${planted[9]}"
[[challenge.dns01.providers]]
name = "joohoi"
type = "acmedns"
url = "http://127.0.0.1:1"
accounts = [{ fulldomain = "x.invalid", subdomain = "x", username = "u", password = "${planted[10]}" }]
[storage.encrypted]
encryption_key = "${planted[8]}"
[[notifications.webhooks]]
name = "hook"
url = "https://hooks.invalid/x"
auth_token = "${planted[6]}"
[[notifications.email]]
smtp_host = "127.0.0.1"
from = "a@a.example"
to = ["b@b.example"]
username = "user"
password = "${planted[7]}"
`;
const routes = endpointsOf(controllers);
const {
  paths,
  components: { schemas = {} },
} = apiDescription('0.0.0');
const ulid = '01kax2b0000000000000000000';
/** An address with an id of the right form, as its description has it. */
const pathOf = (path: string) =>
  path
    .replace(':name', 'a.test')
    .replace(':serialNumber', 'ab12')
    .replace(':id', () => {
      const patterns = Object.values(paths[path.replaceAll(/:(\w+)/g, '{$1}')] ?? {}).flatMap(
        ({ parameters }) => parameters.map(({ schema }) => String(schema.pattern)),
      );
      const [, prefix = 'acc'] = /\^(\w+)_\[0-9a-z\]/.exec(patterns.join()) ?? [];
      return prefix === 'acc' ? 'acc_0123456789ab' : `${prefix}_${ulid}`;
    });
const guarded = routes.filter(({ scope }) => scope !== 'none' && scope !== 'sender');

let server: Serving;
/** Of a session that may do everything. */
let cookie = '';
let addresses = 0;
/** From another address each time: who fails often from one is put off. */
const ask = async (method: string, path: string, more: Parameters<Serving['call']>[2] = {}) => {
  addresses += 1;
  return await server.call(method, path, {
    ...more,
    headers: {
      'x-forwarded-for': `10.${(addresses >> 16) & 255}.${(addresses >> 8) & 255}.${addresses & 255}`,
      ...more.headers,
    },
  });
};
/** As no client would write it. */
const raw = async (
  method: string,
  path: string,
  headers: Readonly<Record<string, string | string[]>> = {},
  body?: string,
) =>
  await new Promise<{ status: number; text: string; location: string | undefined }>(
    (resolve, reject) => {
      const { port } = new URL(server.url);
      const request = plainRequest(
        {
          host: '127.0.0.1',
          port,
          method,
          path,
          headers: {
            host: `127.0.0.1:${port}`,
            'x-forwarded-for': `10.200.${Math.floor(Math.random() * 250)}.${Math.floor(Math.random() * 250)}`,
            ...headers,
          },
        },
        (answer) => {
          let text = '';
          answer
            .setEncoding('utf8')
            .on('data', (part: string) => {
              text += part;
            })
            .on('end', () => {
              const {
                statusCode: status = 0,
                headers: { location },
              } = answer;
              resolve({ status, text, location });
            });
        },
      );
      request.on('error', reject);
      request.end(body);
    },
  );
const everything = () => planted[0];

beforeAll(async () => {
  server = await serving({ toml, environment: {} });
  const signedIn = await ask('POST', '/api/session', {
    key: '',
    body: { key: everything() },
    headers: { 'x-forwarded-proto': 'https' },
  });
  [cookie = ''] = (signedIn.headers.get('set-cookie') ?? '').split(';');
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe.each(guarded.map((route) => [`${route.method} ${route.path}`, route] as const))(
  '%s',
  (_, { method, path, scope, body }) => {
    const place = pathOf(path);
    const send = body ? { body: {} } : {};

    it('refuses a request without a key, with a wrong key, or with a key of another scope', async () => {
      await expect(ask(method, place, { key: '', ...send })).resolves.toMatchObject({
        status: 401,
        body: { code: 'ERR_SERVER_UNAUTHENTICATED' },
      });
      for (const wrong of [newSecret(), `ak_default.${ulid}.${newSecret()}`, 'x.y.z'])
        await expect(ask(method, place, { key: wrong, ...send })).resolves.toMatchObject({
          status: 401,
        });
      if (scope === 'any') return;
      const {
        body: { key },
      } = await ask('POST', '/api/keys', {
        key: everything(),
        body: { scopes: scopes.filter((candidate) => candidate !== scope) },
      });
      await expect(ask(method, place, { key, ...send })).resolves.toMatchObject({
        status: 403,
        body: { code: 'ERR_SERVER_FORBIDDEN', detail: expect.stringContaining(scope) },
      });
    });
    it('refuses a request that a page of another origin could send with the cookie of a session', async () => {
      const headers = { cookie, 'x-forwarded-proto': 'https' };
      const { status, body: problem } = await ask(method, place, { key: '', ...send, headers });
      const isRefused = status === 403 && problem.code === 'ERR_SERVER_CSRF';
      // Reading changes nothing, and no page of another origin sees the answer.
      expect([isRefused, status === 401]).toEqual([method !== 'GET', false]);
    });
    it('is behind the same door however its path is written', async () => {
      const encoded = place.replace(/[a-z]/g, (letter, at: number) =>
        at === place.search(/[a-z]/) ? `%${letter.charCodeAt(0).toString(16)}` : letter,
      );
      for (const variant of [
        encoded,
        `/${place}`,
        `${place};a=b`,
        `${place}/`,
        `${place}%00`,
        place.toUpperCase(),
        `${place}/..;/health`,
        `/health/..${place}`,
        `${place}%2f..%2f..%2fhealth`,
      ]) {
        const { status, text } = await raw(method, variant);
        expect([variant, status, text.includes('"items"')]).toEqual([variant, 401, false]);
      }
    });
    it('refuses what it does not know', async () => {
      await expect(
        ask(method, `${place}?unknown=1`, { key: everything(), ...send }),
      ).resolves.toMatchObject({
        status: 400,
        body: { code: 'ERR_SERVER_REQUEST', errors: [{ parameter: 'unknown' }] },
      });
      if (method === 'GET') return;
      await expect(
        ask(method, place, { key: everything(), body: { unknown: 'field' } }),
      ).resolves.toMatchObject({
        status: 422,
        body: {
          code: 'ERR_SERVER_BODY',
          errors: expect.arrayContaining([
            expect.objectContaining({ pointer: body ? '/unknown' : '' }),
          ]),
        },
      });
      await expect(
        ask(method, place, {
          key: everything(),
          body: '{"a":',
          headers: { 'content-type': 'application/json' },
        }),
      ).resolves.toMatchObject({ status: 400, body: { code: 'ERR_SERVER_JSON' } });
      await expect(
        ask(method, place, { key: everything(), body: '{"__proto__":{}}' }),
      ).resolves.toMatchObject({ status: 400 });
      await expect(
        ask(method, place, {
          key: everything(),
          body: 'a=b',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        }),
      ).resolves.toMatchObject({ status: 415 });
      await expect(
        ask(method, place, {
          key: everything(),
          body: JSON.stringify({ names: 'x'.repeat(70_000) }),
        }),
      ).resolves.toMatchObject({ status: 413, body: { code: 'ERR_SERVER_TOO_LARGE' } });
    });
  },
);

describe('anybody', () => {
  it('sees whether the server is well, and nothing else', async () => {
    for (const path of ['/health', '/health/ready'])
      await expect(ask('GET', path, { key: '' })).resolves.toMatchObject({
        status: 200,
        body: { status: 'healthy' },
      });
    for (const path of [
      '/api',
      '/docs',
      '/metrics',
      '/openapi.json',
      '/favicon.ico',
      '/.env',
      '/api/none',
      '/health/other',
      '/health/',
    ])
      await expect(ask('GET', path, { key: '' })).resolves.toMatchObject({ status: 401 });
    await expect(ask('GET', '/api/none', { key: everything() })).resolves.toMatchObject({
      status: 404,
      body: { code: 'ERR_SERVER_NOT_FOUND' },
    });
    await expect(
      ask('OPTIONS', '/api/certificates', {
        key: '',
        headers: { origin: 'https://evil.example', 'access-control-request-method': 'GET' },
      }),
    ).resolves.toMatchObject({ status: 401 });
    expect(
      (await server.fetch('/health', { headers: { origin: 'https://evil.example' } })).headers.get(
        'access-control-allow-origin',
      ),
    ).toBeNull();
  });
  it('gets the same headers of security with each answer, and no route takes a query that it does not describe', async () => {
    const answers = await Promise.all(
      ['/health', '/health/ready', '/health?verbose=1', '/api/none'].map((path) =>
        server.fetch(path),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 400, 401]);
    for (const { headers } of answers)
      expect(Object.fromEntries(headers)).toMatchObject({
        'content-security-policy':
          "default-src 'none';style-src 'unsafe-inline';base-uri 'none';form-action 'none';frame-ancestors 'none'",
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-store',
      });
    const [{ headers }, ready] = answers as [Response, Response];
    for (const name of ['content-type', 'cross-origin-opener-policy'])
      expect([name, headers.get(name)]).toEqual([name, ready.headers.get(name)]);
    await expect(answers[0]!.text()).resolves.toBe('{"status":"healthy"}');
  });
  it('leads a browser nowhere else, whatever its address says', async () => {
    for (const path of [
      ...['//evil.example', '//evil.example/%2e%2e', '/\\evil.example', '/%5Cevil.example'],
      ...['/certificates//evil.example/', '/%2F%2Fevil.example', '/.//evil.example'],
      ...['/?return=https://evil.example', '/?next=javascript:alert(1)', 'https://evil.example/'],
      ...['/%0d%0alocation:%20https://evil.example', '/api/session?return=//evil.example'],
    ]) {
      const { status, location } = await raw('GET', path);
      expect([path, status < 300 || status >= 400, location]).toEqual([path, true, undefined]);
    }
  });
  it("is refused under a name that is not the server's, and with a header that is sent twice", async () => {
    expect((await raw('GET', '/health', { host: 'evil.example' })).status).toBe(421);
    expect((await raw('GET', '/health', { host: 'localhost' })).status).toBe(200);
    expect((await raw('GET', '/api/keys', { 'x-api-key': [planted[0]!, 'other'] })).status).toBe(
      400,
    );
  });
});

/** Words in the names of fields for what a key may never say. */
const forbidden = [
  'command',
  'cmd',
  'argv',
  'path',
  'file',
  'dir',
  'directory',
  'hook',
  'hooks',
  'uri',
  'url',
  'endpoint',
  'secret',
  'password',
  'token',
  'credential',
  'credentials',
  'script',
  'exec',
  'redis',
  'resolver',
  'resolvers',
  'server',
  'host',
  'proxy',
  'webhook',
];
const wordsOf = (field: string) =>
  field.split(/(?=[A-Z])|[^a-zA-Z]/).map((word) => word.toLowerCase());
/** Forms of what a key may never say. */
const never = [
  '/bin/sh -c id',
  '/etc/passwd',
  '../../etc/passwd',
  '$(id)',
  '`id`',
  'rm -rf /; ls',
  'http://169.254.169.254/latest',
  'https://ca.invalid/directory',
  'redis://127.0.0.1:6379',
  'file:///etc/passwd',
  'a\nb',
  '-----BEGIN PRIVATE KEY-----',
  'user:password@host',
  '|id',
  '&& id',
  'C:\\Windows',
];

describe('a body', () => {
  const bodies = routes
    .filter(({ body }) => body)
    .map(
      (route) =>
        [
          `${route.method} ${route.path}`,
          paths[route.path.replaceAll(/:(\w+)/g, '{$1}')]?.[route.method.toLowerCase()]?.requestBody
            ?.content['application/json'].schema ?? {},
          route,
        ] as const,
    );
  const leaves = (schema: JsonSchema, at: string): readonly (readonly [string, JsonSchema])[] => {
    const reference =
      typeof schema.$ref === 'string'
        ? (schemas[schema.$ref.split('/').at(-1) ?? ''] as JsonSchema)
        : undefined;
    if (reference) return leaves(reference, at);
    const {
      properties = {},
      items,
      additionalProperties,
      propertyNames,
      anyOf,
    } = schema as {
      properties?: Record<string, JsonSchema>;
      items?: JsonSchema;
      additionalProperties?: JsonSchema | boolean;
      propertyNames?: JsonSchema;
      anyOf?: JsonSchema[];
    };
    const inner = [
      ...Object.entries(properties).flatMap(([name, property]) =>
        leaves(property, `${at}/${name}`),
      ),
      ...(items ? leaves(items, `${at}/0`) : []),
      ...(typeof additionalProperties === 'object' ? leaves(additionalProperties, `${at}/a`) : []),
      ...(propertyNames ? leaves(propertyNames, `${at}/{name}`) : []),
      ...(anyOf ?? []).flatMap((property) => leaves(property, at)),
    ];
    return inner.length > 0 ? inner : [[at, schema]];
  };

  it.each(bodies)(
    'of %s has no place for a command, a path, a URL or a credential',
    async (_, schema, { method, path }) => {
      for (const [at, { type, enum: choices, pattern, format, maxLength }] of leaves(schema, '')) {
        expect([
          at,
          wordsOf(at.split('/').at(-1) ?? '').filter((word) => forbidden.includes(word)),
        ]).toEqual([at, []]);
        if (type !== 'string' || choices) continue;
        expect([
          at,
          typeof pattern === 'string' || format === 'date-time',
          typeof pattern !== 'string' || (pattern.startsWith('^') && pattern.endsWith('$')),
        ]).toEqual([at, true, true]);
        for (const value of never)
          expect([
            at,
            value,
            typeof pattern === 'string' && new RegExp(pattern, 'u').test(value),
          ]).toEqual([at, value, false]);
        if (typeof pattern === 'string' && /[*+]/.test(pattern))
          expect([
            at,
            maxLength !== undefined || !new RegExp(pattern, 'u').test('a'.repeat(2000)),
          ]).toEqual([at, true]);
      }
      for (const value of never) {
        for (const [at] of leaves(schema, '')) {
          const [field = '', ...deeper] = at.slice(1).split('/');
          if (field.includes('{')) continue;
          const body = {
            [field]: nested(deeper, value),
          };
          await expect(
            ask(method, pathOf(path), { key: everything(), body }),
          ).resolves.toMatchObject({ status: path === '/api/webhook' ? 401 : 422 });
        }
      }
    },
  );
});

describe('requests of every kind', () => {
  const size = process.env.ACMEX_SOAK === 'server' ? 10_000 : 1500;
  const id = fc.constantFrom(
    ...['crt', 'ord', 'key', 'evt'].map((prefix) => `${prefix}_${ulid}`),
    'acc_0123456789ab',
    'crt_',
    '..',
    '%2e%2e',
    'a'.repeat(400),
    '*',
    '\u0000',
  );
  const value = fc.oneof(
    fc.constantFrom(
      ...never,
      'a.test',
      '*.a.test',
      'xn--',
      '-1',
      '1e9',
      '2026-01-01T00:00:00Z',
      '9999-99-99',
      'ec-p256',
      'http-01',
      '',
    ),
    fc.string({ maxLength: 30 }),
    id,
  );
  const json = fc.oneof(
    { depthSize: 'small' },
    value,
    fc.jsonValue(),
    fc.array(value, { maxLength: 5 }),
    fc.dictionary(fc.string({ maxLength: 8 }), value, { maxKeys: 3 }),
  );
  const generated = fc.constantFrom(...routes).chain((route) => {
    const fields = Object.keys(
      (
        (paths[route.path.replaceAll(/:(\w+)/g, '{$1}')]?.[route.method.toLowerCase()]?.requestBody
          ?.content['application/json'].schema ?? {}) as { properties?: object }
      ).properties ?? {},
    );
    const query = (
      paths[route.path.replaceAll(/:(\w+)/g, '{$1}')]?.[route.method.toLowerCase()]?.parameters ??
      []
    )
      .filter((parameter) => parameter.in === 'query')
      .map(({ name }) => name);
    return fc.record({
      route: fc.constant(route),
      id,
      named: fc.boolean(),
      keyed: fc.integer({ min: 0, max: 9 }),
      body: fc.option(
        fc.oneof(fc.dictionary(fc.constantFrom('unknown', ...fields), json, { maxKeys: 6 }), json),
        { freq: 4 },
      ),
      query: fc.dictionary(fc.constantFrom('unknown', ...query), value, { maxKeys: 3 }),
      headers: fc.record(
        {
          'idempotency-key': fc.constantFrom('a', 'b', 'x'.repeat(300)),
          'last-event-id': fc.constantFrom('0', 'x', '99999999999'),
          'if-none-match': fc.constantFrom('*', '"', 'W/"1"'),
        },
        { requiredKeys: [] },
      ),
    });
  });

  it(
    `are answered, ${size} of them, without a fault and without a word of what is secret`,
    async () => {
      const replies: Reply[] = [];
      const {
        body: { key: minted },
      } = await ask('POST', '/api/keys', { key: everything(), body: { scopes: ['keys:read'] } });
      const secrets = [...planted.slice(0, 11), String(minted).split('.')[2] ?? ''];
      expect(secrets).toHaveLength(12);
      const counts = new Map<number, number>();
      for (const { route, id: resourceId, named, keyed, body, query, headers } of fc.sample(
        generated,
        {
          numRuns: size,
          seed: 7,
        },
      )) {
        const place = named
          ? pathOf(route.path)
          : route.path.replace(/:\w+/, encodeURIComponent(resourceId));
        const search = new URLSearchParams(query).toString();
        const reply = await ask(route.method, `${place}${search === '' ? '' : `?${search}`}`, {
          key: [() => '', newSecret, everything][keyed]?.(),
          headers,
          ...(body === null || route.method === 'GET' ? {} : { body: JSON.stringify(body) }),
        });
        counts.set(reply.status, (counts.get(reply.status) ?? 0) + 1);
        // The CAs of this configuration cannot be reached.
        if (reply.status >= 500 && !/^\/api\/accounts/.test(route.path))
          throw new Error(
            `${route.method} ${place} ${search} ${JSON.stringify(body)}: ${reply.status} ${reply.text}\n${server.log.slice(-3).join('\n')}`,
          );
        replies.push(reply);
      }
      for (const path of [
        '/docs',
        '/openapi.json',
        '/metrics',
        '/api/events',
        '/api/keys',
        '/api/queue',
        '/api/accounts',
        '/api/certificates',
        '/api/orders',
      ])
        replies.push(await ask('GET', path, { key: everything() }));
      const all = [
        ...replies.map(({ text, headers }) => `${text}${JSON.stringify([...headers])}`),
        ...server.log,
      ].join('\n');
      for (const secret of secrets) expect(all.includes(secret)).toBe(false);
      expect(/\n\s+at .*\.[tj]s:\d/.test(all)).toBe(false);
      expect(counts.get(500) ?? 0).toBe(0);
    },
    size * 200,
  );
});

/** Puts a value where the remaining steps of a JSON pointer lead. */
function nested([step]: readonly string[], value: unknown): unknown {
  if (step === undefined) return value;
  if (step === '0') return [value];
  if (step === '{name}') return { [String(value)]: 'x' };
  return { [step]: value };
}
