import { type Clock, type DurationInput, systemClock, withTimeLimit } from '@acmex/clock';
import { DeployError } from '@acmex/deploy';
import { errorCode, errorText, printable, withoutPrivateKeys } from '@acmex/errors';
import { trustedProgram } from '@acmex/files';

/** How a host is reached. */
export interface SshConnectionOptions {
  /** A name, an address, or a `Host` of ssh_config. */
  readonly host: string;
  /** The user at the host; that of ssh_config by default. */
  readonly user?: string | undefined;
  /** That of ssh_config by default, or 22. */
  readonly port?: number | undefined;
  /** The private key; without it, those of ssh_config and of the agent are tried. */
  readonly identityFile?: string | undefined;
  /** Where the key of the host is; the files of ssh_config by default. */
  readonly knownHostsFile?: string | undefined;
  /** The socket of an agent. */
  readonly agent?: string | undefined;
  /** What `ssh` sees of the environment: at least `PATH`. */
  readonly env: Readonly<Record<string, string>>;
  readonly clock?: Clock;
}

/** @throws RangeError for an option that `ssh` would read as something else */
export function assertConnection(options: SshConnectionOptions): void {
  const { host, user, identityFile, knownHostsFile, agent } = options;
  if (!/^[a-z\d_:][\w.:-]*(?:%[\w.-]+)?$/i.test(host))
    throw new RangeError(`${JSON.stringify(host)} is not the name or the address of a host`);
  if (user !== undefined && !/^[a-z\d_][\w.@-]*\$?$/i.test(user))
    throw new RangeError(`${JSON.stringify(user)} is not the name of a user`);
  for (const path of [identityFile, knownHostsFile, agent])
    if (path !== undefined && (!path.startsWith('/') || /["\\$\p{Cc}]/u.test(path)))
      throw new RangeError(
        `${JSON.stringify(path)} cannot be passed to ssh: write an absolute path without quotes, backslashes, $ and control characters`,
      );
}

/**
 * Returns the arguments of `ssh` before the host. It asks no question, accepts only hosts that are known,
 * and neither forwards anything nor shares a connection.
 */
function sshOptions(options: SshConnectionOptions): readonly string[] {
  const { user, port, identityFile, knownHostsFile, agent } = options;
  const settings = {
    BatchMode: 'yes',
    StrictHostKeyChecking: 'yes',
    UpdateHostKeys: 'no',
    ConnectTimeout: '15',
    ServerAliveInterval: '10',
    ServerAliveCountMax: '3',
    ClearAllForwardings: 'yes',
    ControlMaster: 'no',
    ControlPath: 'none',
    PermitLocalCommand: 'no',
    LogLevel: 'ERROR',
    ...(identityFile === undefined ? {} : { IdentitiesOnly: 'yes' }),
    ...(knownHostsFile === undefined ? {} : { UserKnownHostsFile: quotedPath(knownHostsFile) }),
    ...(agent === undefined ? {} : { IdentityAgent: quotedPath(agent) }),
  };
  return [
    ...['-T', '-a', '-x'],
    ...Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]),
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...(identityFile === undefined ? [] : ['-i', withoutTokens(identityFile)]),
  ];
}

function quotedPath(path: string): string {
  return `"${withoutTokens(path)}"`;
}

/** ssh_config(5), "TOKENS" */
function withoutTokens(path: string): string {
  return path.replaceAll('%', '%%');
}

/**
 * Returns what starts `ssh` for a command or, with `-s`, a subsystem of the host.
 * @throws DeployError `ERR_DEPLOY_TARGET`, `ERR_DEPLOY_UNSAFE`
 */
export async function sshProgram(
  options: SshConnectionOptions,
  remote: { readonly subsystem: string } | { readonly command: string },
) {
  const executable = await trustedProgram('ssh', { path: options.env['PATH'] }).catch(
    (cause: unknown) => {
      const isUnsafe = errorCode(cause) === 'ERR_FILES_UNSAFE';
      throw new DeployError(
        isUnsafe ? 'ERR_DEPLOY_UNSAFE' : 'ERR_DEPLOY_TARGET',
        `ssh: ${errorText(cause)}${isUnsafe ? '' : '; install the client of OpenSSH'}`,
        { cause },
      );
    },
  );
  const before = [...sshOptions(options), ...('subsystem' in remote ? ['-s'] : []), '--'];
  const last = 'subsystem' in remote ? remote.subsystem : remote.command;
  return { executable, name: 'ssh', args: [...before, options.host, last], env: options.env };
}

/** What `ssh` writes when it does not trust the host, and when the host does not let it in. */
const hostKeyPattern =
  /host key verification failed|host identification has changed|host key for .* has changed|no .*host key is known/i;
const credentialsPattern =
  /permission denied \(|too many authentication failures|no identities|load key/i;

/** Returns the error for a connection that ended; `complaints` is what `ssh` wrote. */
export function connectionFailure(
  { host, knownHostsFile = '~/.ssh/known_hosts' }: SshConnectionOptions,
  complaints: string,
  problem = 'the connection ended',
): DeployError {
  const written = quoted(complaints);
  if (hostKeyPattern.test(complaints))
    return new DeployError(
      'ERR_DEPLOY_HOST_KEY',
      `ssh: the host key of ${host} is not known, or is a different one: compare it with the key on the host (ssh-keygen -lf), and write it to ${knownHostsFile}${written}`,
    );
  if (credentialsPattern.test(complaints))
    return new DeployError(
      'ERR_DEPLOY_CREDENTIALS',
      `ssh: ${host} refuses the key: write its public key to authorized_keys of the user there${written}`,
    );
  return new DeployError('ERR_DEPLOY_UNREACHABLE', `ssh: ${host}: ${problem}${written}`);
}

/** Quotes what a host wrote: it is data, and may have a key. */
export function quoted(text: string): string {
  const written = withoutPrivateKeys(text).trim();
  return written === '' ? '' : `: ${JSON.stringify(printable(written.slice(-500)))}`;
}

/** Runs `work` within the time of one step. @throws DeployError `ERR_DEPLOY_UNREACHABLE` after it */
export async function withinStep<T>(
  { host, clock = systemClock }: Pick<SshConnectionOptions, 'host' | 'clock'>,
  { limit, signal }: { readonly limit: DurationInput; readonly signal: AbortSignal | undefined },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return await withTimeLimit({ clock, limit, signal }, work).catch((error: unknown) => {
    signal?.throwIfAborted();
    if (errorCode(error) !== 'ERR_TIME_LIMIT') throw error;
    throw new DeployError(
      'ERR_DEPLOY_UNREACHABLE',
      `ssh: ${host} does not answer within its time limit`,
    );
  });
}
