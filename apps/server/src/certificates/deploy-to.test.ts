import { join } from 'node:path';
import { Provisioner } from '@acmex/orchestrator';
import { fileStorage } from '@acmex/storage-file';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Serving, serving, startCa, tenantKey, type TestCa } from '../serving.testing.ts';

const target = (name: string) => `
[deploy.${name}]
type = "webhook"
url = "https://127.0.0.1:1/${name}"
secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
`;
const toml = `
[tenants.default]
names = ["*"]
deploy_targets = ["web", "vault"]
[tenants.one]
names = ["*.one.test"]
deploy_targets = ["web"]
[tenants.two]
names = ["*.two.test"]
${target('web')}${target('vault')}${target('secret')}
[[certificates]]
names = ["declared.test"]
deploy_to = ["secret"]
hooks = { deploy = ["/bin/true"] }
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
const as = async (tenant: string, method: string, path: string, body?: object) =>
  await server.call(method, path, { key: keys[tenant], ...(body ? { body } : {}) });
/** The certificate of an order. */
const ordered = async (body: object, tenant = 'default') => {
  const reply = await as(tenant, 'POST', '/api/orders', body);
  expect(reply.status).toBe(202);
  return (await as(tenant, 'GET', `/api/certificates/${reply.body.certificate}`)).body;
};
const declared = async (name: string, body: object) =>
  await as('default', 'PUT', `/api/certificates/${name}`, body);
const stepsOf = async (id: string): Promise<unknown> => {
  await using storage = fileStorage({ path: join(server.folder, 'data') });
  return (await new Provisioner({ storage, issuers: [] }).certificates.get(id)).deploy;
};

describe('the deploy targets of a certificate', () => {
  it('are named by an order, kept by an order that does not mention them, and changed by one that does', async () => {
    const { id, deployTo } = await ordered({ names: ['a.test'], deployTo: ['vault', 'web'] });
    expect(deployTo).toEqual(['vault', 'web']);
    await expect(ordered({ names: ['a.test'] })).resolves.toMatchObject({ id, deployTo });
    await expect(ordered({ names: ['a.test'], deployTo: ['web'] })).resolves.toMatchObject({
      ...{ id, deployTo: ['web'] },
    });
    await expect(ordered({ names: ['a.test'], deployTo: [] })).resolves.toMatchObject({
      ...{ id, deployTo: [] },
    });
  });
  it('are as PUT declares them, and stay where it does not mention them', async () => {
    const first = await declared('b.test', { deployTo: ['web'] });
    expect([first.status, first.body.deployTo]).toEqual([201, ['web']]);
    const { id } = first.body;
    await expect(declared('b.test', { deployTo: ['web'] })).resolves.toMatchObject({
      status: 200,
      body: { id, deployTo: ['web'] },
    });
    await expect(declared('b.test', { deployTo: ['vault'] })).resolves.toMatchObject({
      status: 200,
      body: { id, deployTo: ['vault'] },
    });
    await expect(declared('b.test', {})).resolves.toMatchObject({
      body: { id, deployTo: ['vault'] },
    });
    await expect(declared('b.test', { deployTo: [] })).resolves.toMatchObject({
      body: { id, deployTo: [] },
    });
  });
  it('are changed by PATCH, which keeps what it does not mention', async () => {
    const { id } = await ordered({ names: ['c.test'], deployTo: ['web'] });
    const patch = async (body: object) =>
      (await as('default', 'PATCH', `/api/certificates/${id}`, body)).body.deployTo;
    await expect(patch({ labels: { team: 'web' } })).resolves.toEqual(['web']);
    await expect(patch({ deployTo: ['vault'] })).resolves.toEqual(['vault']);
    await expect(patch({ deployTo: null })).resolves.toEqual([]);
  });
  it('come from a template, and are what a check of the order says', async () => {
    await as('default', 'PUT', '/api/templates/web', { deployTo: ['web'] });
    const body = { names: ['d.test'], template: 'web' };
    await expect(
      as('default', 'POST', '/api/orders/check', { ...body, network: false }),
    ).resolves.toMatchObject({ status: 200, body: { deployTo: ['web'] } });
    await expect(ordered(body)).resolves.toMatchObject({ deployTo: ['web'] });
  });
  it('replace only deploy targets: programs and files of acmex.toml stay', async () => {
    const { body } = await as('default', 'GET', '/api/certificates?name=declared.test');
    const [{ id, deployTo }] = body.items;
    expect(deployTo).toEqual(['secret']);
    const hook = { hook: ['/bin/true'] };
    await declared('declared.test', { deployTo: ['web'] });
    expect(await stepsOf(id)).toEqual([hook, { to: 'web' }]);
    await declared('declared.test', { deployTo: [] });
    expect(await stepsOf(id)).toEqual([hook]);
  });
  it('of a certificate of acmex.toml without a place stay when the configuration is read again', async () => {
    const more = '[[certificates]]\nnames = ["plain.test"]\n';
    await server.reload(toml + more);
    const { body } = await as('default', 'GET', '/api/certificates?name=plain.test');
    const { id } = body.items[0];
    await as('default', 'PATCH', `/api/certificates/${id}`, { deployTo: ['web'] });
    await server.reload(`${toml}${more}labels = { team = "web" }\n`);
    await expect(as('default', 'GET', `/api/certificates/${id}`)).resolves.toMatchObject({
      body: { labels: { team: 'web' }, deployTo: ['web'] },
    });
  });
  it('are none that the tenant may not name, whether they exist or not', async () => {
    const { id } = await ordered({ names: ['a.one.test'] }, 'one');
    const requests: readonly (readonly [string, string, object])[] = [
      ['POST', '/api/orders', { names: ['new.one.test'] }],
      ['POST', '/api/orders', { names: ['a.one.test'] }],
      ['POST', '/api/orders/check', { names: ['new.one.test'] }],
      ['PUT', '/api/certificates/new.one.test', {}],
      ['PUT', '/api/certificates/a.one.test', {}],
      ['PATCH', `/api/certificates/${id}`, {}],
      ['PUT', '/api/templates/new', {}],
    ];
    for (const [method, path, body] of requests) {
      const refusal = async (name: string) => {
        const reply = await as('one', method, path, { ...body, deployTo: ['web', name] });
        expect([reply.status, reply.body.code]).toEqual([403, 'ERR_SERVER_NAMES']);
        const { instance: _, ...problem } = reply.body;
        return JSON.parse(JSON.stringify(problem).replaceAll(name, 'NAME')) as object;
      };
      const known = await refusal('vault');
      expect(known).toEqual(await refusal('nothing'));
      expect(known).toMatchObject({ errors: [{ pointer: '/deployTo/1' }] });
    }
    const { body } = await as('one', 'GET', '/api/certificates');
    expect(body.items).toMatchObject([{ names: ['a.one.test'], deployTo: [] }]);
    expect((await as('one', 'GET', '/api/templates')).body.items).toEqual([]);
    await expect(
      as('two', 'POST', '/api/orders', { names: ['a.two.test'], deployTo: ['web'] }),
    ).resolves.toMatchObject({
      status: 403,
      body: { detail: expect.stringMatching(/^web is not .* tenant two may name: none$/) },
    });
  });
  it('of a template are refused where the tenant may not name them any more', async () => {
    await as('one', 'PUT', '/api/templates/web', { deployTo: ['web'] });
    await server.reload(toml.replace('deploy_targets = ["web"]\n', ''));
    await expect(
      as('one', 'POST', '/api/orders', { names: ['t.one.test'], template: 'web' }),
    ).resolves.toMatchObject({ status: 403, body: { code: 'ERR_SERVER_NAMES' } });
    await server.reload(toml);
  });
  it('are each named once, and no more than twenty', async () => {
    const refused = async (deployTo: readonly string[]) =>
      (await as('default', 'POST', '/api/orders', { names: ['e.test'], deployTo })).body.errors;
    await expect(refused(['web', 'web'])).resolves.toMatchObject([{ pointer: '/deployTo' }]);
    await expect(
      refused(Array.from({ length: 21 }, (_, index) => `target-${index}`)),
    ).resolves.toMatchObject([{ pointer: '/deployTo' }]);
    await expect(refused(['../web'])).resolves.toMatchObject([{ pointer: '/deployTo/0' }]);
  });
  it('are those that a key may name, which makes and rotates no key that may name more', async () => {
    const scopes = ['orders:write', 'keys:write'];
    const key = await server.makeKey({ scopes, deployTargets: ['web'] });
    const call = async (method: string, path: string, body: object) =>
      await server.call(method, path, { key, body });
    const order = async (name: string) =>
      (await call('POST', '/api/orders', { names: ['f.test'], deployTo: [name] })).status;
    expect([await order('web'), await order('vault'), await order('nothing')]).toEqual([
      ...[202, 403, 403],
    ]);
    const made = await call('POST', '/api/keys', { scopes });
    expect([made.status, made.body.deployTargets]).toEqual([201, ['web']]);
    for (const name of ['vault', 'nothing'])
      await expect(
        call('POST', '/api/keys', { scopes, deployTargets: [name] }),
      ).resolves.toMatchObject({ status: 403, body: { code: 'ERR_SERVER_WIDER_KEY' } });
    const { body: unlimited } = await as('default', 'POST', '/api/keys', { scopes });
    expect(unlimited).not.toHaveProperty('deployTargets');
    await expect(call('POST', `/api/keys/${unlimited.id}/rotate`, {})).resolves.toMatchObject({
      status: 403,
      body: {
        code: 'ERR_SERVER_WIDER_KEY',
        detail: expect.stringContaining('all deploy targets of its tenant'),
      },
    });
    const rotated = await call('POST', `/api/keys/${made.body.id}/rotate`, {});
    expect([rotated.status, rotated.body.deployTargets]).toEqual([200, ['web']]);
    await expect(
      as('default', 'POST', '/api/keys', { scopes, deployTargets: ['nothing'] }),
    ).resolves.toMatchObject({
      status: 403,
      body: { code: 'ERR_SERVER_NAMES', errors: [{ pointer: '/deployTargets/0' }] },
    });
  });
  it('are none without deploy_targets, and those of the server where there are no tenants', async () => {
    await using alone = await serving({ ca, toml: target('web') });
    const order = async () =>
      await alone.call('POST', '/api/orders', { body: { names: ['a.test'], deployTo: ['web'] } });
    expect((await order()).status).toBe(403);
    await alone.reload(`deploy_targets = ["web"]\n${target('web')}`);
    expect((await order()).status).toBe(202);
  });
});
