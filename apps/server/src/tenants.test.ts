import { createHmac, randomBytes } from 'node:crypto';
import { systemClock } from '@acmex/clock';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Serving, serving, startCa, tenantKey, type TestCa } from './serving.testing.ts';

const toml = `
[tenants.one]
names = ["*.one.test", "shared.test"]
max_certificates = 2
[tenants.two]
names = ["*.two.test"]
issuers = ["custom"]
dns_providers = ["own"]
max_orders_per_hour = 2
[issuers.other]
directory = "https://ca.invalid/directory"
[[challenge.dns01.providers]]
name = "own"
type = "exec"
program = "/bin/false"
zones = ["own.two.test"]
[[challenge.dns01.providers]]
name = "foreign"
type = "exec"
program = "/bin/false"
zones = ["foreign.two.test"]
`;
let ca: TestCa;
let server: Serving;
const keys: Record<string, string> = {};
beforeAll(async () => {
  ca = await startCa();
  server = await serving({ ca, toml });
  for (const tenant of ['one', 'two']) keys[tenant] = await tenantKey(server, tenant);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await ca[Symbol.asyncDispose]();
});
const order = async (tenant: string, body: object) =>
  await server.call('POST', '/api/orders', { key: keys[tenant], body });
/** Sends a webhook for what has a name. */
const deliver = async (
  { call }: Serving,
  secret: string,
  {
    event,
    name,
    id = `msg_${randomBytes(8).toString('hex')}`,
  }: { readonly event: string; readonly name: string; readonly id?: string },
) => {
  const body = JSON.stringify({ event, data: { name } });
  const time = Math.floor(systemClock.now().epochMilliseconds / 1000);
  const signature = createHmac('sha256', Buffer.from(secret.slice(6), 'base64'))
    .update(`${id}.${time}.${body}`)
    .digest('base64');
  const headers = {
    'webhook-id': id,
    'webhook-timestamp': String(time),
    'webhook-signature': `v1,${signature}`,
  };
  return await call('POST', '/api/webhook', { key: '', body, headers });
};
const end = async (tenant: string, id: string) =>
  await server.call('GET', `/api/orders/${id}/events`, { key: keys[tenant] });

describe('a tenant', () => {
  it('has the first key of the server where it is the first, and nothing else', () => {
    expect(server.key).toMatch(/^ak_one\./);
  });
  it('sees nothing of others: neither certificates, orders, keys, accounts nor events', async () => {
    const {
      body: { id, certificate },
    } = await order('one', { names: ['a.one.test'] });
    await end('one', id);
    const {
      body: {
        items: [account],
      },
    } = await server.call('GET', '/api/accounts', { key: keys.one });
    const {
      body: {
        items: [key],
      },
    } = await server.call('GET', '/api/keys', { key: keys.one });
    await server.call('POST', '/api/agents', {
      key: keys.one,
      body: { agent: 'web1', certificates: [{ id: certificate, serialNumber: 'ff' }] },
    });
    const foreign: readonly (readonly [string, string, object?])[] = [
      ['GET', `/api/certificates/${certificate}`],
      ['PATCH', `/api/certificates/${certificate}`, {}],
      ['DELETE', `/api/certificates/${certificate}`],
      ['GET', `/api/certificates/${certificate}/chain`],
      ['GET', `/api/certificates/${certificate}/private-key`],
      ['GET', `/api/certificates/${certificate}/bundle`],
      ['POST', `/api/certificates/${certificate}/renew`],
      ['POST', `/api/certificates/${certificate}/revoke`, {}],
      ['POST', '/api/orders', { certificate }],
      ['GET', `/api/orders/${id}`],
      ['DELETE', `/api/orders/${id}`],
      ['POST', `/api/orders/${id}/retry`],
      ['GET', `/api/orders/${id}/events`],
      ['GET', `/api/keys/${key.id}`],
      ['DELETE', `/api/keys/${key.id}`],
      ['POST', `/api/keys/${key.id}/rotate`, {}],
      ['POST', `/api/keys/${key.id}/expire`, { at: '2030-01-01T00:00:00Z' }],
      ['GET', `/api/accounts/${account.id}`],
      ['PATCH', `/api/accounts/${account.id}`, { email: 'a@b.example' }],
      ['DELETE', `/api/accounts/${account.id}`],
      ['POST', `/api/accounts/${account.id}/rotate-key`],
      ['DELETE', '/api/agents/web1'],
    ];
    for (const [method, path, body] of foreign)
      expect([
        method,
        path,
        (await server.call(method, path, { key: keys.two, ...(body ? { body } : {}) })).status,
      ]).toEqual([method, path, 404]);
    for (const path of ['/api/certificates', '/api/orders', '/api/accounts', '/api/agents'])
      expect((await server.call('GET', path, { key: keys.two })).body.items).toEqual([]);
    const {
      body: { items },
    } = await server.call('GET', '/api/events', { key: keys.two });
    expect(JSON.stringify(items)).not.toContain('one.test');
    await expect(
      server.call('GET', `/api/certificates/${certificate}`, { key: keys.one }),
    ).resolves.toMatchObject({ status: 200, body: { state: 'valid' } });
  });
  it('sees no metrics of others, and not those of the server', async () => {
    const { status, text } = await server.call('GET', '/metrics', { key: keys.two });
    expect([status, text.includes('acmex_certs_managed{tenant="two"}')]).toEqual([200, true]);
    expect(text).toContain('acmex_notifications{tenant="two",state="dead"} 0');
    expect(text).not.toMatch(
      /tenant="one"|acmex_audit_|acmex_queue_tasks|acmex_requests_total|process_/,
    );
  });
  it('sees the health of each part of the server by a key, and without one whether it is ready', async () => {
    await expect(server.call('GET', '/health/ready', { key: '' })).resolves.toMatchObject({
      status: 200,
      text: '{"status":"healthy"}',
    });
    await expect(server.call('GET', '/health/ready', { key: keys.two })).resolves.toMatchObject({
      status: 200,
      body: { status: 'healthy', components: { storage: 'healthy', scheduler: 'healthy' } },
    });
    await expect(server.call('GET', '/health/ready', { key: 'wrong' })).resolves.toMatchObject({
      status: 401,
    });
  });
  it('gets certificates for its own names alone, from CAs that it may use', async () => {
    await expect(order('two', { names: ['a.two.test', 'a.one.test'] })).resolves.toMatchObject({
      status: 403,
      body: { code: 'ERR_SERVER_NAMES', detail: expect.stringContaining('a.one.test') },
    });
    await expect(order('two', { names: ['two.test'] })).resolves.toMatchObject({ status: 403 });
    await expect(order('two', { names: ['a.two.test'], issuer: 'other' })).resolves.toMatchObject({
      status: 403,
    });
    await expect(order('two', { names: ['a.two.test'], issuer: 'nothing' })).resolves.toMatchObject(
      { status: 422, body: { errors: [{ pointer: '/issuer' }] } },
    );
    await expect(
      order('two', { names: ['a.two.test'], challenge: 'dns-01' }),
    ).resolves.toMatchObject({ status: 422, body: { errors: [{ pointer: '/dnsProvider' }] } });
  });
  it('has its records written only by DNS providers that it may use, even if a pattern chooses another', async () => {
    const refused = async (names: readonly string[], dnsProvider?: string) =>
      await order('two', { names, challenge: 'dns-01', dnsProvider });
    await expect(refused(['own.two.test', 'x.foreign.two.test'])).resolves.toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/dnsProvider' }] },
    });
    await expect(refused(['foreign.two.test'], 'foreign')).resolves.toMatchObject({
      status: 403,
      body: { code: 'ERR_SERVER_NAMES' },
    });
    const { status, body } = await refused(['a.two.test']);
    expect([status, JSON.stringify(body)]).toEqual([
      422,
      expect.stringContaining('none of own writes the records of a.two.test'),
    ]);
    expect(JSON.stringify(body)).not.toContain('foreign');
    await expect(refused(['foreign.two.test'], 'own')).resolves.toMatchObject({ status: 422 });
    // A kind by its variables is for who starts the program, not for who may ask it.
    await expect(refused(['own.two.test'], 'rfc2136')).resolves.toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/dnsProvider' }] },
    });
  });
  it('writes records of dns-account-01 too by no DNS provider of others', async () => {
    const provider = (name: string) =>
      `[[challenge.dns01.providers]]\nname = "${name}"\ntype = "rfc2136"\nserver = "127.0.0.1:1"\n`;
    const proving =
      '[challenge]\nchallenge_type = "dns-account-01"\nchallenge_draft = "draft-ietf-acme-dns-account-label-02"\n[challenge.dns01]\nprovider = "theirs"\n';
    await using restricted = await serving({
      ca,
      toml: `${proving}${provider('theirs')}${provider('own')}[tenants.one]\nnames = ["*.one.test"]\ndns_providers = ["own"]\n`,
    });
    const { status, body } = await restricted.call('POST', '/api/orders', {
      body: { names: ['a.one.test'] },
    });
    expect([status, JSON.stringify(body)]).toEqual([
      422,
      expect.stringContaining('none of own writes the records of a.one.test'),
    ]);
    expect(JSON.stringify(body)).not.toContain('theirs');
    await expect(
      restricted.call('POST', '/api/orders', {
        body: { names: ['a.one.test'], dnsProvider: 'theirs' },
      }),
    ).resolves.toMatchObject({
      status: 403,
      body: { code: 'ERR_SERVER_NAMES', detail: expect.stringContaining('theirs') },
    });
    await expect(
      restricted.call('POST', '/api/orders', {
        body: { names: ['a.one.test'], dnsProvider: 'nobody' },
      }),
    ).resolves.toMatchObject({
      status: 422,
      body: {
        errors: [
          {
            pointer: '/dnsProvider',
            detail: expect.stringContaining('dns-account-01 needs one of own'),
          },
        ],
      },
    });
  });
  it('is held to its quotas', async () => {
    const second = await order('one', { names: ['b.one.test'] });
    expect(second.status).toBe(202);
    await expect(order('one', { names: ['c.one.test'] })).resolves.toMatchObject({
      status: 429,
      body: { code: 'ERR_SERVER_QUOTA' },
    });
    await end('one', second.body.id);
    await server.call('DELETE', `/api/certificates/${second.body.certificate}`, { key: keys.one });
    const third = await order('one', { names: ['c.one.test'] });
    expect(third.status).toBe(202);
    await end('one', third.body.id);
    for (const name of ['x.two.test', 'y.two.test'])
      await end('two', (await order('two', { names: [name] })).body.id);
    const refused = await order('two', { names: ['z.two.test'] });
    expect(refused).toMatchObject({ status: 429, body: { code: 'ERR_SERVER_QUOTA' } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3000);
    // What needs an order is refused before it changes, however often it is declared; what needs
    // none is changed.
    const put = async (body: object) =>
      await server.call('PUT', '/api/certificates/x.two.test', { key: keys.two, body });
    for (let time = 0; time < 2; time += 1)
      await expect(put({ names: ['x.two.test', 'more.two.test'] })).resolves.toMatchObject({
        status: 429,
        body: { code: 'ERR_SERVER_QUOTA' },
      });
    await expect(put({ labels: { team: 'web' } })).resolves.toMatchObject({
      status: 200,
      body: { names: ['x.two.test'], labels: { team: 'web' } },
    });
  });
  it('gets three certificates and no more of 25 orders at once over two processes', async () => {
    const many = '[tenants.many]\nnames = ["*"]\nmax_certificates = 3\n';
    await using first = await serving({ ca, toml: many });
    await using second = await serving({ ca, toml: many, folder: first.folder });
    const answers = await Promise.all(
      Array.from({ length: 25 }, async (_, at) =>
        (at % 2 ? first : second).call('POST', '/api/orders', {
          key: first.key,
          body: { names: [`n${at}.test`] },
        }),
      ),
    );
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(3);
    expect(answers.filter(({ body }) => body.code === 'ERR_SERVER_QUOTA')).toHaveLength(22);
    expect((await first.call('GET', '/api/certificates')).body.items).toHaveLength(3);
  });
  it('is not charged for an order that is under way, and continues to renew everything where its quota ended it', async () => {
    const secret = `whsec_${randomBytes(32).toString('base64')}`;
    const withQuota = (quota: string) =>
      `[[server.webhooks]]\nname = "ci"\ntenant = "few"\nsecret = "${secret}"\n[tenants.few]\nnames = ["*"]\n${quota}`;
    await using few = await serving({ ca, toml: withQuota('') });
    const declared = await Promise.all(
      ['a.test', 'b.test', 'c.test', 'd.test'].map(
        async (name) => (await few.call('PUT', `/api/certificates/${name}`, { body: {} })).body,
      ),
    );
    for (const { order: id } of declared) await few.call('GET', `/api/orders/${id}/events`);
    ca.refused.add('refused.test');
    await few.reload(withQuota('max_orders_per_hour = 3'));
    const { body: waiting } = await few.call('POST', '/api/orders', {
      body: { names: ['refused.test'] },
    });
    for (let time = 0; time < 4; time += 1)
      await expect(
        few.call('POST', `/api/certificates/${waiting.certificate}/renew`),
      ).resolves.toMatchObject({ status: 202, body: { id: waiting.id } });
    for (let time = 0; time < 4; time += 1)
      await expect(
        deliver(few, secret, { event: 'recheck', name: 'a.test' }),
      ).resolves.toMatchObject({ status: 200 });
    const first = await few.call('POST', '/api/orders/renew-all', { body: {} });
    expect([first.status, first.body.orders.length]).toEqual([202, 2]);
    expect(Number(first.headers.get('retry-after'))).toBeGreaterThan(0);
    const cursor = first.body.next;
    await expect(
      few.call('POST', '/api/orders/renew-all', { body: { cursor } }),
    ).resolves.toMatchObject({ status: 429, body: { code: 'ERR_SERVER_QUOTA' } });
    await few.reload(withQuota('max_orders_per_hour = 100'));
    const { body: rest } = await few.call('POST', '/api/orders/renew-all', { body: { cursor } });
    expect(rest.next).toBeUndefined();
    const renewed = await Promise.all(
      [...first.body.orders, ...rest.orders].map(
        async (id: string) => (await few.call('GET', `/api/orders/${id}`)).body.names[0],
      ),
    );
    expect(renewed.sort()).toEqual(['a.test', 'b.test', 'c.test', 'd.test', 'refused.test']);
  });
  it('renews each certificate once for a webhook that is delivered again after its quota was met', async () => {
    const secret = `whsec_${randomBytes(32).toString('base64')}`;
    const withQuota = (quota: string) =>
      `[[server.webhooks]]\nname = "ci"\ntenant = "few"\nsecret = "${secret}"\n[tenants.few]\nnames = ["*"]\n${quota}`;
    await using few = await serving({ ca, toml: withQuota('') });
    const ended = async (orders: readonly string[]) =>
      await Promise.all(
        orders.map(async (id) => await few.call('GET', `/api/orders/${id}/events`)),
      );
    const generations = async () =>
      (await few.call('GET', '/api/certificates')).body.items.map(
        ({ current }: { current: { generation: number } }) => current.generation,
      );
    for (const name of ['a.test', 'b.test', 'c.test']) {
      const body = { names: [name, 'shared.test'] };
      const { body: certificate } = await few.call('PUT', `/api/certificates/${name}`, { body });
      await ended([certificate.order]);
    }
    await few.reload(withQuota('max_orders_per_hour = 2'));
    const webhook = { event: 'renew', name: 'shared.test', id: 'msg_renew' };
    const refused = await deliver(few, secret, webhook);
    expect([refused.status, refused.body.code]).toEqual([429, 'ERR_SERVER_QUOTA']);
    const { body: first } = await few.call('GET', '/api/orders');
    await ended(first.items.map(({ id }: { id: string }) => id));
    expect((await generations()).sort()).toEqual([1, 2, 2]);
    await few.reload(withQuota('max_orders_per_hour = 100'));
    const accepted = await deliver(few, secret, webhook);
    expect([accepted.status, accepted.body.orders.length]).toEqual([200, 3]);
    await ended(accepted.body.orders);
    await expect(generations()).resolves.toEqual([2, 2, 2]);
    const replayed = await deliver(few, secret, webhook);
    expect(replayed.body).toEqual(accepted.body);
    const next = await deliver(few, secret, { ...webhook, id: 'msg_next' });
    await ended(next.body.orders);
    await expect(generations()).resolves.toEqual([3, 3, 3]);
  });
  it('is held to its orders in an hour over a restart, by one count for all processes', async () => {
    const few = '[tenants.few]\nnames = ["*"]\nmax_orders_per_hour = 5\n';
    await using first = await serving({ ca, toml: few });
    const statusesBy = async (servers: readonly Serving[], count: number) =>
      await Promise.all(
        Array.from(
          { length: count },
          async (_, at) =>
            (
              await servers[at % servers.length]!.call('POST', '/api/orders', {
                key: first.key,
                body: { names: [`n${count}-${at}.test`] },
              })
            ).status,
        ),
      );
    const second = await serving({ ca, toml: few, folder: first.folder });
    expect((await statusesBy([first, second], 4)).filter((status) => status === 202)).toHaveLength(
      4,
    );
    await second[Symbol.asyncDispose]();
    await using again = await serving({ ca, toml: few, folder: first.folder });
    expect((await statusesBy([first, again], 7)).filter((status) => status === 202)).toHaveLength(
      1,
    );
  });
  it('gives out keys for some of its names, which see nothing else', async () => {
    const {
      body: { key },
    } = await server.call('POST', '/api/keys', {
      key: keys.one,
      body: {
        scopes: ['certificates:read', 'orders:read', 'orders:write', 'events:read'],
        names: ['a.one.test'],
      },
    });
    const {
      body: { items },
    } = await server.call('GET', '/api/certificates', { key });
    expect(items.map(({ names }: { names: string[] }) => names)).toEqual([['a.one.test']]);
    const foreignId = (
      await server.call('GET', '/api/certificates?name=c.one.test', { key: keys.one })
    ).body.items[0].id;
    await expect(
      server.call('GET', `/api/certificates/${foreignId}`, { key }),
    ).resolves.toMatchObject({ status: 404 });
    await expect(
      server.call('GET', `/api/certificates/${foreignId}/private-key`, { key }),
    ).resolves.toMatchObject({ status: 403 });
    await expect(
      server.call('POST', '/api/orders', { key, body: { names: ['shared.test'] } }),
    ).resolves.toMatchObject({ status: 403 });
    const {
      body: { items: events },
    } = await server.call('GET', '/api/events', { key });
    expect(events.length).toBeGreaterThan(0);
    expect(events.every(({ names }: { names: string[] }) => names.join() === 'a.one.test')).toBe(
      true,
    );
  });
  it('comes, and goes, with the configuration', async () => {
    await server.reload(toml.replaceAll('tenants.two', 'tenants.three'));
    await expect(server.call('GET', '/api/certificates', { key: keys.two })).resolves.toMatchObject(
      { status: 401 },
    );
    await expect(server.call('GET', '/api/certificates', { key: keys.one })).resolves.toMatchObject(
      { status: 200 },
    );
    await expect(server.reload('[tenants.broken]\nnames = 7')).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
    });
    await expect(server.call('GET', '/api/certificates', { key: keys.one })).resolves.toMatchObject(
      { status: 200 },
    );
  });
});
