import { type Clock, systemClock, TimeLimitError, withTimeLimit } from '@acmex/clock';
import { errorCode, printable } from '@acmex/errors';
import { fileErrorText, type ProgramEnd, runProgram, trustedProgram } from '@acmex/files';
import { TrustStoresError } from './errors.ts';

/** Runs the programs of the system that read and change stores. */
export interface Programs {
  /**
   * Finds a program: an absolute path, or a name.
   * @returns its real path; undefined where it is not installed
   * @throws TrustStoresError `ERR_TRUST_STORES_PROGRAM` for one that other users can change
   */
  find(program: string): Promise<string | undefined>;
  /**
   * Runs a program to its end, without a shell. Its first word is a name or an absolute path.
   * @throws TrustStoresError `ERR_TRUST_STORES_PROGRAM` for one that cannot be run
   */
  run(command: readonly string[]): Promise<ProgramResult>;
}

/** How a program has ended, with texts that are safe to show. */
export interface ProgramResult {
  readonly end: ProgramEnd['end'];
  readonly output: string;
  readonly complaints: string;
}

export interface SystemProgramsOptions {
  /** The environment of this process, of which programs get what they need. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly signal?: AbortSignal | undefined;
  readonly clock?: Clock | undefined;
}

/** A dialog of the system can wait for a person. */
const limit = { minutes: 5 };
/** The whole output of `keytool -list -rfc` has 250 kB. */
const maximumOutput = 16 * 1024 * 1024;
/** Users often do not have the folders of programs for root on their PATH. */
const systemFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'];

/** The programs of this machine: those on the PATH that no one but root and this user can change. */
export function systemPrograms({
  env,
  home,
  signal,
  clock = systemClock,
}: SystemProgramsOptions): Programs {
  const path = process.platform === 'win32' ? (env.PATH ?? env.Path) : unixPath(env.PATH);
  const environment = {
    ...{ PATH: path, HOME: home, LC_ALL: 'C.UTF-8' },
    ...{ TMPDIR: env.TMPDIR, SystemRoot: env.SystemRoot, USERPROFILE: env.USERPROFILE },
  };
  const find = async (program: string) => {
    try {
      return await trustedProgram(program, { path });
    } catch (cause) {
      if (errorCode(cause) === 'ERR_FILES_PROGRAM') return undefined;
      throw failed(`${program} is not run: ${fileErrorText(cause)}`, cause);
    }
  };
  return {
    find,
    async run([program = '', ...args]) {
      const executable = await find(program);
      if (executable === undefined) throw failed(`${program} is not installed`);
      const call = { executable, name: program, args, env: environment, maximumOutput };
      try {
        const { end, output, complaints } = await withTimeLimit(
          { clock, limit, signal },
          async (signal) => await runProgram({ ...call, signal }),
        );
        return { end, output: output.toString(), complaints: printableLines(complaints) };
      } catch (cause) {
        signal?.throwIfAborted();
        if (cause instanceof TimeLimitError)
          throw failed(`${program} has not ended within ${limit.minutes} minutes`, cause);
        throw failed(`${program} cannot be run: ${fileErrorText(cause)}`, cause);
      }
    },
  };
}

function unixPath(path = ''): string {
  return [...path.split(':').filter((folder) => folder !== ''), ...systemFolders].join(':');
}

function failed(message: string, cause?: unknown): TrustStoresError {
  return new TrustStoresError('ERR_TRUST_STORES_PROGRAM', message, { cause });
}

/** Lines stay lines. */
function printableLines(text: string): string {
  return text
    .split('\n')
    .map((line) => printable(line))
    .join('\n');
}
