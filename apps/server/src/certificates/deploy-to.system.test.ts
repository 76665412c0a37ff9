import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isInWindow, parseWeeklyWindow } from '@acmex/clock';
import { eventually, type TemporaryFolder, temporaryFolder } from '@acmex/services';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Temporal } from 'temporal-polyfill';
import { type Serving, serving, startCa, tenantKey, type TestCa } from '../serving.testing.ts';

let ca: TestCa;
let folder: TemporaryFolder;
beforeAll(async () => {
  ca = await startCa();
  folder = await temporaryFolder('deploy-to');
});
afterAll(async () => {
  await ca[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const place = (target: string, name: string) => join(folder.path, `${target}-${name}.pem`);
const target = (name: string) => `
[deploy.${name}]
type = "nginx"
fullchain_path = "${place(name, '{name}')}"
test = ["/bin/true"]
reload = ["/bin/true"]
`;
const tenants = `
[tenants.one]
names = ["*.one.test"]
deploy_targets = ["web"]
[tenants.two]
names = ["*.two.test"]
deploy_targets = ["vault"]
`;
const toml = () => `${tenants}${target('web')}${target('vault')}`;
const window = 'Sat 02:00-06:00 Europe/Berlin';
const placed = async (name: string, at = 'web') => await readFile(place(at, name), 'utf8');

/** What a tenant calls. */
const callerOf = (server: Serving, key: string) => ({
  order: async (body: object) => await server.call('POST', '/api/orders', { key, body }),
  certificate: async (id: string) =>
    (await server.call('GET', `/api/certificates/${id}`, { key })).body,
  chain: async (id: string) =>
    (await server.call('GET', `/api/certificates/${id}/chain`, { key })).text,
  renew: async (id: string) => {
    const { body } = await server.call('POST', `/api/certificates/${id}/renew`, { key });
    await server.call('GET', `/api/orders/${body.id}/events`, { key });
  },
});

it('writes what a tenant orders to the targets that it may name, over a restart, and in its window', async () => {
  const first = await serving({ ca, toml: toml(), folder: folder.path });
  const keys = [await tenantKey(first, 'one'), await tenantKey(first, 'two')];
  const [web, vault] = keys.map((key) => callerOf(first, key));
  const body = { names: ['a.one.test'], deployTo: ['web'], maintenanceWindows: [window] };
  const { body: order } = await web!.order(body);
  const id = String(order.certificate);
  await eventually(async () => (await web!.certificate(id)).deployed === 1);
  expect((await placed('a.one.test')).endsWith(await web!.chain(id))).toBe(true);

  // What is forbidden and what does not exist are refused with the same words, and leave nothing.
  const refusals = async (tenant: typeof web, names: readonly string[], forbidden: string) =>
    await Promise.all(
      [forbidden, 'nothing'].map(async (name) => {
        const { status, body: problem } = await tenant!.order({ names, deployTo: [name] });
        return [status, problem.code, String(problem.detail).replace(name, 'NAME')];
      }),
    );
  for (const refused of [
    await refusals(web, ['b.one.test'], 'vault'),
    await refusals(vault, ['b.two.test'], 'web'),
  ]) {
    expect(refused[0]).toEqual(refused[1]);
    expect(refused[0]!.slice(0, 2)).toEqual([403, 'ERR_SERVER_NAMES']);
  }
  await expect(placed('b.one.test', 'vault')).rejects.toMatchObject({ code: 'ENOENT' });
  await first[Symbol.asyncDispose]();

  await using second = await serving({ ca, toml: toml(), folder: folder.path });
  const again = callerOf(second, keys[0]!);
  const certificate = await again.certificate(id);
  expect(certificate).toMatchObject({ deployTo: ['web'], maintenanceWindows: [window] });
  const due = Temporal.Instant.from(certificate.renewal.at).epochMilliseconds;
  expect(isInWindow([parseWeeklyWindow(window)!], due)).toBe(true);
  await again.renew(id);
  await eventually(async () => (await again.certificate(id)).deployed === 2);
  expect((await placed('a.one.test')).endsWith(await again.chain(id))).toBe(true);

  // A target that is removed fails the deployment, and names no target of another tenant.
  await second.reload(`${tenants.replace('deploy_targets = ["web"]\n', '')}${target('vault')}`);
  await again.renew(id);
  await eventually(async () => 'deployFailure' in (await again.certificate(id)));
  const { deployTo, deployFailure } = await again.certificate(id);
  expect([deployTo, deployFailure.code, deployFailure.message]).toEqual([
    ['web'],
    'ERR_CONFIG_DEPLOY',
    'the deploy target "web" is not in the configuration: write a table [deploy.web] in acmex.toml, or name one of none, as there are none',
  ]);
});
