import { constants, type Dirent } from 'node:fs';
import { link, mkdir, open, readdir, rename, rmdir, unlink, writeFile } from 'node:fs/promises';
import { errorCode } from '@acmex/errors';
import { StorageUnavailableError } from '@acmex/storage';

/** What the driver does to a disk: each call one step that a crash can fall before or behind. Handed in, so that a test can be the crash. */
export interface Disk {
  /** The bytes of a file, no link followed; undefined where there is none. */
  read(path: string): Promise<Buffer | undefined>;
  /** What lies in a folder; nothing where there is none. */
  list(path: string): Promise<readonly Dirent[]>;
  /** A new file for its owner alone, flushed. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** The same, not flushed: for what means nothing after the machine was started anew. */
  jot(path: string, bytes: Uint8Array): Promise<void>;
  rename(from: string, to: string): Promise<void>;
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

export const nodeDisk: Disk = {
  read: (path) =>
    attempt(path, 'read', async () => {
      const file = await unless(absent, open(path, constants.O_RDONLY | constants.O_NOFOLLOW));
      return await file?.readFile().finally(() => file.close());
    }),
  list: (path) =>
    attempt(
      path,
      'read',
      async () => (await unless(absent, readdir(path, { withFileTypes: true }))) ?? [],
    ),
  write: (path, bytes) =>
    attempt(path, 'written', async () => {
      const file = await open(path, 'wx', 0o600);
      try {
        await file.writeFile(bytes);
        await file.datasync();
      } finally {
        await file.close();
      }
    }),
  jot: (path, bytes) =>
    attempt(path, 'written', () => writeFile(path, bytes, { flag: 'wx', mode: 0o600 })),
  rename: (from, to) => attempt(to, 'written', () => rename(from, to)),
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
  sync: (path) =>
    attempt(path, 'written', async () => {
      const folder = await open(path, constants.O_RDONLY);
      await folder.sync().finally(() => folder.close());
    }),
};

/** Undefined where the work fails with one of these codes. */
async function unless<T>(codes: readonly string[], work: Promise<T>): Promise<T | undefined> {
  return await work.catch((error: unknown) => {
    if (codes.includes(errorCode(error) ?? '')) return undefined;
    throw error;
  });
}

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: make room',
  EDQUOT: 'the quota of the disk is used up: make room',
  EROFS: 'the file system is read-only: mount it writable',
  EIO: "the disk has a fault: look at the system's log",
  EACCES: 'permission denied: give the folder to the user that this program runs as',
  EPERM: 'not permitted: give the folder to the user that this program runs as',
  ELOOP: 'it is a link: put the file itself there',
  EMFILE: 'too many files are open: raise the limit (ulimit -n)',
  ENFILE: 'too many files are open on this machine',
  ENOENT: 'a folder above it has gone',
  EFBIG: 'the file would be larger than allowed: raise the limit (ulimit -f)',
  ENAMETOOLONG: 'its name is too long for this file system: choose a shorter path',
};

async function attempt<T>(path: string, what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new StorageUnavailableError(
      `${path} cannot be ${what}: ${reasons[errorCode(cause) ?? ''] ?? errorCode(cause) ?? String(cause)}`,
      { cause },
    );
  }
}
