import {
  type BigIntStats,
  close,
  constants,
  type Dirent,
  fdatasync,
  fstat,
  fsync,
  open,
  readFile,
  readFileSync,
  write,
  writeFile,
} from 'node:fs';
import { link, lstat, mkdir, readdir, rename, rmdir, truncate, unlink } from 'node:fs/promises';
import { promisify } from 'node:util';
import { systemClock } from '@acmex/clock';
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
  /**
   * Writes bytes into a file behind its first `length` bytes, and flushes them.
   * @returns the file's stamp
   */
  append(path: string, bytes: Uint8Array, length: number): Promise<string>;
  /** Cuts a file off. */
  truncate(path: string, length: number): Promise<void>;
  /** What changes when a file is written or replaced; undefined where there is none. */
  stamp(path: string): Promise<string | undefined>;
  /**
   * What changes when a name in a folder is added or removed; undefined for a folder that has changed
   * in the last three seconds. A file system records the time of a change to within two seconds, so
   * names that were read within one second before are still those in the folder.
   */
  settledStamp(path: string): Promise<string | undefined>;
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
  /** Flushes what a file holds. Absent: fine. */
  flush(path: string): Promise<void>;
  /** Flushes the names in a folder. Absent: fine. */
  sync(path: string): Promise<void>;
}

const settledMs = 3000;
const absent = ['ENOENT', 'ENOTDIR'];
// The types know letters only, which have none for "no link followed".
const noLink = { flag: (constants.O_RDONLY | constants.O_NOFOLLOW) as unknown as string };
/** Take half the CPU of the functions in `fs/promises`, which make a `FileHandle` for each file. */
const descriptor = {
  open: promisify(open),
  write: promisify(write),
  flush: promisify(fsync),
  flushData: promisify(fdatasync),
  stat: promisify(fstat),
  close: promisify(close),
};
const readWholeFile = promisify(readFile);
const writeWholeFile = promisify(writeFile);

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
    attempt(path, 'written', () => writeWholeFile(path, bytes, { flag: 'wx', mode: 0o600 })),
  append: (path, bytes, length) =>
    attempt(
      path,
      'written',
      async () =>
        await inFile(path, constants.O_WRONLY, async (file) => {
          for (let at = 0; at < bytes.length;)
            at += (await descriptor.write(file, bytes, at, bytes.length - at, length + at))
              .bytesWritten;
          await descriptor.flushData(file);
          return stampOf(await descriptor.stat(file, { bigint: true }));
        }),
    ),
  truncate: (path, length) => attempt(path, 'written', async () => await truncate(path, length)),
  stamp: (path) =>
    attempt(path, 'read', async () => {
      const stats = await unless(absent, lstat(path, { bigint: true }));
      return stats && stampOf(stats);
    }),
  settledStamp: (path) =>
    attempt(path, 'read', async () => {
      const stats = await unless(absent, lstat(path, { bigint: true }));
      const age = systemClock.now().epochMilliseconds - Number(stats?.mtimeMs ?? 0);
      return stats && age > settledMs ? stampOf(stats) : undefined;
    }),
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
  flush: (path) =>
    attempt(path, 'written', async () => {
      await unless(absent, inFile(path, constants.O_RDWR, descriptor.flush));
    }),
  sync: (path) =>
    attempt(path, 'written', async () => {
      await unless(absent, syncFolder(path));
    }),
};

async function inFile<T>(
  path: string,
  flags: number,
  work: (file: number) => Promise<T>,
): Promise<T> {
  const file = await descriptor.open(path, flags | constants.O_NOFOLLOW);
  try {
    return await work(file);
  } finally {
    await descriptor.close(file);
  }
}

function stampOf({ ino, size, mtimeNs }: BigIntStats): string {
  return `${ino}-${size}-${mtimeNs}`;
}

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
