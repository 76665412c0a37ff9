import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Serving, serving, tenantKey } from '../serving.testing.ts';

// No order of this CA begins: only what is stored of a certificate is looked at.
const toml = `
[acme]
ca = "custom"
ca_custom_url = "https://127.0.0.1:1/directory"
[issuers.other]
directory = "https://127.0.0.1:2/directory"
[tenants.default]
names = ["*"]
[tenants.small]
names = ["*"]
issuers = ["custom"]
`;
const web = { keyType: 'rsa-2048', profile: 'short', labels: { team: 'web', tier: 'one' } };
let server: Serving;
beforeAll(async () => {
  server = await serving({ toml });
});
afterAll(async () => await server[Symbol.asyncDispose]());

const put = async (name: string, body: object, key = server.key) =>
  await server.call('PUT', `/api/templates/${name}`, { body, key });
const ordered = async (body: object) => {
  const { status, body: order } = await server.call('POST', '/api/orders', { body });
  expect(status).toBe(202);
  return (await server.call('GET', `/api/certificates/${order.certificate}`)).body;
};

describe('a template of certificates', () => {
  it('is created, listed, read, replaced and removed with the right scopes', async () => {
    const created = await put('first', web);
    expect(created).toMatchObject({ status: 201, body: { name: 'first', ...web } });
    const place = created.headers.get('location') ?? '';
    await expect(server.call('GET', place)).resolves.toMatchObject({ body: created.body });
    await expect(put('first', { reuseKey: true })).resolves.toMatchObject({ status: 200 });
    const { body } = await server.call('GET', '/api/templates');
    expect(body).toEqual({ items: [{ name: 'first', reuseKey: true }] });
    const key = await server.makeKey({ scopes: ['certificates:read'] });
    await expect(server.call('DELETE', place, { key })).resolves.toMatchObject({ status: 403 });
    await expect(server.call('DELETE', place)).resolves.toMatchObject({ status: 204 });
    await expect(server.call('DELETE', place)).resolves.toMatchObject({ status: 404 });
  });

  it('gives an order the values that it does not have itself, and joins the labels', async () => {
    await put('web', web);
    await expect(ordered({ names: ['a.test'], template: 'web' })).resolves.toMatchObject(web);
    const labels = { tier: 'two' };
    const more = { names: ['b.test'], template: 'web', keyType: 'ec-p384', labels };
    await expect(ordered(more)).resolves.toMatchObject({
      ...{ keyType: 'ec-p384', profile: 'short' },
      labels: { team: 'web', tier: 'two' },
    });
  });

  it('gives a declared certificate its values', async () => {
    await put('web', web);
    const body = { template: 'web' };
    const { status, body: declared } = await server.call('PUT', '/api/certificates/c.test', {
      body,
    });
    expect([status, declared]).toEqual([201, expect.objectContaining(web)]);
  });

  it('is refused with an issuer that the tenant may not use, and where it does not exist', async () => {
    const key = await tenantKey(server, 'small');
    await expect(put('web', { issuer: 'other' }, key)).resolves.toMatchObject({ status: 403 });
    await expect(put('web', { issuer: 'none' })).resolves.toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/issuer' }] },
    });
    const body = { names: ['d.test'], template: 'web' };
    await expect(server.call('POST', '/api/orders', { body, key })).resolves.toMatchObject({
      status: 422,
      body: { code: 'ERR_SERVER_BODY', errors: [{ pointer: '/template' }] },
    });
  });
});
