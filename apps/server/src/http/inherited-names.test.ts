import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newSecret } from '../access/api-key.ts';
import { type Serving, serving } from '../serving.testing.ts';

/** Names that every object of JavaScript has. */
const inherited = ['constructor', 'toString', 'valueOf', 'hasOwnProperty', '__proto__'] as const;

let server: Serving;
beforeAll(async () => {
  server = await serving({
    toml: '[acme]\nca = "custom"\nca_custom_url = "https://ca.invalid/directory"\n',
  });
  await server.call('PUT', '/api/certificates/a.test', { body: { labels: { team: 'web' } } });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe.each(inherited)('%s, which every object has,', (name) => {
  it.each([`label=${name}`, `label=${name}=`, `label=${name}=x`])(
    'is not a label of a certificate without it: ?%s',
    async (query) => {
      await expect(server.call('GET', `/api/certificates?${query}`)).resolves.toMatchObject({
        status: 200,
        body: { items: [] },
      });
    },
  );
  const requests: readonly (readonly [string, string, object?])[] = [
    ['GET', `/api/certificates?issuer=${name}`],
    ['GET', `/api/certificates?state=${name}`],
    ['GET', `/api/certificates?sort=${name}`],
    ['GET', `/api/orders?state=${name}`],
    ['GET', `/api/events?type=${name}`],
    ['GET', `/api/agents?agent=${name}`],
    ['GET', `/api/keys/${name}`],
    ['GET', `/api/accounts/${name}`],
    ['GET', `/api/certificates/${name}`],
    ['POST', '/api/orders', { names: ['b.test'], issuer: name }],
    ['POST', '/api/orders', { names: ['b.test'], keyType: name }],
    ['POST', '/api/orders', { names: ['b.test'], challenge: name }],
    ['POST', '/api/orders', { names: ['b.test'], challenge: 'dns-01', dnsProvider: name }],
    ['POST', '/api/keys', { scopes: [name] }],
    ['POST', '/api/accounts', { issuer: name }],
    ['POST', '/api/orders', { [name]: 'x' }],
  ];
  it('names nothing that a request could find', async () => {
    for (const [method, path, body] of requests) {
      const { status, body: reply } = await server.call(method, path, body ? { body } : {});
      const isEmpty = status === 200 && reply.items.length === 0;
      expect([method, path, body, isEmpty || [400, 404, 422].includes(status)]).toEqual([
        method,
        path,
        body,
        true,
      ]);
    }
  });
  it('is not the tenant of a key', async () => {
    const key = `ak_${name.toLowerCase()}.${'0'.repeat(26)}.${newSecret()}`;
    await expect(server.call('GET', '/api/keys', { key })).resolves.toMatchObject({ status: 401 });
  });
});

it('takes such a name as a label that is stored and found', async () => {
  const { status } = await server.call('PUT', '/api/certificates/c.test', {
    body: { labels: { constructor: 'x', toString: '' } },
  });
  expect(status).toBe(201);
  for (const query of ['constructor', 'constructor=x', 'toString', 'toString='])
    expect((await server.call('GET', `/api/certificates?label=${query}`)).body.items).toMatchObject(
      [{ names: ['c.test'], labels: { constructor: 'x', toString: '' } }],
    );
});
