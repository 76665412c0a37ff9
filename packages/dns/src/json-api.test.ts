import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { systemClock, virtualClock } from '@acmex/clock';
import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  allPages,
  basic,
  bearer,
  jsonApi,
  type JsonApiOptions,
  quoted,
  unquoted,
} from './index.ts';

type Reply = { status?: number; body?: string; headers?: Record<string, string> } | Error;
const clock = virtualClock({ now: '2026-03-01T12:00:00Z' });
let requests: { url: string; init: RequestInit; at: number }[];
let start: number;
beforeEach(() => {
  requests = [];
  start = clock.monotonic();
});

/** An API whose host sends these replies, the last one over and over. */
function api(replies: Reply[], options: Partial<JsonApiOptions> = {}) {
  const fetch = async (input: string | URL | Request, init: RequestInit = {}) => {
    requests.push({ url: String(input), init, at: clock.monotonic() - start });
    await new Promise((resolve) => setImmediate(resolve));
    const reply = (replies.length > 1 ? replies.shift() : replies[0])!;
    if (reply instanceof Error) throw reply;
    const { status = 200, body = '{}', headers = {} } = reply;
    return new Response(status === 204 ? null : body, { status, headers });
  };
  return jsonApi({
    provider: 'example',
    baseUrl: 'https://api.test/v1',
    headers: { authorization: bearer('very-secret') },
    fetch,
    clock,
    random: () => 1,
    ...options,
  });
}
const failure = (work: Promise<unknown>) =>
  clock.run(work).then(
    () => {
      throw new Error('it succeeded');
    },
    (error: unknown) => error,
  );

describe('jsonApi', () => {
  it('sends JSON and the credentials, and gives the answer back', async () => {
    const answer = await clock.run(
      api([{ body: '{"id":7,"more":true}' }])('POST', '/zones?type=TXT', {
        body: { name: 'a.test' },
        answer: { id: 0 },
      }),
    );
    expect(answer).toEqual({ id: 7, more: true });
    expect(requests).toMatchObject([
      {
        url: 'https://api.test/v1/zones?type=TXT',
        init: {
          method: 'POST',
          body: '{"name":"a.test"}',
          redirect: 'manual',
          headers: { authorization: 'Bearer very-secret', 'content-type': 'application/json' },
        },
      },
    ]);
  });
  it('sends a form, asks for credentials and signatures again at every attempt, and takes an empty answer', async () => {
    let asked = 0;
    const call = api([{ status: 500 }, { status: 204 }], {
      headers: { authorization: basic('user', async () => `p${++asked}`) },
      sign: async ({ method, url, body }) => ({
        signature: `${method} ${url.pathname} ${body} ${asked}`,
      }),
    });
    await expect(
      clock.run(call('PUT', '/x', { body: new URLSearchParams({ a: 'b c' }) })),
    ).resolves.toBeUndefined();
    expect(requests.map(({ init }) => init.headers)).toMatchObject([
      {
        authorization: `Basic ${btoa('user:p1')}`,
        signature: 'PUT /v1/x a=b+c 1',
        'content-type': 'application/x-www-form-urlencoded',
      },
      { authorization: `Basic ${btoa('user:p2')}`, signature: 'PUT /v1/x a=b+c 2' },
    ]);
  });
  it.each([
    [401, {}, 'ERR_DNS_CREDENTIALS'],
    [403, {}, 'ERR_DNS_CREDENTIALS'],
    [404, { zone: 'a.test' }, 'ERR_DNS_ZONE_NOT_FOUND'],
    [404, {}, 'ERR_DNS_API'],
    [422, { zone: 'a.test' }, 'ERR_DNS_API'],
    [302, {}, 'ERR_DNS_API'],
  ] as const)('reports what status %i with %j means, at once', async (status, call, code) => {
    const error = await failure(
      api([
        {
          status,
          body: '{"message":"no\\nway\\u001b[2J"}',
          headers: { location: 'https://elsewhere.test' },
        },
      ])('GET', '/zones', call),
    );
    expect(error).toMatchObject({
      code,
      message: expect.stringMatching(new RegExp(`^example: .*${status} no way \\[2J`)),
    });
    if ('zone' in call) expect(error).toMatchObject({ message: expect.stringContaining('a.test') });
    expect(requests).toHaveLength(1);
  });
  it('takes a status that is a success here', async () => {
    await expect(
      clock.run(
        api([{ status: 404, body: 'gone' }])('DELETE', '/records/7', {
          accept: [404],
          zone: 'a.test',
        }),
      ),
    ).resolves.toBeUndefined();
  });
  it("asks the provider what the host's own words mean, also those of a success", async () => {
    const refusal = (json: unknown) =>
      (json as { status?: string }).status === 'Failed'
        ? { code: 'ERR_DNS_ZONE_NOT_FOUND' as const, message: 'missing domain' }
        : undefined;
    expect(
      await failure(
        api([{ body: '{"status":"Failed"}' }], { refusal })('GET', '/zones', { zone: 'a.test' }),
      ),
    ).toMatchObject({ code: 'ERR_DNS_ZONE_NOT_FOUND', message: expect.stringContaining('a.test') });
  });
  it('tries again what can be repeated where the host says in words alone that the fault is its own', async () => {
    const refusal = (json: unknown) =>
      json === 'InternalError' ? { message: json, trouble: true as const } : undefined;
    await clock.run(api([{ body: '"InternalError"' }, {}], { refusal })('GET', '/zones'));
    expect(requests).toHaveLength(2);
    expect(
      await failure(api([{ body: '"InternalError"' }], { refusal })('POST', '/zones')),
    ).toMatchObject({
      code: 'ERR_DNS_API',
      message: expect.stringContaining(
        '(200 InternalError): see whether example has trouble, and try again later',
      ),
    });
    expect(requests).toHaveLength(3);
  });

  it('tries again after growing pauses what can be repeated, and gives up after five', async () => {
    expect(
      await failure(
        api([
          { status: 502 },
          new TypeError('fetch failed', {
            cause: Object.assign(new Error('x'), { code: 'ECONNRESET' }),
          }),
          { status: 500 },
        ])('GET', '/zones'),
      ),
    ).toMatchObject({ code: 'ERR_DNS_API', message: expect.stringContaining('GET /v1/zones') });
    expect(requests.map(({ at }) => at)).toEqual([0, 1000, 3000, 7000, 15_000]);
  });
  it.each(['POST', 'PATCH'] as const)(
    'sends a %s once, for it may have had its effect, unless it can be repeated',
    async (method) => {
      expect(await failure(api([{ status: 500 }])(method, '/records', { body: {} }))).toMatchObject(
        { code: 'ERR_DNS_API' },
      );
      expect(requests).toHaveLength(1);
      expect(
        await failure(api([new TypeError('fetch failed')])(method, '/records', { body: {} })),
      ).toMatchObject({ code: 'ERR_DNS_API', message: expect.stringContaining('fetch failed') });
      expect(requests).toHaveLength(2);
      await clock.run(api([{ status: 500 }, {}])(method, '/records', { repeatable: true }));
      expect(requests).toHaveLength(4);
    },
  );
  it('sends nothing again that is to be sent once, and says whether it may be', async () => {
    for (const [reply, passing] of [
      [{ status: 500 }, true],
      [{ status: 429 }, true],
      [new TypeError('fetch failed'), true],
      [{ status: 422 }, false],
      [{ status: 401 }, false],
    ] as const)
      expect(await failure(api([reply])('PUT', '/records', { once: true }))).toMatchObject({
        passing,
      });
    expect(requests).toHaveLength(5);
  });
  it('comes back at Retry-After, in seconds or as a date, also with a POST', async () => {
    const date = clock.now().add({ seconds: 12 });
    await clock.run(
      api([
        { status: 429, headers: { 'retry-after': '7' } },
        { status: 429, headers: { 'retry-after': new Date(date.epochMilliseconds).toUTCString() } },
        {},
      ])('POST', '/records'),
    );
    expect(requests.map(({ at }) => Math.round(at))).toEqual([0, 7000, 12_000]);
  });
  it('says when to come back where that is later than its limit', async () => {
    const error = await failure(
      api([{ status: 429, headers: { 'retry-after': '61' } }])('GET', '/zones', { zone: 'a.test' }),
    );
    const when = clock.now().add({ seconds: 61 });
    expect(error).toMatchObject({
      code: 'ERR_DNS_RATE_LIMITED',
      retryAfter: when,
      message: expect.stringContaining(when.toString({ smallestUnit: 'second' })),
    });
    expect(requests).toHaveLength(1);
  });
  it('takes no odd Retry-After', async () => {
    await clock.run(
      api([
        { status: 429, headers: { 'retry-after': '-5' } },
        { status: 429, headers: { 'retry-after': 'soon' } },
        {},
      ])('GET', '/zones'),
    );
    expect(requests.map(({ at }) => at)).toEqual([0, 1000, 3000]);
  });

  it.each([
    ['<html>', 'is not JSON'],
    ['', 'is not what is expected (it)'],
    ['[]', '(it.zones)'],
    ['{"zones":{}}', '(it.zones)'],
    ['{"zones":[{"id":1,"name":"a"},{"id":"2","name":"b"}]}', '(it.zones[1].id)'],
    [`"${'x'.repeat(5e6)}"`, 'larger than 4 MiB'],
  ])('takes no answer that is not of its shape', async (body, words) => {
    const error = await failure(
      api([{ body }])('GET', '/zones', { answer: { zones: [{ id: 0, name: '' }] } }),
    );
    expect(error).toMatchObject({ code: 'ERR_DNS_API', message: expect.stringContaining(words) });
    expect((error as Error).message.length).toBeLessThan(300);
  });
  it.each(['/zones/../account', '/zones/%2e%2E/account', '/zones/.', '/zones/..?x'])(
    'steps out of no folder: %s',
    async (path) => {
      expect(await failure(api([{}])('GET', path))).toMatchObject({ code: 'ERR_DNS_API' });
      expect(requests).toHaveLength(0);
    },
  );

  it('reveals no credential, though the host does', async () => {
    const error = await failure(
      api([
        {
          status: 401,
          body: '{"errors":[{"message":"bad token very-secret in Bearer very-secret"}]}',
        },
      ])('GET', '/zones'),
    );
    expect(error).toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.stringContaining('bad token … in …'),
    });
    expect(inspect(error)).not.toContain('very-secret');
  });
  it.each(['client_secret', 'refresh_token', 'assertion', 'auth-password'])(
    'repeats no %s of a form that the host has in its words',
    async (name) => {
      const error = await failure(
        api([{ status: 400, body: '{"error":"bad value in-the-form"}' }])('POST', '/token', {
          body: new URLSearchParams({ grant_type: 'x', [name]: 'in-the-form' }),
        }),
      );
      expect(error).toMatchObject({ message: expect.stringContaining('bad value …') });
      expect(inspect(error)).not.toContain('in-the-form');
    },
  );
  it('reveals no password of basic authentication either', async () => {
    const error = await failure(
      api([{ status: 403, body: '{"error":"user me with very-secret"}' }], {
        headers: { authorization: basic('me', 'very-secret') },
      })('GET', '/zones'),
    );
    expect(error).toMatchObject({ message: expect.stringContaining('user me with …') });
  });
  it("reveals no credential of a scheme of the host's own", async () => {
    const error = await failure(
      api([{ status: 401, body: '{"message":"key me with very-secret, as me:very-secret"}' }], {
        headers: { authorization: 'sso-key me:very-secret' },
      })('GET', '/zones'),
    );
    expect(error).toMatchObject({ message: expect.stringContaining('key me with …, as …') });
  });
  it.each([
    ['', 'missing'],
    ['  \n', 'missing'],
    ['very-secret\nx', 'line break'],
    ['very-sécret', 'ASCII'],
  ])('refuses a credential that is none: %j', async (token, words) => {
    const error = await failure(
      api([{}], { headers: { authorization: bearer(token) } })('GET', '/zones'),
    );
    expect(error).toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.stringContaining(words),
    });
    expect(inspect(error)).not.toMatch(/very-s/);
    expect(requests).toHaveLength(0);
  });
  it('says that a credential cannot be read', async () => {
    const cause = new Error('the vault is sealed');
    expect(
      await failure(
        api([{}], {
          headers: {
            key: async () => {
              throw cause;
            },
          },
        })('GET', '/zones'),
      ),
    ).toMatchObject({ code: 'ERR_DNS_CREDENTIALS', cause });
  });
  it('ends with the signal: in a request, in a pause, before the first', async () => {
    const stop = new AbortController();
    const call = api([{ status: 500 }])('GET', '/zones', { signal: stop.signal });
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    stop.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
    await expect(api([{}])('GET', '/zones', { signal: stop.signal })).rejects.toThrow('enough');
    expect(requests).toHaveLength(1);
  });
  it('works over a real connection, and follows no redirect', async () => {
    const server = createServer((request, response) => {
      if (request.url === '/moved') response.writeHead(302, { location: '/v1' }).end();
      else request.pipe(response.writeHead(200));
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    try {
      const real = jsonApi({
        provider: 'example',
        baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        clock: systemClock,
      });
      await expect(
        real('POST', '/echo', { body: { key: ['value'] }, answer: { key: [''] } }),
      ).resolves.toEqual({ key: ['value'] });
      await expect(real('GET', '/moved')).rejects.toMatchObject({
        code: 'ERR_DNS_API',
        message: expect.stringContaining('302'),
      });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

describe('a connection that fails', () => {
  it.each([
    ['ECONNREFUSED', '(no program listens there, ECONNREFUSED): check the network'],
    ['ENOTFOUND', '(the resolver of this machine does not know its name, ENOTFOUND): check'],
    ['EAI_AGAIN', '(the resolver of this machine does not answer, EAI_AGAIN): check the network'],
    ['ENOBUFS', '(ENOBUFS): check the network'],
    [
      'SELF_SIGNED_CERT_IN_CHAIN',
      '(SELF_SIGNED_CERT_IN_CHAIN): if a proxy inspects TLS, or the host has a CA of its own, name its root certificate in network.ca_certificates',
    ],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'name its root certificate in network.ca_certificates'],
  ])('is named with its reason and a cure: %s', async (code, words) => {
    const clock = virtualClock();
    const fetch = async () => {
      throw new TypeError('fetch failed', { cause: Object.assign(new Error('no'), { code }) });
    };
    const api = jsonApi({ provider: 'example', baseUrl: 'https://api.test', fetch, clock });
    await expect(clock.run(api('GET', '/zones'))).rejects.toMatchObject({
      code: 'ERR_DNS_API',
      message: expect.stringContaining(words),
    });
  });
});

describe('allPages', () => {
  it('asks for page after page, and out of a circle', async () => {
    const asked: number[] = [];
    await expect(
      allPages(
        1,
        async (page) => {
          asked.push(page);
          return { items: [page, -page], next: page < 3 ? page + 1 : undefined };
        },
        { provider: 'example' },
      ),
    ).resolves.toEqual([1, -1, 2, -2, 3, -3]);
    expect(asked).toEqual([1, 2, 3]);
    await expect(
      allPages('a', async (page) => ({ items: [], next: page === 'a' ? 'b' : 'a' }), {
        provider: 'example',
      }),
    ).rejects.toMatchObject({ code: 'ERR_DNS_API' });
  });
  it.each([null, '', undefined])('ends where the place of the next page is %j', async (next) => {
    const page = async () => ({ items: [1], next });
    await expect(allPages('a', page, { provider: 'example' })).resolves.toEqual([1]);
  });
});

describe('quoted', () => {
  it.each([
    ['plain', '"plain"'],
    ['a "b" \\', '"a \\"b\\" \\\\"'],
    ['x'.repeat(256), `"${'x'.repeat(255)}" "x"`],
    ['', '""'],
  ])('writes a value as zone files do, and reads it back: %j', (value, text) => {
    expect(quoted(value)).toBe(text);
    expect(unquoted(text)).toBe(value);
  });
  it('reads decimal escapes, and a value that no one quoted', () => {
    expect(unquoted('"a\\059b" "c"')).toBe('a;bc');
    expect(unquoted('plain')).toBe('plain');
  });
});
