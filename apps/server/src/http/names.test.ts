import { refusedNameCode, refusedNames } from '@acmex/identifier/contract';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Serving, serving } from '../serving.testing.ts';

let server: Serving;
beforeAll(async () => {
  server = await serving();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** Every route that takes a name, with the name in the place that the row names. */
const doors = (name: string) =>
  [
    ['POST', '/api/orders', { names: ['a.test', name] }, { pointer: '/names/1' }],
    ['PUT', '/api/certificates/a.test', { names: ['a.test', name] }, { pointer: '/names/1' }],
    ['GET', `/api/certificates?name=${encodeURIComponent(name)}`, undefined, { parameter: 'name' }],
  ] as const;

it.each(refusedNames)(
  'refuses the name $name wherever it takes names',
  async ({ name, message }) => {
    for (const [method, path, body, place] of doors(name))
      expect([path, await server.call(method, path, { body })]).toMatchObject([
        path,
        {
          status: 422,
          body: {
            code: refusedNameCode,
            detail: message,
            errors: [{ ...place, detail: message }],
          },
        },
      ]);
    const { body } = await server.call('GET', '/api/certificates');
    expect(body.items).toEqual([]);
  },
);

it.each(refusedNames.filter(({ name }) => name !== '*'))(
  'creates no API key for the name $name',
  async ({ name, message }) => {
    await expect(
      server.call('POST', '/api/keys', {
        body: { title: 'a key', scopes: ['certificates:read'], names: [name] },
      }),
    ).resolves.toMatchObject({ status: 422, body: { code: refusedNameCode, detail: message } });
  },
);

it('names every fault where a request has several', async () => {
  const { status, body } = await server.call('POST', '/api/orders', {
    body: { names: ['a_b.test'], nonsense: 1 },
  });
  expect([status, body.code]).toEqual([422, 'ERR_SERVER_BODY']);
  expect(body.detail).toContain('has the label "a_b"');
  expect(body.detail).toContain('/nonsense');
});

it('takes a name in any spelling', async () => {
  const reply = await server.call('POST', '/api/keys', {
    body: {
      title: 'names',
      scopes: ['certificates:read'],
      names: ['Bücher.Example', '*.EXAMPLE.com.', '2001:DB8:0::1'],
    },
  });
  expect(reply.body.names).toEqual(['xn--bcher-kva.example', '*.example.com', '2001:db8::1']);
});

it.each([
  ['*.a.test', 'tls-alpn-01', 'a wildcard needs the challenge dns-01'],
  ['*.a.test', 'http-01', 'a wildcard needs the challenge dns-01'],
])('refuses %s by %s at once', async (name, challenge, reason) => {
  for (const [method, path] of [
    ['POST', '/api/orders'],
    ['PUT', `/api/certificates/${name}`],
  ] as const) {
    const { status, body } = await server.call(method, path, {
      body: { names: [name], challenge },
    });
    expect([status, body.code]).toEqual([422, 'ERR_SERVER_BODY']);
    expect(body.detail).toContain(reason);
  }
  const { body } = await server.call('GET', '/api/certificates');
  expect(body.items).toEqual([]);
});
