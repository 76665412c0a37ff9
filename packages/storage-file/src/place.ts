import { randomBytes } from 'node:crypto';
import { mkdir, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode } from '@acmex/errors';
import { fileErrorText } from '@acmex/files';
import { StorageError, StorageUnavailableError } from '@acmex/storage';
import type { Disk } from './disk.ts';
import { format, isBesideKeys, ownFolder } from './entry-file.ts';
import { isCarriedOut, newFiles } from './journal.ts';

export const mutexFolder = join(ownFolder, 'commit');
export const snapshotFolder = join(ownFolder, 'snapshot');
const formatText =
  'acmex storage 1\nEach file name= holds one value behind its first line. Back the whole folder up while no program uses it, or with acmex storage backup.\n';

/**
 * File systems over a network, by the number that statfs(2) gives: what is written on one machine
 * comes late to another.
 */
const overNetwork: Readonly<Record<number, string>> = {
  0x6969: 'NFS',
  0x517b: 'SMB',
  0xff534d42: 'CIFS',
  0xfe534d42: 'SMB',
  0x5346414f: 'AFS',
  0x00c36400: 'Ceph',
  0x01161970: 'GFS2',
  0x47504653: 'GPFS',
  0x0bd00bd0: 'Lustre',
};

/** @returns the number of the file system's kind */
export type FileSystemType = (path: string) => Promise<number>;
export const fileSystemType: FileSystemType = async (path) => (await statfs(path)).type >>> 0;

/**
 * Makes the folder ready, or makes sure that it is one of this storage.
 * @throws StorageError `ERR_STORAGE_PLACE`, `ERR_STORAGE_NEWER`, `ERR_STORAGE_UNAVAILABLE`
 */
export async function prepare(root: string, disk: Disk, typeOf: FileSystemType): Promise<void> {
  await mkdir(root, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw new StorageUnavailableError(
      `${root} cannot be made (${errorCode(cause) ?? String(cause)}): use another place, or make the folder for the user that this program runs as`,
      { cause },
    );
  });
  const hasFormat = await isStorage(root, disk, typeOf);
  // Also where there is a FORMAT: a copy of the folder may lack what was empty.
  for (const folder of [ownFolder, newFiles, mutexFolder, snapshotFolder])
    await disk.makeFolder(join(root, folder));
  if (!hasFormat) await markAsOurs(root, disk);
}

/**
 * Returns whether a folder is a storage. One that is absent, or holds nothing, can become one: it is
 * read as an empty storage, and made by the first write.
 * @throws StorageError `ERR_STORAGE_PLACE`, `ERR_STORAGE_NEWER`, `ERR_STORAGE_UNAVAILABLE`
 */
export async function isStorage(
  root: string,
  disk: Disk,
  typeOf: FileSystemType,
): Promise<boolean> {
  const network = overNetwork[await typeAt(root, typeOf)];
  if (network !== undefined)
    throw new StorageError(
      'ERR_STORAGE_PLACE',
      `${root} is on ${network}, where two machines would write over each other: use a local disk, or redis:// for several machines`,
    );
  const existingFormat = await disk.read(join(root, format));
  if (existingFormat) checkFormat(root, existingFormat.toString('utf8', 0, 100));
  if (existingFormat) return true;
  const strayEntry = (await disk.list(root)).find(({ name }) => !isBesideKeys(name));
  if (!strayEntry) return false;
  // Another process may have made the storage since, and written to it.
  if (await disk.read(join(root, format))) return true;
  throw new StorageError(
    'ERR_STORAGE_PLACE',
    `${root} is not a storage, and not empty (it holds ${strayEntry.name}): use a folder of its own`,
  );
}

/** Returns the kind of the file system on which a folder is, or would be made. */
async function typeAt(folder: string, typeOf: FileSystemType): Promise<number> {
  try {
    return await typeOf(folder);
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT' && dirname(folder) !== folder)
      return await typeAt(dirname(folder), typeOf);
    throw new StorageUnavailableError(`${folder} cannot be read: ${fileErrorText(cause)}`, {
      cause,
    });
  }
}

/**
 * Lets a storage be read without a change to its files.
 * @returns false where there is no storage, which is read as an empty one
 * @throws StorageError as `isStorage`, and `ERR_STORAGE_UNAVAILABLE` where a write is half done
 */
export async function canReadOnly(
  root: string,
  disk: Disk,
  typeOf: FileSystemType,
): Promise<boolean> {
  if (!(await isStorage(root, disk, typeOf))) return false;
  if (await isCarriedOut(root, disk)) return true;
  throw new StorageUnavailableError(
    `the last write to ${root} is half done: complete it with acmex storage check --storage ${root}, then try again`,
  );
}

/** What the system says where nothing can be written, though all can be read. */
const unwritable: readonly string[] = ['EROFS', 'EACCES', 'EPERM', 'ENOSPC', 'EDQUOT'];

/**
 * Lets a storage be read in whose folder nothing can be written: it is one of this version, and no
 * commit is half done.
 * @param error what prevented it from being opened; thrown for every other cause
 * @throws StorageError `ERR_STORAGE_NEWER`, `ERR_STORAGE_PLACE`
 */
export async function assertReadable(error: unknown, root: string, disk: Disk): Promise<void> {
  const cause = error instanceof Error ? error.cause : undefined;
  if (!unwritable.includes(errorCode(cause) ?? '')) throw error;
  const existingFormat = await disk.read(join(root, format));
  if (!existingFormat || !(await isCarriedOut(root, disk))) throw error;
  checkFormat(root, existingFormat.toString('utf8', 0, 100));
}

async function markAsOurs(root: string, disk: Disk): Promise<void> {
  const draft = join(root, ownFolder, `format-${randomBytes(6).toString('hex')}`);
  await disk.write(draft, Buffer.from(formatText));
  await disk.link(draft, join(root, format));
  await disk.remove(draft);
  await disk.sync(root);
}

function checkFormat(root: string, text: string): void {
  const version = /^acmex storage (\d{1,9})\n/.exec(text)?.[1];
  if (version === undefined)
    throw new StorageError(
      'ERR_STORAGE_PLACE',
      `${root} is not a storage: its file ${format} says something else`,
    );
  if (Number(version) > 1)
    throw new StorageError(
      'ERR_STORAGE_NEWER',
      `${root} is a storage of version ${version}, and this program knows version 1: update it`,
    );
}
