import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@acmex/services';
import { type Serving, serving, startCa, type TestCa } from '../serving.testing.ts';

let ca: TestCa;
let server: Serving;
beforeAll(async () => {
  ca = await startCa();
  server = await serving({ ca });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await ca[Symbol.asyncDispose]();
});

describe('a certificate that the CA issued and that is not what was ordered', () => {
  it('is listed with the reason and without its key, and is not served', async () => {
    ca.arrange = (chain) => chain.slice(1);
    const submitted = await server.call('POST', '/api/orders', { body: { names: ['a.test'] } });
    const { certificate: id, id: order } = submitted.body;
    const path = `/api/certificates/${id}`;
    const read = async () => await server.call('GET', `${path}/refused`);
    await eventually(async () => (await read()).body.items.length > 0);
    expect((await read()).body).toEqual({
      items: [
        {
          id: expect.stringMatching(/^[0-9a-f]{16}$/),
          order,
          at: expect.any(String),
          code: 'ERR_CERTIFICATE_KEY',
          message: expect.stringContaining('is for another key'),
          chain: expect.stringContaining('BEGIN CERTIFICATE'),
        },
      ],
    });
    await expect(server.call('GET', `${path}/chain`)).resolves.toMatchObject({ status: 404 });
    await expect(server.call('GET', `${path}/bundle`)).resolves.toMatchObject({ status: 404 });
  });

  it('is listed only for a key that may see the certificate', async () => {
    const key = await server.makeKey({ scopes: ['certificates:read'], names: ['other.test'] });
    const { body } = await server.call('GET', '/api/certificates?name=a.test');
    const path = `/api/certificates/${body.items[0].id}/refused`;
    await expect(server.call('GET', path, { key })).resolves.toMatchObject({ status: 404 });
    await expect(server.call('GET', path)).resolves.toMatchObject({ status: 200 });
  });

  it('has no part in a certificate in use, which shows what was unusual in its chain', async () => {
    ca.arrange = (chain) => [...chain].reverse();
    const submitted = await server.call('POST', '/api/orders', { body: { names: ['b.test'] } });
    const { certificate: id, id: order } = submitted.body;
    await server.call('GET', `/api/orders/${order}/events`);
    const { body } = await server.call('GET', `/api/certificates/${id}`);
    expect(body.current.warnings).toEqual([expect.stringContaining('in the wrong order')]);
    const refused = await server.call('GET', `/api/certificates/${id}/refused`);
    expect(refused.body).toEqual({ items: [] });
  });
});
