import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  bundledProgram,
  canMount,
  describeWith,
  localCertificate,
  temporaryFolder,
  type TemporaryFolder,
} from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  changeStore,
  commandsOf,
  javaStore,
  type LinuxLayout,
  linuxStore,
  nssStore,
  type RootCertificate,
  systemPrograms,
  type TrustStore,
} from './index.ts';
import { rootIn } from './stores.testing.ts';

const programs = systemPrograms({ env: process.env, home: homedir() });
let folder: TemporaryFolder;
let root: RootCertificate;
let former: RootCertificate;
beforeAll(async () => {
  folder = await temporaryFolder('trust-stores');
  root = await rootIn(folder.path, 'root');
  former = await rootIn(folder.path, 'former');
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});
const stateIn = async (store: TrustStore, which = root) => (await store.inspect(which)).state;
const change = async (store: TrustStore, kind: 'add' | 'remove', which = root) =>
  await changeStore(store, kind, { root: which, programs });
const run = (program: string, ...args: readonly string[]) =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** What holds for each store. */
function behavesAsAStore(open: () => Promise<TrustStore>): void {
  let store: TrustStore;
  beforeAll(async () => {
    store = await open();
  });
  it('adds the root, and does nothing the second time', async () => {
    expect(await change(store, 'add')).toBe(true);
    expect(await change(store, 'add')).toBe(false);
  });
  it('knows a root by its fingerprint, not by its subject', async () => {
    expect(former.certificate.subject).toBe(root.certificate.subject);
    expect(await stateIn(store, former)).toBe('absent');
  });
  it('removes the root and a former root of the same CA, and does nothing the second time', async () => {
    await change(store, 'add', former);
    expect(await change(store, 'remove')).toBe(true);
    expect(await stateIn(store, former)).toBe('absent');
    expect(await change(store, 'remove')).toBe(false);
  });
}

describeWith(['certutil'], 'a database of NSS', () => {
  const opened = (path: string) =>
    nssStore({ kind: 'firefox', title: 'Firefox', folder: join(folder.path, path), programs });
  const list = (path: string) => run('certutil', '-L', '-d', `sql:${join(folder.path, path)}`);
  describe('that does not exist yet', () => {
    behavesAsAStore(async () => opened('home/.pki/nssdb'));
  });
  it('keeps what others have added under a name of theirs, also with the same subject', async () => {
    const store = opened('profile with a space');
    await change(store, 'add');
    const args = ['-d', `sql:${join(folder.path, 'profile with a space')}`, '-t', 'C,,'];
    const foreign = await rootIn(folder.path, 'foreign');
    run('certutil', '-A', ...args, '-n', 'the company', '-i', foreign.file);
    expect(await change(store, 'remove')).toBe(true);
    expect(await stateIn(store, foreign)).toBe('trusted');
    expect(list('profile with a space')).not.toContain(root.entryName);
    // Ours under a name that somebody has given to it.
    run('certutil', '-D', ...args.slice(0, 2), '-n', 'the company');
    run('certutil', '-A', ...args, '-n', 'a name', '-i', root.file);
    expect(await stateIn(store)).toBe('trusted');
    await change(store, 'remove');
    expect(await stateIn(store)).toBe('absent');
  });
  it('says that a database with a password cannot be changed', async () => {
    const path = join(folder.path, 'locked');
    await mkdir(path);
    await writeFile(join(folder.path, 'password'), 'a password\n');
    run('certutil', '-N', '-d', `sql:${path}`, '-f', join(folder.path, 'password'));
    await expect(change(opened('locked'), 'add')).rejects.toMatchObject({
      code: 'ERR_TRUST_STORES_PROGRAM',
      message: expect.stringMatching(
        /certutil has failed with 255: .*import .*root\.pem in the settings/s,
      ),
    });
    expect(await stateIn(opened('locked'))).toBe('absent');
  });
  it('says that a damaged database cannot be read', async () => {
    await mkdir(join(folder.path, 'damaged'));
    await writeFile(join(folder.path, 'damaged/cert9.db'), 'no database');
    await expect(opened('damaged').inspect(root)).rejects.toMatchObject({
      code: 'ERR_TRUST_STORES_PROGRAM',
      message: expect.stringContaining('SEC_ERROR_BAD_DATABASE'),
    });
  });
});

describeWith(['keytool'], 'the keystore of Java', () => {
  behavesAsAStore(async () => {
    const keytool = await realpath(run('sh', '-c', 'command -v keytool').trim());
    const cacerts = join(folder.path, 'cacerts');
    // A copy of the real one would make each of the many calls slow.
    const { file } = await rootIn(folder.path, 'usual');
    const store = ['-keystore', cacerts, '-storepass', 'changeit'];
    run(keytool, '-importcert', '-noprompt', '-alias', 'usual', '-file', file, ...store);
    return await javaStore({ keytool, cacerts, programs });
  });
});

describeWith(['update-ca-certificates'], 'the store of Debian', () => {
  const at = (path: string) => join(folder.path, 'debian', path);
  const layout = async (): Promise<LinuxLayout> => {
    for (const path of ['anchors', 'certs', 'hooks', 'usual'])
      await mkdir(at(path), { recursive: true });
    // Without any certificate, no bundle is written.
    await rootIn(at('usual'), 'usual');
    await writeFile(at('conf'), 'usual.pem\n');
    const command = [
      ...[
        'update-ca-certificates',
        '--certsconf',
        at('conf'),
        '--certsdir',
        at('usual'),
        '--localcertsdir',
        at('anchors'),
      ],
      ...['--etccertsdir', at('certs'), '--hooksdir', at('hooks')],
    ];
    return {
      distribution: 'Debian',
      anchors: at('anchors'),
      suffix: '.crt',
      bundle: at('certs/ca-certificates.crt'),
      update: { add: command, remove: [...command, '--fresh'] },
    };
  };
  const open = async (uid: number) =>
    await linuxStore({ programs, uid, layouts: [await layout()] });
  behavesAsAStore(async () => await open(0));
  it('leaves no link to a certificate that is not there any more', async () => {
    const files = await readdir(at('certs'));
    expect(files).toEqual([
      expect.stringMatching(/^[0-9a-f]{8}\.0$/),
      'ca-certificates.crt',
      'usual.pem.pem',
    ]);
    expect(await readdir(at('anchors'))).toEqual([]);
  });
  it('changes nothing without root, and says what root would run', async () => {
    const store = await open(1000);
    const inspection = await store.inspect(root);
    if (inspection.state !== 'absent') throw new Error(inspection.state);
    const commands = commandsOf(inspection.steps.add, store, root);
    expect(commands).toEqual([
      `sudo install -m 0644 ${root.file} ${at('anchors')}/${root.entryName}.crt`,
      expect.stringMatching(/^sudo update-ca-certificates --certsconf /),
    ]);
    await expect(change(store, 'add')).rejects.toMatchObject({
      code: 'ERR_TRUST_STORES_RIGHTS',
      message: expect.stringContaining(commands.join(' && ')),
    });
    expect(await readdir(at('anchors'))).toEqual([]);
  });
  it('keeps a file of others, and says where the root is still trusted', async () => {
    const store = await open(0);
    const both = root.certificate.toString() + former.certificate.toString();
    await writeFile(at('anchors/company.crt'), both);
    await change(store, 'add');
    await expect(change(store, 'remove')).rejects.toMatchObject({
      code: 'ERR_TRUST_STORES_UNCHANGED',
      message: expect.stringContaining(root.certificate.fingerprint256),
    });
    expect(await readdir(at('anchors'))).toEqual(['company.crt']);
  });
});

/** Mounts that its own processes see only: the store of the system is one of the test. */
const inItsStore = `
mount --bind "$1/certs" /etc/ssl/certs
mount --bind "$1/anchors" /usr/local/share/ca-certificates
mount --bind "$1/hooks" /etc/ca-certificates/update.d
mount --bind "$1/conf" /etc/ca-certificates.conf
shift
exec "$@"`;

describeWith(['update-ca-certificates'], 'the store of this machine', () => {
  const reason = canMount ? '' : ' (skipped: mounting needs root)';
  (canMount ? it : it.skip)(`lets curl trust a server, until it is removed${reason}`, async () => {
    const at = join(folder.path, 'machine');
    for (const name of ['anchors', 'certs', 'hooks'])
      await mkdir(join(at, name), { recursive: true });
    const conf = await readFile('/etc/ca-certificates.conf', 'utf8');
    await writeFile(join(at, 'conf'), conf.split('\n').slice(-4).join('\n'));
    const { caCertificate, certificate: cert, privateKey: key } = await localCertificate();
    const file = join(at, 'root.pem');
    await writeFile(file, caCertificate);
    const program = await bundledProgram(join(import.meta.dirname, 'change-system.testing.ts'));
    const inside = async (...command: readonly string[]) => {
      const args = ['-m', 'sh', '-ec', inItsStore, 'sh', at, ...command];
      const env = { PATH: '/usr/bin:/bin' };
      return (await promisify(execFile)('unshare', args, { env })).stdout;
    };
    const server = createServer({ cert, key }, (_, response) => response.end('hello'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const url = `https://localhost:${(server.address() as AddressInfo).port}/`;
    const untrusted = { stderr: expect.stringMatching(/curl: \((60|77)\)/) };
    try {
      await expect(inside('curl', '-sS', url)).rejects.toMatchObject(untrusted);
      expect(await inside(process.execPath, program, 'add', file, at)).toBe('true\n');
      expect(await inside('curl', '-sS', url)).toBe('hello');
      expect(await inside(process.execPath, program, 'remove', file, at)).toBe('true\n');
      await expect(inside('curl', '-sS', url)).rejects.toMatchObject(untrusted);
    } finally {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    }
  });
});
