import { constants, type Dirent, readFile, readFileSync } from 'node:fs';
import { link, mkdir, readdir, rename, rmdir, unlink } from 'node:fs/promises';
import { promisify } from 'node:util';
import { errorCode } from '@acmex/errors';
import { fileErrorCure, fileErrorText, syncFolder, writeNewFile } from '@acmex/files';
import { StorageUnavailableError } from '@acmex/storage';

/**
 * What the driver does to a disk: each call one step that a crash can fall before or behind. Handed
 * in, so that a test can be the crash.
 */
export interface Disk {
  /** The bytes of a file, no link followed; undefined where there is none. */
  read(path: string): Promise<Buffer | undefined>;
  /**
   * The same, and nothing else of this process runs meanwhile. For a file in memory it takes a fifth
   * of the CPU time of `read`.
   */
  readNow(path: string): Buffer | undefined;
  /** The entries of a folder; nothing where there is none. */
  list(path: string): Promise<readonly Dirent[]>;
  /** A new file for its owner alone, flushed. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** The same, not flushed: for what means nothing after the machine was started again. */
  jot(path: string, bytes: Uint8Array): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** The same; false where there is no such file, or no such folder for it. */
  move(from: string, to: string): Promise<boolean>;
  /** A second name for a file; false where the name is taken. */
  link(from: string, to: string): Promise<boolean>;
  /** Absent: fine. */
  remove(path: string): Promise<void>;
  /** A folder for its owner alone; false where it was there. */
  makeFolder(path: string): Promise<boolean>;
  /** Whether it was empty or absent, and so is gone. */
  removeFolder(path: string): Promise<boolean>;
  /** Flushes the names in a folder. */
  sync(path: string): Promise<void>;
}

const absent = ['ENOENT', 'ENOTDIR'];
// The types know letters only, which have none for "no link followed".
const noLink = { flag: (constants.O_RDONLY | constants.O_NOFOLLOW) as unknown as string };
/** Takes half the CPU of the function in `fs/promises`, which makes a `FileHandle` for each file. */
const readWholeFile = promisify(readFile);

export const nodeDisk: Disk = {
  read: (path) =>
    attempt(path, 'read', async () => await unless(absent, readWholeFile(path, noLink))),
  readNow(path) {
    try {
      return readFileSync(path, noLink);
    } catch (cause) {
      if (absent.includes(errorCode(cause) ?? '')) return undefined;
      throw unavailable(path, 'read', cause);
    }
  },
  list: (path) =>
    attempt(
      path,
      'read',
      async () => (await unless(absent, readdir(path, { withFileTypes: true }))) ?? [],
    ),
  write: (path, bytes) =>
    attempt(path, 'written', () => writeNewFile(path, bytes, { mode: 0o600, flush: 'data' })),
  jot: (path, bytes) =>
    attempt(path, 'written', () => writeNewFile(path, bytes, { mode: 0o600, flush: 'nothing' })),
  rename: (from, to) => attempt(to, 'written', () => rename(from, to)),
  move: (from, to) =>
    attempt(
      to,
      'written',
      async () =>
        (await unless(
          absent,
          rename(from, to).then(() => true),
        )) ?? false,
    ),
  link: (from, to) =>
    attempt(
      to,
      'written',
      async () =>
        (await unless(
          ['EEXIST'],
          link(from, to).then(() => true),
        )) ?? false,
    ),
  remove: (path) =>
    attempt(path, 'removed', async () => {
      await unless(absent, unlink(path));
    }),
  makeFolder: (path) =>
    attempt(
      path,
      'made',
      async () =>
        (await unless(
          ['EEXIST'],
          mkdir(path, { mode: 0o700 }).then(() => true),
        )) ?? false,
    ),
  removeFolder: (path) =>
    attempt(
      path,
      'removed',
      async () =>
        (await unless(
          ['ENOTEMPTY', 'EEXIST'],
          unless(absent, rmdir(path)).then(() => true),
        )) ?? false,
    ),
  sync: (path) => attempt(path, 'written', () => syncFolder(path)),
};

/** Undefined where the work fails with one of these codes. */
async function unless<T>(codes: readonly string[], work: Promise<T>): Promise<T | undefined> {
  return await work.catch((error: unknown) => {
    if (codes.includes(errorCode(error) ?? '')) return undefined;
    throw error;
  });
}

async function attempt<T>(path: string, what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw unavailable(path, what, cause);
  }
}

function unavailable(path: string, what: string, cause: unknown): StorageUnavailableError {
  const cure = fileErrorCure(cause);
  return new StorageUnavailableError(
    `${path} cannot be ${what}: ${fileErrorText(cause)}${cure === undefined ? '' : `: ${cure}`}`,
    { cause },
  );
}
