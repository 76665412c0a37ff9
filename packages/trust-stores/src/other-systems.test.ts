import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder, type TemporaryFolder } from '@acmex/services';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  changeStore,
  type ProgramResult,
  type Programs,
  rootCertificate,
  type RootCertificate,
  type TrustStore,
  trustStores,
} from './index.ts';
import { rootIn } from './stores.testing.ts';

let folder: TemporaryFolder;
let root: RootCertificate;
let former: RootCertificate;
beforeEach(async () => {
  folder = await temporaryFolder('trust-stores');
  root = await rootIn(folder.path, 'root');
  former = await rootIn(folder.path, 'former');
});
afterEach(async () => {
  await folder[Symbol.asyncDispose]();
});

interface StandIn extends Programs {
  readonly roots: Set<RootCertificate>;
  /** What changed something. */
  readonly changes: readonly string[];
}

/** Programs with the roots of a store. @param run returns the output, or undefined for a failure */
function standIn(run: (line: string, roots: Set<RootCertificate>) => string | undefined): StandIn {
  const roots = new Set<RootCertificate>();
  const changes: string[] = [];
  return {
    roots,
    changes,
    find: async (program) => program,
    async run(command): Promise<ProgramResult> {
      await new Promise(setImmediate);
      const line = command.join(' ');
      const before = roots.size;
      const output = run(line, roots);
      if (roots.size !== before) changes.push(line);
      const complaints = output === undefined ? `not expected: ${line}` : '';
      return { end: output === undefined ? 1 : 0, output: output ?? '', complaints };
    },
  };
}

const hashOf = ({ certificate }: RootCertificate) => certificate.fingerprint.replaceAll(':', '');

/** `security` of macOS with the keychain of a user. */
function security(keychain: string): StandIn {
  return standIn((line, roots) => {
    const all = [root, former];
    if (line === `/usr/bin/security find-certificate -a -p ${keychain}`)
      return [...roots].map(({ certificate }) => certificate.toString()).join('');
    for (const each of all) {
      const { file } = each;
      if (line === `/usr/bin/security verify-cert -c ${file} -p basic -l -L -q`)
        return roots.has(each) ? '' : undefined;
      const add = `add-trusted-cert -r trustRoot -p ssl -p basic -k ${keychain} ${file}`;
      if (line === `/usr/bin/security ${add}`) return roots.add(each) && '';
      const remove = `delete-certificate -Z ${hashOf(each)} -t ${keychain}`;
      if (line === `/usr/bin/security ${remove}`) return roots.delete(each) ? '' : undefined;
    }
    return undefined;
  });
}

/** PowerShell and certutil of Windows with the roots of a user. */
function windows(): StandIn {
  const folderOfWindows = String.raw`D:\Windows\System32`;
  return standIn((line, roots) => {
    const list = String.raw`Get-ChildItem Cert:\CurrentUser\Root | ForEach-Object { [Convert]::ToBase64String($_.RawData) }`;
    const shell = String.raw`${folderOfWindows}\WindowsPowerShell\v1.0\powershell.exe`;
    if (line === `${shell} -NoProfile -NonInteractive -Command ${list}`)
      return [...roots]
        .map(({ certificate }) => `${certificate.raw.toString('base64')}\r\n`)
        .join('');
    for (const each of [root, former]) {
      const certutil = String.raw`${folderOfWindows}\certutil.exe -user`;
      if (line === `${certutil} -addstore Root ${each.file}`) return roots.add(each) && '';
      if (line === `${certutil} -delstore Root ${hashOf(each)}`)
        return roots.delete(each) ? '' : undefined;
    }
    return undefined;
  });
}

describe.each([
  ['macOS', 'darwin', () => security(`${folder.path}/Library/Keychains/login.keychain-db`)],
  ['Windows', 'win32', windows],
] as const)('the store of %s', (_, platform, start) => {
  let programs: StandIn;
  let store: TrustStore;
  beforeEach(async () => {
    programs = start();
    const env = { SystemRoot: String.raw`D:\Windows` };
    const options = { platform, home: folder.path, env, uid: 501, programs };
    const [first] = await trustStores({ ...options, kinds: ['system'] });
    if (!first) throw new Error('no store');
    store = first;
  });
  it('adds the root without root, and does nothing the second time', async () => {
    expect(store.needsRoot).toBe(false);
    expect(await changeStore(store, 'add', { root, programs })).toBe(true);
    expect(programs.roots.has(root)).toBe(true);
    expect(await changeStore(store, 'add', { root, programs })).toBe(false);
    expect(programs.changes).toHaveLength(1);
  });
  it('removes the root and a former root of the same CA', async () => {
    for (const each of [former, root]) await changeStore(store, 'add', { root: each, programs });
    expect(await changeStore(store, 'remove', { root, programs })).toBe(true);
    expect(programs.roots.size).toBe(0);
    expect(await changeStore(store, 'remove', { root, programs })).toBe(false);
  });
  it('does not claim a change that the store does not show', async () => {
    const { run } = programs;
    const idle = async (command: readonly string[]) =>
      /add|del/.test(command.join(' '))
        ? { end: 0, output: '', complaints: '' }
        : await run(command);
    await expect(
      (async () => {
        Object.assign(programs, { run: idle });
        await changeStore(store, 'add', { root, programs });
      })(),
    ).rejects.toMatchObject({ code: 'ERR_TRUST_STORES_UNCHANGED' });
  });
});

describe('the stores of a user', () => {
  const options = () => ({
    ...{ platform: 'linux' as NodeJS.Platform, home: folder.path, uid: 1000 },
    ...{ env: { PATH: join(folder.path, 'bin') }, programs: standIn(() => undefined) },
    layouts: [],
  });
  const file = async (path: string, text = '') => {
    const place = join(folder.path, path);
    await mkdir(join(place, '..'), { recursive: true });
    await writeFile(place, text);
  };
  const titles = async (more: Partial<Parameters<typeof trustStores>[0]> = {}) =>
    (await trustStores({ ...options(), ...more })).map(({ title }) =>
      title.replaceAll(folder.path, '~'),
    );

  it('has a profile of Firefox for each one in profiles.ini with a database', async () => {
    const ini = [
      ...['[Install4F96D1932A9F858E]', 'Default=a.default', '', '[Profile1]', 'Name=a'],
      ...['IsRelative=1', 'Path=a.default', '', '[Profile0]', 'Name=b', 'IsRelative=0'],
      ...[`Path=${folder.path}/elsewhere/b`, '', '[Profile2]', 'Path=never.started', ''],
    ];
    await file('.mozilla/firefox/profiles.ini', ini.join('\r\n'));
    await file('.mozilla/firefox/a.default/cert9.db');
    await file('elsewhere/b/cert9.db');
    await file('.config/mozilla/firefox/profiles.ini', '[Profile0]\nPath=new.default\n');
    await file('.config/mozilla/firefox/new.default/cert9.db');
    await file('snap/firefox/common/.mozilla/firefox/profiles.ini', '[Profile0]\nPath=s\n');
    await file('snap/firefox/common/.mozilla/firefox/s/cert9.db');
    expect(await titles({ kinds: ['firefox'] })).toEqual([
      'Firefox: ~/.mozilla/firefox/a.default',
      'Firefox: ~/elsewhere/b',
      'Firefox: ~/.config/mozilla/firefox/new.default',
      'Firefox: ~/snap/firefox/common/.mozilla/firefox/s',
    ]);
  });
  it('has a profiles.ini of Firefox that cannot be read, beside the profiles that can', async () => {
    await mkdir(join(folder.path, '.mozilla/firefox/profiles.ini'), { recursive: true });
    await file('.librewolf/profiles.ini', '[Profile0]\nPath=a\n');
    await file('.librewolf/a/cert9.db');
    const stores = await trustStores({ ...options(), kinds: ['firefox'] });
    const unreadable = '.mozilla/firefox/profiles.ini';
    expect(stores.map(({ title }) => title)).toEqual([
      `Firefox: ${folder.path}/.librewolf/a`,
      `Firefox: ${folder.path}/${unreadable}`,
    ]);
    await expect(stores[1]?.inspect(root)).rejects.toMatchObject({
      code: 'ERR_TRUST_STORES_PROGRAM',
      message: expect.stringMatching(`${unreadable} cannot be read: it is a directory`),
    });
  });
  it('has the databases that Chrome has made, or the one that it will read', async () => {
    expect(await titles({ kinds: ['chrome'] })).toEqual(['Chrome']);
    await file('bin/chromium');
    await chmod(join(folder.path, 'bin/chromium'), 0o755);
    expect(await titles({ kinds: ['chrome'] })).toEqual(['Chrome and Chromium: ~/.pki/nssdb']);
    await file('.local/share/pki/nssdb/cert9.db');
    await file('snap/chromium/current/.pki/nssdb/cert9.db');
    expect(await titles({ kinds: ['chrome'] })).toEqual([
      'Chrome and Chromium: ~/.local/share/pki/nssdb',
      'Chrome and Chromium: ~/snap/chromium/current/.pki/nssdb',
    ]);
  });
  it('has the keystore of the Java in JAVA_HOME, also of Java 8', async () => {
    await file('java/lib/security/cacerts');
    await file('java8/jre/lib/security/cacerts');
    const at = async (name: string) =>
      await titles({ kinds: ['java'], env: { JAVA_HOME: join(folder.path, name) } });
    expect(await at('java')).toEqual(['Java: ~/java/lib/security/cacerts']);
    expect(await at('java8')).toEqual(['Java: ~/java8/jre/lib/security/cacerts']);
    expect(await at('none')).toEqual(['Java: ~/none']);
  });
  it('has one of each kind, with the reason where it is not available', async () => {
    const programs = { ...standIn(() => undefined), find: async () => undefined };
    const stores = await trustStores({ ...options(), programs });
    expect(stores.map(({ kind }) => kind)).toEqual(['system', 'chrome', 'firefox', 'java']);
    for (const store of stores) {
      expect(await store.inspect(root)).toMatchObject({
        state: 'not-available',
        reason: expect.stringMatching(/\w{4}/),
      });
      expect(await changeStore(store, 'add', { root, programs })).toBe(false);
    }
  });
  it.each(['linux', 'darwin', 'win32', 'freebsd'] as const)('is known on %s', async (platform) => {
    const stores = await trustStores({ ...options(), platform });
    expect(new Set(stores.map(({ kind }) => kind)).size).toBe(4);
  });
});

describe('rootCertificate', () => {
  const pem = () => root.certificate.toString();
  it.each<[string, () => string]>([
    ['no certificate', () => 'hello'],
    ['several certificates', () => pem() + pem()],
    ['a damaged certificate', () => pem().replace(/\n[A-Za-z0-9+/]{30}/, '\nAAAA')],
  ])('refuses %s', (_, text) => {
    expect(() => rootCertificate({ pem: text(), file: '/a.pem' })).toThrow(
      expect.objectContaining({
        code: 'ERR_TRUST_STORES_ROOT',
        message: expect.stringContaining('/a.pem'),
      }),
    );
  });
});
