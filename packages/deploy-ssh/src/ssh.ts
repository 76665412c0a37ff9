import type { DurationInput } from '@acmex/clock';
import {
  DeployError,
  type DeployTarget,
  type FilePaths,
  type FilePlace,
  filesTarget,
  type TargetCallOptions,
} from '@acmex/deploy';
import { errorText } from '@acmex/errors';
import { openProgram, type OpenProgram, runProgram } from '@acmex/files';
import {
  assertConnection,
  connectionFailure,
  quoted,
  type SshConnectionOptions,
  sshProgram,
  withinStep,
} from './connection.ts';
import { remoteFiles } from './remote-files.ts';
import { openSftp, SftpEnd } from './sftp.ts';

/** The paths are those of the host, absolute; `{name}` is replaced by the name of the certificate. */
export interface SshOptions extends SshConnectionOptions, FilePaths {
  /** Program and arguments, which run at the host after the files are written or put back. */
  readonly command?: readonly string[] | undefined;
  /** For each operation with files; 30 seconds by default. */
  readonly limit?: DurationInput | undefined;
  /** For the command; 2 minutes by default. */
  readonly commandLimit?: DurationInput | undefined;
}

/** How many bytes of a command's output are stored. */
const maximumOutput = 64 * 1024;

/**
 * Deploys certificates to files of another host by SFTP, and runs a command there, with the client
 * of OpenSSH on this machine: its configuration, known hosts and agent are used.
 * @throws RangeError for a host, a user, a path or a command that is not valid
 */
export function ssh(options: SshOptions): DeployTarget {
  const { certPath, keyPath, chainPath, leafPath, combinedPath, command } = options;
  assertConnection(options);
  const paths = { certPath, keyPath, chainPath, leafPath, combinedPath };
  for (const path of Object.values(paths)) if (path !== undefined) assertPath(path);
  const line = command && commandLine(command);
  return filesTarget('ssh', {
    paths,
    open: async (call) => await openFiles(options, call),
    ...(line === undefined
      ? {}
      : { reload: async (call) => await runCommand(line, options, call) }),
  });
}

function assertPath(path: string): void {
  if (/^\/(?:.*\/)?[^/]+$/.test(path) && !/\p{Cc}/u.test(path)) return;
  throw new RangeError(
    `${JSON.stringify(path)} is not an absolute path of a file: write it as /etc/ssl/{name}.pem`,
  );
}

/**
 * Returns a command for the shell of the user at the host, which changes no argument.
 * @throws RangeError for an argument with a control character, which no quotes protect in each shell
 */
export function commandLine(argv: readonly string[]): string {
  const [program = ''] = argv;
  if (program === '' || argv.some((text) => /\p{Cc}/u.test(text)))
    throw new RangeError(
      'the command is empty, or has a control character: write it as ["systemctl", "reload", "nginx"]',
    );
  return argv
    .map((text) =>
      /^[\w@%+:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`,
    )
    .join(' ');
}

/** Connects to the files of the host. A method whose signal aborts ends the connection. */
async function openFiles(options: SshOptions, { signal }: TargetCallOptions): Promise<FilePlace> {
  const over = new AbortController();
  const call = await sshProgram(options, { subsystem: 'sftp' });
  const program = openProgram({ ...call, signal: over.signal });
  const connected = async <T>(during: AbortSignal | undefined, work: () => Promise<T>) =>
    await withinStep(
      options,
      { limit: options.limit ?? 'PT30S', signal: during },
      async (limited) => {
        const stop = () => over.abort(limited.reason);
        limited.addEventListener('abort', stop, { once: true });
        try {
          return await work();
        } catch (error) {
          limited.throwIfAborted();
          if (!(error instanceof SftpEnd)) throw error;
          if (error.reason === 'not-sftp') over.abort(error);
          const complaints = await complaintsOf(program);
          limited.throwIfAborted();
          throw connectionFailure(options, complaints, error.message);
        } finally {
          limited.removeEventListener('abort', stop);
        }
      },
    );
  const close = async () => await program[Symbol.asyncDispose]();
  try {
    const sftp = await connected(signal, async () => await openSftp(program));
    const files = remoteFiles(sftp, options.host);
    return {
      read: async (path, at) => await connected(at.signal, async () => await files.read(path, at)),
      replace: async (list, at) =>
        await connected(at.signal, async () => await files.replace(list, at)),
      remove: async (path, at) =>
        await connected(at.signal, async () => await files.remove(path, at)),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Returns what a program wrote until it ended, or why it could not be started. */
async function complaintsOf({ ended }: OpenProgram): Promise<string> {
  return await ended.then(({ complaints }) => complaints, errorText);
}

/** The exit code of `ssh` for failures of its own; also commands may end with it. */
const connectionFailed = 255;

/** @throws DeployError `ERR_DEPLOY_HOOK` where it ends with anything but 0 */
async function runCommand(
  line: string,
  options: SshOptions,
  { signal }: TargetCallOptions,
): Promise<void> {
  const { host, commandLimit: limit = 'PT2M' } = options;
  const call = await sshProgram(options, { command: line });
  const { end, output, complaints } = await withinStep(
    options,
    { limit, signal },
    async (limited) =>
      await runProgram({ ...call, maximumOutput, excess: 'discard', signal: limited }),
  );
  if (end === 0) return;
  if (end === connectionFailed)
    throw connectionFailure(
      options,
      complaints,
      `the connection for the command failed, or it ended with ${end}`,
    );
  throw new DeployError(
    'ERR_DEPLOY_HOOK',
    `ssh: ${host}: the command ${JSON.stringify(line)} ended with ${end}${quoted(`${output.toString()}${complaints}`)}`,
  );
}
