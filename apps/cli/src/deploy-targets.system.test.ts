import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { freePort, type TemporaryFolder, temporaryFolder } from '@acmex/services';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { ownCa, type OwnCa } from './own-ca.testing.ts';
import { acmex } from './terminal.testing.ts';

let folder: TemporaryFolder;
let ca: OwnCa;
beforeEach(async () => {
  folder = await temporaryFolder('targets');
  ca = await ownCa({});
});
afterEach(async () => {
  await ca[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});
const at = (...names: readonly string[]) => join(folder.path, ...names);

/** Has the shape of acme.sh, with a script that copies the certificate, and counts its runs. */
async function writeAcmeSh(): Promise<void> {
  await mkdir(at('acme.sh', 'deploy'), { recursive: true });
  await writeFile(at('acme.sh', 'acme.sh'), '_initpath() { :; }\n');
  await writeFile(
    at('acme.sh', 'deploy', 'copy.sh'),
    'copy_deploy() { cat "$2" "$5" > "$PLACE"; echo x >> "$PLACE.runs"; echo "SAVED_RUN=\'1\'" > "$DOMAIN_CONF"; }\n',
  );
}

/** Writes a configuration with the target `lb`, and returns what runs a command with it. */
async function configured(more: string) {
  await writeAcmeSh();
  await writeFile(at('root.pem'), ca.root);
  await writeFile(
    at('acmex.toml'),
    `
[acme]
ca = "custom"
ca_custom_url = "${ca.directory}"
tos_agreed = true
ca_certificate = "${at('root.pem')}"
[storage]
url = "file:${at('data')}"
[challenge.http01]
listen_addr = "127.0.0.1:${await freePort()}"
[deploy.lb]
type = "acme.sh"
home = "${at('acme.sh')}"
script = "copy"
settings = { PLACE = "${at('place')}" }
${more}`,
    { mode: 0o600 },
  );
  return async (...args: readonly string[]) =>
    await acmex([...args, '--config', at('acmex.toml')], { env: { PATH: process.env.PATH } });
}

it('keeps a certificate at a deploy target only where it is served, and ends with 8 otherwise', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const serve = async () => {
    const pem = await readFile(at('place'), 'utf8');
    server.setSecureContext({ cert: pem.slice(pem.indexOf('-----BEGIN CERT')), key: pem });
  };
  const run = await configured(`probe = "127.0.0.1:${port}"
probe_timeout_secs = 1
[[certificates]]
names = ["a.test"]
deploy_to = ["lb"]
`);

  const unserved = await run('renew');
  expect([unserved.code, unserved.stderr]).toEqual([
    8,
    expect.stringMatching(/the deploy target lb: .*127\.0\.0\.1:\d+ does not show the certificate/),
  ]);
  await serve();
  const deployed = await run('renew', '--domains', 'a.test');
  expect([deployed.code, deployed.stderr]).toEqual([0, expect.any(String)]);

  // The server does not read the next certificate.
  const first = await readFile(at('place'), 'utf8');
  const refused = await run('renew', '--domains', 'a.test', '--force');
  expect([refused.code, refused.stderr]).toEqual([
    8,
    expect.stringMatching(/the deploy target lb: .* the former certificate [0-9a-f]+ is back/),
  ]);
  expect(await readFile(at('place'), 'utf8')).toBe(first);
  server.close();
});

it('deploys a certificate of acmex obtain to the targets that --deploy-to names, at each renewal too', async () => {
  const run = await configured('');
  const files = ['--cert-path', at('chain.pem'), '--key-path', at('key.pem')];
  const obtain = async (...args: readonly string[]) =>
    await run('obtain', '-d', 'b.test', ...files, ...args);

  const unknown = await obtain('--deploy-to', 'lb,lc');
  expect([unknown.code, unknown.stderr]).toEqual([
    2,
    expect.stringMatching(/--deploy-to lc is not a deploy target .*use one of lb/),
  ]);
  const unmanaged = await obtain('--deploy-to', 'lb', '--no-manage');
  expect([unmanaged.code, unmanaged.stderr]).toEqual([
    2,
    expect.stringContaining('remove --no-manage'),
  ]);

  const obtained = await obtain('--deploy-to', 'lb');
  expect([obtained.code, obtained.stderr]).toEqual([0, expect.any(String)]);
  const place = async () => await readFile(at('place'), 'utf8');
  const chain = async () => await readFile(at('chain.pem'), 'utf8');
  expect((await place()).endsWith(await chain())).toBe(true);
  const first = await chain();
  const renewed = await run('renew', '--domains', 'b.test', '--force');
  expect([renewed.code, renewed.stderr]).toEqual([0, expect.any(String)]);
  expect(await chain()).not.toBe(first);
  expect((await place()).endsWith(await chain())).toBe(true);
});
