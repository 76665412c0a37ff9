import { createCheckpoint } from '@acmex/observability/audit';
import { fileStorage } from '@acmex/storage-file';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Serving, serving, startCa, tenantKey, type TestCa } from '../serving.testing.ts';

const toml = `
[audit]
enabled = true
[tenants.default]
names = ["*"]
[tenants.one]
names = ["*.one.test"]
[tenants.two]
names = ["*.two.test"]
`;
let ca: TestCa;
let server: Serving;
const keys: Record<string, string> = {};
beforeAll(async () => {
  ca = await startCa();
  server = await serving({ ca, toml });
  for (const tenant of ['default', 'one', 'two']) keys[tenant] = await tenantKey(server, tenant);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await ca[Symbol.asyncDispose]();
});

interface AuditPage {
  readonly items: readonly {
    readonly origin: { readonly actor?: string; readonly address?: string };
    readonly actions: readonly { readonly type: string; readonly tenant?: string }[];
  }[];
}

const audit = async (tenant: string) => {
  const { status, body } = await server.call('GET', '/api/audit', { key: keys[tenant] });
  expect(status).toBe(200);
  return (body as AuditPage).items;
};
const typesOf = async (tenant: string) =>
  (await audit(tenant)).flatMap(({ actions }) => actions.map(({ type }) => type));

describe('the audit log of a server', () => {
  it('has what a key asked for, with the key and its address, and each reading of a private key', async () => {
    const ordered = await server.call('POST', '/api/orders', {
      key: keys.one,
      body: { names: ['www.one.test'] },
      headers: { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` },
    });
    expect(ordered.status).toBe(202);
    const { id, certificate } = ordered.body as Readonly<Record<string, string>>;
    await server.call('GET', `/api/orders/${id}/events`, { key: keys.one });
    const path = `/api/certificates/${certificate}/private-key`;
    expect((await server.call('GET', path, { key: keys.one })).status).toBe(200);
    const records = await audit('default');
    const added = records.find(({ actions }) =>
      actions.some(({ type }) => type === 'certificate_added'),
    );
    expect(added).toMatchObject({
      origin: {
        program: 'acmex serve',
        address: '127.0.0.1',
        actor: `key_${keys.one?.split('.')[1]}`,
        traceId: 'a'.repeat(32),
      },
      actions: expect.arrayContaining([
        expect.objectContaining({ tenant: 'one', names: ['www.one.test'] }),
      ]),
    });
    expect(await typesOf('one')).toContain('private_key_read');
  });

  it('shows a tenant what it did, and nothing of another one', async () => {
    expect(await typesOf('one')).toContain('certificate_added');
    expect(await typesOf('two')).not.toContain('certificate_added');
  });

  it('is searched by who did what, with the newest first', async () => {
    const search = async (query: string) => {
      const { body } = await server.call('GET', `/api/audit?${query}`, { key: keys.default });
      return (body as AuditPage).items;
    };
    const actor = `key_${keys.one?.split('.')[1]}`;
    const [reading, ...more] = await search(`sort=newest&type=private_key_read&actor=${actor}`);
    expect(more).toEqual([]);
    expect(reading).toMatchObject({ origin: { actor } });
    expect(await search('type=private_key_read&actor=key_of_someone_else')).toEqual([]);
    expect(await search('type=certificate_revoked')).toEqual([]);
    const all = await search('limit=1000');
    expect(await search('sort=newest&limit=1000')).toEqual([...all].reverse());
    expect(await search('until=2026-01-01T00:00:00Z')).toEqual([]);
  });

  it('is verified for a key of the default tenant alone', async () => {
    const verify = async (tenant: string, query = '') =>
      await server.call('GET', `/api/audit/verify${query}`, { key: keys[tenant] });
    expect((await verify('one')).status).toBe(403);
    expect(await verify('default')).toMatchObject({ status: 200, body: { writers: 1 } });
    expect(await verify('default', '?checkpoint=x.y.z')).toMatchObject({
      status: 422,
      body: { code: 'ERR_AUDIT_CHECKPOINT' },
    });
  });

  it('says that it was changed, with 409', async () => {
    await using storage = fileStorage({ path: `${server.folder}/data` });
    await createCheckpoint(storage);
    for await (const { key } of storage.list('audit/record')) {
      await storage.write([{ remove: key }]);
      break;
    }
    expect(await server.call('GET', '/api/audit/verify', { key: keys.default })).toMatchObject({
      status: 409,
      body: { code: 'ERR_AUDIT_DAMAGED' },
    });
  });
});
