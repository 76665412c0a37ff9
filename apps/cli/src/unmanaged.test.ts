import { mkdtemp, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, removeFolder } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type OwnCa, ownCa } from './own-ca.testing.ts';
import { acmex } from './terminal.testing.ts';

let folder: string;
let ca: OwnCa;
let busy: Server;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-unmanaged-'));
  ca = await ownCa({ arrange: (chain) => chain });
  await writeFile(at('root.pem'), ca.root);
  await writeFile(at('program'), '#!/bin/sh\n', { mode: 0o700 });
  await writeFile(
    at('acmex.toml'),
    `[renewal.hooks]\nbefore = ["${at('program')}"]\n[storage.file]\npath = "${at('data')}"\n`,
    { mode: 0o600 },
  );
  busy = createServer();
  await once(busy.listen(0, '127.0.0.1'), 'listening');
});
afterAll(async () => {
  busy.close();
  await ca[Symbol.asyncDispose]();
  await removeFolder(folder);
});

const obtain = async (...args: readonly string[]) =>
  await acmex([
    ...['obtain', '--no-manage', '-d', 'a.test', '--server', ca.directory, '--accept-tos'],
    ...['--ca-certificate', at('root.pem'), '--config', at('acmex.toml'), '--force'],
    ...['--cert-path', at('c.pem'), '-k', at('k.pem'), ...args],
  ]);

describe('obtain --issuer', () => {
  it('tries the issuers of the configuration in its order, and stays with them', async () => {
    const issuer = (name: string, directory: string) =>
      `[issuers.${name}]\ndirectory = "${directory}"\nca_certificate = "${at('root.pem')}"\ntos_agreed = true\n`;
    await writeFile(
      at('issuers.toml'),
      `${issuer('away', 'https://127.0.0.1:1/directory')}${issuer('ours', ca.directory)}[storage.file]\npath = "${at('several')}"\n`,
      { mode: 0o600 },
    );
    const config = ['--config', at('issuers.toml')];
    const run = async (...args: readonly string[]) =>
      await acmex([
        ...['obtain', '-d', 'several.test', '--http-port', String(await freePort()), '--force'],
        ...['--cert-path', at('s.pem'), '-k', at('s.key'), ...config, ...args],
      ]);
    const issued = await run('--issuer', 'away', '--issuer', 'ours');
    expect([issued.code, issued.stderr]).toEqual([0, expect.stringContaining('ours is used')]);
    const { stdout } = await acmex(['cert', 'list', '--json', ...config]);
    expect(JSON.parse(stdout)).toMatchObject([{ issuer: 'away', fallbackIssuers: ['ours'] }]);
    const unknown = await run('--issuer', 'ours,none');
    expect([unknown.code, unknown.stderr]).toEqual([
      ...[2, expect.stringMatching(/--issuer "none" is not an issuer .* use away, ours/)],
    ]);
    const twice = await run('--issuer', 'ours', '--prod');
    expect(twice.code).toBe(2);
  }, 60_000);
});

describe('obtain --no-manage', () => {
  it('registers again an account that the CA has lost', async () => {
    const port = async () => ['--http-port', String(await freePort())];
    expect(await obtain(...(await port()))).toMatchObject({ code: 0 });
    await ca.loseAccounts();
    expect(await obtain(...(await port()))).toMatchObject({ code: 0 });
  });

  it.each([
    ['--deploy-directory', '/etc/acmex'],
    ['--deploy-hook', 'systemctl reload nginx'],
    ['--probe', 'a.test:443'],
  ])('refuses %s, which nothing would do', async (flag, value) => {
    const { code, stderr } = await obtain(flag, value);
    expect([code, stderr]).toEqual([2, expect.stringContaining(`or remove ${flag}`)]);
  });

  it('finds a used port before the CA is asked, also with a hook, which it does not run', async () => {
    const { port } = busy.address() as AddressInfo;
    const outcome = await obtain(
      ...['--http-address', '127.0.0.1', '--http-port', String(port)],
      ...['--server', 'https://127.0.0.1:1/a-ca-that-is-away'],
    );
    expect(outcome.stderr).toContain('[ERR_CHALLENGE_PORT_IN_USE]');
  });
});
