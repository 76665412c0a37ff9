import { chmod, chown, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSelfSigned, privateKeyPem, webcrypto } from '@acmex/certificate';
import type { CompleteBundle } from '@acmex/deploy';
import { deployTargetContract } from '@acmex/deploy/contract';
import { canMount, describeWith, readOnlyFolder, smallDisk, type Sshd } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ssh, type SshOptions } from './index.ts';
import { sftpPlace, type SftpPlace, startSshdPlace } from './ssh.testing.ts';

const memory = { read: async () => undefined, write: async () => undefined };

async function bundleFor(serialNumber: string): Promise<CompleteBundle> {
  const key = await webcrypto().generate('ec-p256');
  const chain = await createSelfSigned({ identifiers: [{ type: 'dns', value: 'a.test' }], key });
  const privateKey = new TextDecoder().decode(await privateKeyPem(key));
  return { id: 'crt_1', names: ['a.test'], serialNumber, notAfter: '', chain, privateKey };
}

let place: SftpPlace;
let bundle: CompleteBundle;
let next: CompleteBundle;
beforeAll(async () => {
  [bundle, next] = await Promise.all([bundleFor('01'), bundleFor('02')]);
});
const at = (name: string) => join(place.folder, name);
const textOf = async (name: string) => await readFile(at(name), 'utf8');
const deploy = async (more: Partial<SshOptions> = {}, deployed = bundle) => {
  const staged = await ssh(place.options(more)).stage(deployed, { memory });
  await staged.apply({});
};

describeWith(['sftp-server'], 'ssh, at the SFTP server of OpenSSH', () => {
  beforeAll(async () => {
    place = await sftpPlace();
  });
  afterAll(async () => {
    await place[Symbol.asyncDispose]();
  });

  it.each(deployTargetContract)('$title', async ({ check }) => {
    await check(place.subject());
  });
  it('keeps the mode, owner and group of a file, and gives a key to no one else', async () => {
    const paths = { certPath: at('kept.pem'), keyPath: at('kept.key') };
    await writeFile(at('kept.key'), 'old');
    await chmod(at('kept.key'), 0o644);
    if (process.getuid?.() === 0) await chown(at('kept.key'), 0, 42);
    const { gid } = await stat(at('kept.key'));
    await deploy(paths);
    const [key, certificate] = await Promise.all([stat(at('kept.key')), stat(at('kept.pem'))]);
    expect([key.mode & 0o777, key.gid]).toEqual([0o640, gid]);
    expect(certificate.mode & 0o777).toBe(0o644);
  });
  it('refuses a link and a folder in place of a file', async () => {
    await symlink('/dev/null', at('link'));
    await mkdir(at('folder'));
    for (const [name, problem] of [
      ['link', /symbolic link/],
      ['folder', /not a regular file/],
    ] as const)
      await expect(deploy({ certPath: at(name) })).rejects.toMatchObject({
        code: 'ERR_DEPLOY_REFUSED',
        message: expect.stringMatching(problem),
      });
  });
  const mounting = canMount ? it : it.skip;
  const withoutMount = canMount ? '' : ' (skipped: only root on Linux can mount a small disk)';
  mounting(`changes nothing where the disk of the host is full${withoutMount}`, async () => {
    await mkdir(at('full'));
    await using disk = smallDisk(at('full'), '256k');
    const paths = { certPath: at('full/a.pem'), keyPath: at('full/a.key') };
    await deploy(paths);
    await disk.fill(true);
    await expect(deploy(paths, next)).rejects.toMatchObject({
      code: 'ERR_DEPLOY_REFUSED',
      message: expect.stringMatching(/full\/a\.key: .*disk may be full/),
    });
    expect((await readdir(at('full'))).sort()).toEqual(['a.key', 'a.pem', 'filler']);
    expect(await textOf('full/a.key')).toBe(bundle.privateKey);
  });
  it('changes nothing where the user may not write', async () => {
    await mkdir(at('closed'));
    await writeFile(at('closed/a.pem'), 'old');
    const closed = await readOnlyFolder(at('closed'));
    try {
      await expect(deploy({ certPath: at('closed/a.pem') })).rejects.toMatchObject({
        code: 'ERR_DEPLOY_REFUSED',
        message: expect.stringContaining('closed/a.pem'),
      });
    } finally {
      await closed[Symbol.asyncDispose]();
    }
    expect(await textOf('closed/a.pem')).toBe('old');
  });
});

describeWith(['ssh', 'sshd', 'sftp-server'], 'ssh, at a real sshd', () => {
  let sshd: Sshd;
  beforeAll(async () => {
    const real = await startSshdPlace();
    [place, sshd] = [real, real.sshd];
  });
  afterAll(async () => {
    await place[Symbol.asyncDispose]();
  });

  it('deploys the next certificate, and puts the former one back', async () => {
    await deploy();
    const staged = await ssh(place.options()).stage(next, { memory, former: bundle });
    await staged.apply({});
    expect([await textOf('a.test chain'), await textOf('a.test key')]).toEqual([
      next.chain,
      next.privateKey,
    ]);
    await staged.rollBack({});
    expect([await textOf('a.test chain'), await textOf('a.test key')]).toEqual([
      bundle.chain,
      bundle.privateKey,
    ]);
  });
  it.each<[string, string, () => Partial<SshOptions>]>([
    ['is not known', 'ERR_DEPLOY_HOST_KEY', () => ({ knownHostsFile: '/dev/null' })],
    [
      'has changed',
      'ERR_DEPLOY_HOST_KEY',
      () => ({ knownHostsFile: sshd.differentKnownHostsFile }),
    ],
    [
      'does not know the key',
      'ERR_DEPLOY_CREDENTIALS',
      () => ({ identityFile: sshd.unknownIdentityFile }),
    ],
    ['is not there', 'ERR_DEPLOY_UNREACHABLE', () => ({ port: 1 })],
  ])('sends nothing to a host that %s', async (_, code, more) => {
    const before = await readdir(place.folder);
    await expect(deploy(more())).rejects.toMatchObject({
      code,
      message: expect.stringMatching(/^ssh: .*127\.0\.0\.1/),
    });
    expect(await readdir(place.folder)).toEqual(before);
  });
  it('says that a host does not answer within the time limit', async () => {
    process.kill(sshd.pid, 'SIGSTOP');
    try {
      await expect(deploy({ limit: { milliseconds: 50 } })).rejects.toMatchObject({
        code: 'ERR_DEPLOY_UNREACHABLE',
        message: 'ssh: 127.0.0.1 does not answer within its time limit',
      });
    } finally {
      process.kill(sshd.pid, 'SIGCONT');
    }
  });
  it('leaves the former files where the session ends while new ones are written', async () => {
    const paths = { certPath: at('lost.pem'), keyPath: at('lost.key') };
    await deploy(paths);
    const staged = await ssh(place.options(paths)).stage(next, { memory, former: bundle });
    place.loseSession(400);
    await expect(staged.apply({})).rejects.toMatchObject({ code: 'ERR_DEPLOY_UNREACHABLE' });
    expect([await textOf('lost.pem'), await textOf('lost.key')]).toEqual([
      bundle.chain,
      bundle.privateKey,
    ]);
    expect(await readdir(place.folder)).toContain('.lost.key.acmex');
    place.trouble(undefined);
    await deploy(paths, next);
    expect(await readdir(place.folder)).not.toContain('.lost.key.acmex');
    expect(await textOf('lost.key')).toBe(next.privateKey);
  });
  it('runs the command after the files are written, with its arguments as they are', async () => {
    const script = 'printf "%s|" "$@" > "$0"; cat "$1" >> "$0"';
    const command = ['/bin/sh', '-c', script, at('seen'), at('run.key'), `it's "$(id)" \\ *`];
    await deploy({ certPath: at('run.pem'), keyPath: at('run.key'), command });
    expect(await textOf('seen')).toBe(`${at('run.key')}|it's "$(id)" \\ *|${bundle.privateKey}`);
  });
  it('says what a command wrote that failed, on one line and without the key', async () => {
    const script = 'sed -n 2,3p "$0"; printf "\\033[31mred\\n" >&2; exit 3';
    const command = ['/bin/sh', '-c', script, at('fail.key')];
    const failure: unknown = await deploy({
      certPath: at('fail.pem'),
      keyPath: at('fail.key'),
      command,
    }).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'ERR_DEPLOY_HOOK',
      message: expect.stringMatching(/ended with 3: .*\\\\u\{1b\}\[31mred/),
    });
    const [, ...lines] = bundle.privateKey.split('\n');
    for (const line of lines.filter(({ length }) => length > 20))
      expect(String(failure)).not.toContain(line);
  });
});

describe('ssh', () => {
  const options = { host: 'web1', certPath: '/a', env: {} };
  it.each<[string, Partial<SshOptions>]>([
    ['the host -oProxyCommand=x', { host: '-oProxyCommand=x' }],
    ['the host a b', { host: 'a b' }],
    ['the user -x', { user: '-x' }],
    ['a relative path', { certPath: 'etc/x.pem' }],
    ['a path with a line break', { keyPath: '/etc/x\n.pem' }],
    ['the path of a folder', { certPath: '/etc/' }],
    ['a key whose path has a quote', { identityFile: '/etc/"x' }],
    ['known hosts whose path has a variable', { knownHostsFile: '/${HOME}/x' }],
    ['an empty command', { command: [] }],
    ['a command with a line break', { command: ['a', 'b\nc'] }],
  ])('refuses %s', (_, more) => {
    expect(() => ssh({ ...options, ...more })).toThrow(RangeError);
  });
  it('says that the client of OpenSSH is missing', async () => {
    const staged = ssh(options).stage(await bundleFor('01'), { memory });
    await expect(staged).rejects.toMatchObject({
      code: 'ERR_DEPLOY_TARGET',
      message: expect.stringContaining('install the client of OpenSSH'),
    });
  });
});
