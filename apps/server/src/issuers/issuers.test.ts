import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@acmex/services';
import { type Serving, serving, tenantKey } from '../serving.testing.ts';

// No order of these CAs begins.
const toml = `
[acme]
ca = "custom"
ca_custom_url = "https://127.0.0.1:1/directory"
profile = "short"
[issuers.second]
directory = "https://127.0.0.1:2/directory"
[issuers.second.limits]
new_orders = { count = 300, period_secs = 10800 }
[challenge]
challenge_type = "dns-01"
[challenge.dns01]
provider = "cloudflare"
[[challenge.dns01.providers]]
name = "cloudflare"
type = "cloudflare"
api_token = "planted-token-of-cloudflare"
[[challenge.dns01.providers]]
name = "zone"
type = "powerdns"
zones = ["a.test"]
url = "http://127.0.0.1:1"
api_key = "planted-key-of-powerdns"
[tenants.default]
names = ["*"]
[tenants.small]
names = ["*"]
issuers = ["second"]
dns_providers = ["zone"]
`;
let server: Serving;
let small = '';
beforeAll(async () => {
  server = await serving({ toml });
  small = await tenantKey(server, 'small');
});
afterAll(async () => await server[Symbol.asyncDispose]());

describe('the CAs that certificates can be ordered from', () => {
  it('are those of the configuration, with the default and how names are validated', async () => {
    const { body } = await server.call('GET', '/api/issuers');
    expect(body).toEqual({
      challenge: 'dns-01',
      items: [
        {
          ...{ name: 'custom', title: '127.0.0.1:1', directory: 'https://127.0.0.1:1/directory' },
          ...{ staging: false, isDefault: true, profile: 'short' },
        },
        {
          ...{ name: 'second', title: '127.0.0.1:2', directory: 'https://127.0.0.1:2/directory' },
          ...{ staging: false, isDefault: false },
          budgets: [{ limit: 'new-orders', capacity: 300, available: 300 }],
        },
      ],
    });
  });

  it('are only those that the tenant may use; the first of them is its default', async () => {
    const { body } = await server.call('GET', '/api/issuers', { key: small });
    expect(body.items).toMatchObject([{ name: 'second', isDefault: true }]);
  });
});

describe('the DNS providers that can write records', () => {
  it('are those of the configuration, without their credentials, and a person', async () => {
    const { body, text } = await server.call('GET', '/api/dns-providers');
    expect(body.items).toEqual([
      {
        ...{ name: 'cloudflare', type: 'cloudflare', title: 'Cloudflare' },
        ...{ attended: false, isDefault: true },
      },
      {
        ...{ name: 'zone', type: 'powerdns', title: 'PowerDNS', zones: ['a.test'] },
        ...{ attended: false, isDefault: false },
      },
      {
        ...{ name: 'manual', type: 'manual', title: 'By hand' },
        ...{ attended: true, isDefault: false },
      },
    ]);
    expect(text).not.toContain('planted');
  });

  it('are only those that the tenant may use', async () => {
    const { body } = await server.call('GET', '/api/dns-providers', { key: small });
    expect(body.items).toMatchObject([{ name: 'zone' }, { name: 'manual' }]);
  });
});

describe('orders', () => {
  it('are checked before they are made: what would be ordered, or which field is wrong', async () => {
    await server.call('PUT', '/api/templates/web', { body: { keyType: 'rsa-2048' } });
    const check = async (body: object) =>
      await server.call('POST', '/api/orders/check', { body: { ...body, network: false } });
    await expect(
      check({ names: ['WWW.a.test', 'b.test'], template: 'web', labels: { team: 'web' } }),
    ).resolves.toMatchObject({
      status: 200,
      body: {
        ...{ names: ['www.a.test', 'b.test'], issuer: 'custom', profile: 'short' },
        ...{ keyType: 'rsa-2048', challenge: 'dns-01', labels: { team: 'web' } },
        dnsProviders: { 'www.a.test': 'zone', 'b.test': 'cloudflare' },
        certificates: [],
      },
    });
    await expect(check({ names: ['*.a.test'], challenge: 'http-01' })).resolves.toMatchObject({
      status: 422,
      body: { code: 'ERR_SERVER_BODY', errors: [{ pointer: '/challenge' }] },
    });
    const { body } = await server.call('GET', '/api/orders');
    expect(body.items).toEqual([]);
  });

  it('are listed with the newest first, page by page, each once', async () => {
    const made: string[] = [];
    for (const name of ['1.a.test', '2.a.test', '3.b.test', '4.a.test', '5.a.test']) {
      const body = { names: [name], labels: { zone: name.slice(2, 3) } };
      made.push((await server.call('POST', '/api/orders', { body })).body.id);
    }
    const listed: string[] = [];
    for (let cursor = ''; cursor !== 'none';) {
      const query = `sort=newest&limit=2${cursor && `&cursor=${cursor}`}`;
      const { body } = await server.call('GET', `/api/orders?${query}`);
      listed.push(...body.items.map(({ id }: { readonly id: string }) => id));
      cursor = body.next ?? 'none';
    }
    expect(listed).toEqual(made.reverse());
    const { body } = await server.call('GET', '/api/orders?sort=newest', { key: small });
    expect(body).toEqual({ items: [], scanned: 0 });
  });

  it('of names that have a certificate are of that certificate, and say what to do about a failure', async () => {
    const body = { names: ['failing.a.test'] };
    const { id, certificate } = (await server.call('POST', '/api/orders', { body })).body;
    const checked = { ...body, network: false };
    await expect(
      server.call('POST', '/api/orders/check', { body: checked }),
    ).resolves.toMatchObject({
      body: { certificates: [certificate] },
    });
    await eventually(async () => {
      const { failure } = (await server.call('GET', `/api/orders/${id}`)).body;
      return typeof failure?.code === 'string' && String(failure.cure).length > 10;
    });
  });
});
