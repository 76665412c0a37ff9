import { chmodSync, existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DeployTargetSubject, StandInTargetSubject } from '@acmex/deploy/contract';
import { type Sshd, startSshd, temporaryFolder } from '@acmex/services';
import { ssh, type SshOptions } from './index.ts';

/** The SFTP server of OpenSSH, which can be in trouble, and a folder that it writes to. */
export interface SftpPlace extends AsyncDisposable {
  /** The folder of the files. */
  readonly folder: string;
  /** The program of the subsystem sftp. */
  readonly script: string;
  /** With a `ssh` in the PATH that is the SFTP server, without a connection. */
  options(more?: Partial<SshOptions>): SshOptions;
  subject(options?: SshOptions): StandInTargetSubject;
  /** Kills the process of sshd that has the session after so many bytes of answers. */
  loseSession(bytes: number): void;
  trouble: StandInTargetSubject['trouble'];
}

/** With a real sshd. */
export interface SshdPlace extends SftpPlace {
  readonly sshd: Sshd;
}

/** `trouble`, a file beside it, says what goes wrong. */
const sftpScript = `#!/bin/sh
server=/usr/lib/openssh/sftp-server
read -r kind bytes < "\${0%/*}/trouble"
case $kind in
  none) exec $server ;;
  credentials) echo 'user@host: Permission denied (publickey).' >&2; exit 255 ;;
  server-error) echo 'cannot start' >&2; exit 1 ;;
  not-json) echo 'Welcome to this host!'; exit ;;
  silence) exec cat > /dev/null ;;
esac
session=$PPID
while read -r _ name _ parent _ < /proc/$session/stat && [ "$name" != '(sshd)' ]; do
  session=$parent
done
# Unlike head, dd writes each byte at once.
$server | {
  dd bs=1 "count=$bytes" 2> /dev/null
  [ $kind = end ] || kill -KILL "$session"
  kill -KILL 0
}
`;

export async function sftpPlace(): Promise<SftpPlace> {
  const files = await temporaryFolder('ssh');
  // The client of OpenSSH is found by this name.
  const script = join(files.path, 'ssh');
  const folder = join(files.path, `it's a "folder" with $(names)`);
  mkdirSync(folder);
  writeFileSync(script, sftpScript);
  chmodSync(script, 0o755);
  const setTrouble = (text: string) => writeFileSync(join(files.path, 'trouble'), `${text}\n`);
  setTrouble('none');
  const options: SftpPlace['options'] = (more = {}) => ({
    host: '127.0.0.1',
    env: { PATH: files.path },
    certPath: join(folder, '{name} chain'),
    keyPath: join(folder, '{name} key'),
    ...more,
  });
  const blocked = join(folder, '.a.test key.acmex');
  const trouble: SftpPlace['trouble'] = (kind = undefined, { after = 0 } = {}) => {
    if (kind === 'refusal') mkdirSync(blocked);
    else if (existsSync(blocked)) rmdirSync(blocked);
    if (kind === undefined || kind === 'refusal') setTrouble('none');
    else if (kind === 'lost-answer' || after > 0) setTrouble(`end ${250 + after * 120}`);
    else setTrouble(kind);
  };
  const inUse: DeployTargetSubject['inUse'] = async () => {
    const [chain, key] = [join(folder, 'a.test chain'), join(folder, 'a.test key')];
    if (!existsSync(chain)) return undefined;
    return { chain: readFileSync(chain, 'utf8'), privateKey: readFileSync(key, 'utf8') };
  };
  return {
    folder,
    script,
    options,
    trouble,
    subject: (chosen = options()) => ({ target: ssh(chosen), inUse, trouble, secrets: [] }),
    loseSession: (bytes) => setTrouble(`kill ${bytes}`),
    [Symbol.asyncDispose]: () => files[Symbol.asyncDispose](),
  };
}

export async function startSshdPlace(): Promise<SshdPlace> {
  const place = await sftpPlace();
  const sshd = await startSshd({ sftp: place.script });
  const { port, user, identityFile, knownHostsFile } = sshd;
  const env = { PATH: process.env.PATH ?? '' };
  return {
    ...place,
    sshd,
    options: (more) => place.options({ port, user, identityFile, knownHostsFile, env, ...more }),
    async [Symbol.asyncDispose]() {
      await sshd[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    },
  };
}
