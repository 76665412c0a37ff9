import { execFileSync } from 'node:child_process';
import { existsSync, renameSync } from 'node:fs';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
// eslint-disable-next-line @nx/enforce-module-boundaries -- one table for the tests and for the scripts that run before anything is installed
import { locate } from '../../programs.mjs';
import { freePort } from './free-port.ts';
import { opened } from './opened.ts';
import { ProgramError, startProgram } from './program.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface SshdOptions {
  /** The program of the subsystem sftp; the one in sshd by default. */
  readonly sftp?: string | undefined;
}

/** OpenSSH's server for the current user, with keys and files of its own. */
export interface Sshd extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  readonly user: string;
  /** A private key that it accepts. */
  readonly identityFile: string;
  /** A private key that it refuses. */
  readonly unknownIdentityFile: string;
  /** Has its host key. */
  readonly knownHostsFile: string;
  /** Has a different host key for it. */
  readonly differentKnownHostsFile: string;
  /** Whether it accepts the key. */
  accept(isAccepted: boolean): void;
  log(): string;
}

/**
 * Starts sshd on a free port of 127.0.0.1.
 * @throws ProgramError with the log when it does not start
 */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(options);
    } catch (error) {
      const isPortTaken = error instanceof ProgramError && /bind to port/i.test(error.log);
      if (!isPortTaken || attempt === 5) throw error;
    }
  }
}

async function start({ sftp = 'internal-sftp' }: SshdOptions): Promise<Sshd> {
  const resources = opened();
  try {
    const folder = resources.use(await temporaryFolder('sshd'));
    const at = (name: string) => join(folder.path, name);
    for (const name of ['host', 'other-host', 'user', 'unknown-user'])
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(name)]);
    const port = await freePort();
    await copyFile(at('user.pub'), at('authorized_keys'));
    for (const [file, key] of [
      ['known_hosts', 'host.pub'],
      ['different_known_hosts', 'other-host.pub'],
    ] as const)
      await writeFile(at(file), `[127.0.0.1]:${port} ${await readFile(at(key), 'utf8')}`);
    await writeFile(at('sshd_config'), configuration(folder.path, sftp));
    const { pid, log } = resources.use(
      await startProgram({
        ...command(['-f', at('sshd_config'), '-D', '-e', '-p', String(port)]),
        ready: (output) => output.includes('Server listening'),
      }),
    );
    return {
      port,
      pid,
      log,
      user: userInfo().username,
      identityFile: at('user'),
      unknownIdentityFile: at('unknown-user'),
      knownHostsFile: at('known_hosts'),
      differentKnownHostsFile: at('different_known_hosts'),
      accept(isAccepted) {
        const names = [at('authorized_keys'), at('no_authorized_keys')] as const;
        const [from, to] = isAccepted ? [names[1], names[0]] : names;
        if (existsSync(from)) renameSync(from, to);
      },
      [Symbol.asyncDispose]: () => resources.close(),
    };
  } catch (error) {
    await resources.close();
    throw error;
  }
}

function configuration(folder: string, sftp: string): string {
  return [
    `HostKey ${join(folder, 'host')}`,
    `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`,
    'AuthenticationMethods publickey',
    'PidFile none',
    'ListenAddress 127.0.0.1',
    // The folder is below /tmp.
    'StrictModes no',
    'UsePAM no',
    'PermitRootLogin prohibit-password',
    // The fastest one: tests connect often.
    'KexAlgorithms curve25519-sha256',
    `Subsystem sftp ${sftp}`,
    '',
  ].join('\n');
}

/** Root's sshd needs /run/sshd: where the system has none, it gets one that nothing else sees. */
function command(args: readonly string[]) {
  const sshd = locate('sshd') ?? 'sshd';
  if (process.getuid?.() !== 0 || existsSync('/run/sshd')) return { command: sshd, args };
  const script = 'mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && exec "$0" "$@"';
  return {
    command: 'unshare',
    args: ['--mount', '--propagation', 'slave', '/bin/sh', '-c', script, sshd, ...args],
  };
}
