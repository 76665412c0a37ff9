import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { localCa } from '@acmex/local-ca';
import {
  describeWith,
  localCertificate,
  temporaryFolder,
  type TemporaryFolder,
} from '@acmex/services';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { chromium } from 'playwright-core';
import { acmex, type AcmexOptions, typing } from '../terminal.testing.ts';

let home: TemporaryFolder;
let env: Readonly<Record<string, string>>;
beforeEach(async () => {
  home = await temporaryFolder('trust');
  env = { HOME: home.path, PATH: '/usr/bin' };
});
afterEach(async () => {
  await home[Symbol.asyncDispose]();
});
/** Without root, so that the store of this machine does not change; without its Java. */
const trust = async (args: readonly string[], options: AcmexOptions = {}) =>
  await acmex(['trust', ...args], { ...options, env: { ...env, ...options.env } });
const kinds = ['--store', 'system,chrome,firefox'];
const statesOf = (stdout: string) =>
  Object.fromEntries(
    JSON.parse(stdout).stores.map(({ store, state }: Record<string, string>) => [store, state]),
  );
const addProfile = async () => {
  const folder = join(home.path, '.mozilla/firefox');
  const profile = join(folder, 'a1b2.default');
  await mkdir(profile, { recursive: true });
  await writeFile(join(folder, 'profiles.ini'), '[Profile0]\nPath=a1b2.default\nIsRelative=1\n');
  execFileSync('certutil', ['-N', '-d', `sql:${profile}`, '--empty-password']);
  return profile;
};

/** A page with a certificate of the local CA, and whether Chromium opens it. */
async function startPage() {
  const { cert, key } = await (await localCa({ home: home.path })).issue(['localhost']);
  const server = createServer({ cert, key }, (_, response) => response.end('<h1>hello</h1>'));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `https://localhost:${(server.address() as AddressInfo).port}/`;
  return {
    async open(): Promise<string> {
      const browser = await chromium.launch({
        executablePath: '/usr/bin/chromium',
        args: [
          '--no-sandbox',
          '--disable-gpu',
          '--no-first-run',
          '--disable-background-networking',
        ],
        env,
      });
      try {
        const page = await browser.newPage();
        const failure = await page.goto(url).then(
          () => undefined,
          (error: unknown) => /net::(\w+)/.exec(String(error))?.[1] ?? String(error),
        );
        return failure ?? (await page.getByRole('heading').innerText());
      } finally {
        await browser.close();
      }
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

describeWith(['chromium', 'certutil'], 'acmex trust', () => {
  it('lets Chromium open a page of the local CA, until it is undone', async () => {
    await using page = await startPage();
    expect(await page.open()).toBe('ERR_CERT_AUTHORITY_INVALID');
    const added = await trust(['--yes', '--store', 'chrome']);
    expect(added.stdout).toMatch(/^chrome +trusted \(added\)/m);
    expect(await page.open()).toBe('hello');
    expect((await trust(['--check', '--store', 'chrome'])).code).toBe(0);
    expect((await trust(['--undo', '--yes', '--store', 'chrome'])).code).toBe(0);
    expect(await page.open()).toBe('ERR_CERT_AUTHORITY_INVALID');
  }, 120_000);

  it('shows each command before it changes anything, and asks', async () => {
    const profile = await addProfile();
    const refused = await trust(kinds, typing(['no']));
    expect(refused).toMatchObject({ code: 0, stdout: '' });
    expect(refused.stderr).toMatch(
      new RegExp(`certutil -A -d sql:${profile} -n acmex-[0-9a-f]{16} -t C,, -i ${home.path}/`),
    );
    expect(refused.stderr).toContain('nothing is changed');
    expect(existsSync(join(home.path, '.pki'))).toBe(false);
    const allowed = await trust(['--store', 'firefox'], typing(['yes']));
    expect(allowed).toMatchObject({ code: 0, stdout: expect.stringContaining('trusted (added)') });
  });
  it('changes nothing where no one can answer', async () => {
    const profile = await addProfile();
    const { code, stderr } = await trust(kinds);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('--yes') });
    const list = execFileSync('certutil', ['-L', '-d', `sql:${profile}`], { encoding: 'utf8' });
    expect(list).not.toContain('acmex');
  });
  it('does what needs no root, says what root would run, and ends with 9', async () => {
    await addProfile();
    const { code, stdout, stderr } = await trust([...kinds, '--yes', '--json']);
    expect(code).toBe(9);
    expect(statesOf(stdout)).toEqual({ system: 'failed', chrome: 'trusted', firefox: 'trusted' });
    expect(stderr).toMatch(/sudo install -m 0644 \S+root.pem \/usr\/local\/share\/ca-certificates/);
    expect(stderr).toContain('sudo update-ca-certificates');
    const check = await trust([...kinds, '--check', '--json']);
    expect(check.code).toBe(10);
    expect(statesOf(check.stdout)).toEqual({
      ...{ system: 'absent', chrome: 'trusted', firefox: 'trusted' },
    });
    expect((await trust(['--store', 'system', '--yes'])).code).toBe(3);
  });
  it('names the file that Node.js needs', async () => {
    const { stdout } = await trust(['--yes', '--store', 'chrome']);
    const [, file = ''] = /NODE_EXTRA_CA_CERTS='(.*)'/.exec(stdout) ?? [];
    const ca = await localCa({ home: home.path });
    expect(await readFile(file, 'utf8')).toBe(ca.root);
  });
  it('does the other stores where one fails', async () => {
    const profile = await addProfile();
    await writeFile(join(profile, 'cert9.db'), 'no database');
    const { code, stdout } = await trust(['--yes', '--store', 'firefox,chrome', '--json']);
    expect(code).toBe(9);
    expect(statesOf(stdout)).toEqual({ chrome: 'trusted', firefox: 'failed' });
    expect(stdout).toContain('SEC_ERROR_BAD_DATABASE');
  });
  it('adds the root once where two run at once', async () => {
    const both = [trust(['--yes', '--store', 'chrome']), trust(['--yes', '--store', 'chrome'])];
    const outcomes = await Promise.all(both);
    expect(outcomes.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual([0, 0]);
    const database = `sql:${home.path}/.pki/nssdb`;
    const list = execFileSync('certutil', ['-L', '-d', database], { encoding: 'utf8' });
    expect(list.match(/acmex-/g)).toHaveLength(1);
  });
  it('trusts the root of a different CA', async () => {
    const file = join(home.path, 'other.pem');
    const { caCertificate, certificate } = await localCertificate();
    await writeFile(file, caCertificate);
    expect((await trust(['--yes', '--store', 'chrome', '--root', file])).code).toBe(0);
    expect((await trust(['--check', '--store', 'chrome', '--root', file])).code).toBe(0);
    expect((await trust(['--check', '--store', 'chrome'])).code).toBe(10);
    await writeFile(file, certificate);
    expect((await trust(['--yes', '--root', file])).stderr).toContain(
      'not the certificate of a CA',
    );
  });
  it('says that there is no local CA, and makes none to remove it', async () => {
    expect(await trust(['--check'])).toMatchObject({
      code: 10,
      stdout: expect.stringContaining('no local CA yet'),
    });
    expect(await trust(['--undo', '--yes'])).toMatchObject({ code: 0 });
    expect(existsSync(join(home.path, '.local'))).toBe(false);
  });
});

it('refuses stores that do not exist, and --check with --undo', async () => {
  expect(await trust(['--store', 'opera'])).toMatchObject({ code: 2 });
  expect(await trust(['--check', '--undo'])).toMatchObject({ code: 2 });
});
