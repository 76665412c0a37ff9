import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { guard } from './guard.ts';

export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
}

/** A folder for the files of one test, removed when it is disposed of or when this process ends. */
export async function temporaryFolder(name: string): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), `acmex-${name}-`));
  const abruptEnd = guard('rm -rf -- "$1"', path);
  return {
    path,
    async [Symbol.asyncDispose]() {
      try {
        await removeFolder(path);
      } finally {
        await abruptEnd[Symbol.asyncDispose]();
      }
    },
  };
}

/**
 * Removes a folder that a test has made, with all that is in it. It removes it once only: what still
 * writes there has not ended, and that is a fault of the test or of the program. On Linux it also
 * finds the other processes that work in the folder or have a file of it open.
 *
 * @param path - the folder; nothing happens when it is absent
 * @throws Error when another process uses the folder, which is removed all the same, or when
 * something was written to it meanwhile
 */
export async function removeFolder(path: string): Promise<void> {
  const users = usersOf(await realpath(path).catch(() => path));
  try {
    await rm(path, { recursive: true, force: true });
  } catch (cause) {
    throw new Error(`${path} cannot be removed: has all that writes there ended?`, { cause });
  }
  if (users.length > 0)
    throw new Error(
      `${path} was removed while it was in use by ${users.join(' and ')}: wait for the end of a process before its folder is removed`,
    );
}

function usersOf(folder: string): readonly string[] {
  if (process.platform !== 'linux') return [];
  const isInside = (target: string | undefined) =>
    target === folder || target?.startsWith(folder + sep) === true;
  // What a test has started is not older than its own process: to read the files of all others takes
  // longer than many a test.
  const oldest = startOf(String(process.pid));
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .filter((pid) => startOf(pid) >= oldest && filesOf(pid).some(isInside))
    .map((pid) => `process ${pid} (${commandOf(pid)})`);
}

/** When a process started, in ticks since the machine did (proc_pid_stat(5)); -1 when it has ended. */
function startOf(pid: string): number {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  // The name of the program, in parentheses, can have spaces and parentheses.
  const start = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return start === undefined ? -1 : Number(start);
}

/** The working directory and the open files of a process: none when it has ended. */
function filesOf(pid: string): readonly (string | undefined)[] {
  const descriptors = attempt(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
  return ['cwd', ...descriptors.map((descriptor) => `fd/${descriptor}`)].map((name) =>
    attempt(() => readlinkSync(`/proc/${pid}/${name}`)),
  );
}

const commandOf = (pid: string) =>
  attempt(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()) ??
  'which ended meanwhile';

/** Returns nothing about what is gone already, or belongs to another user. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
