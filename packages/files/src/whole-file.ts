import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, link, lstat, open, rename, symlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { errorCode } from '@acmex/errors';
import { FilesError } from './errors.ts';
import { type Folder, type FolderAccess, linkTarget, openFolder } from './folder.ts';
import { currentUser } from './user.ts';

/** Who may do what with a file. */
export interface FileAttributes {
  /** The permission bits. */
  readonly mode: number;
  /**
   * When present, a file that is replaced keeps its mode, but no bit that is not in this one. When
   * absent, the file has `mode` whatever it replaces.
   */
  readonly keepModeWithin?: number | undefined;
  /** The owner. When absent, that of the file that is replaced, or the user of this process. */
  readonly uid?: number | undefined;
  /** The group. When absent, that of the file that is replaced, or the group of this process. */
  readonly gid?: number | undefined;
}

/** A file that is being written beside its path, where it appears only when it is whole. */
export interface ReservedFile extends AsyncDisposable {
  /** Leads to the bytes that were appended. */
  readonly temporaryPath: string;
  /**
   * Makes sure that the file can get its attributes and take its path later: gives it to its owner,
   * renames it beside the path, and looks whether this user may replace what is at the path. Nothing
   * at the path changes.
   *
   * @throws an error of Node
   */
  rehearse(): Promise<void>;
  /** Adds bytes. */
  append(bytes: Uint8Array | string): Promise<void>;
  /** Flushes the bytes to the disk and puts the file at its path, in place of one that is there. */
  commit(): Promise<void>;
  /**
   * Flushes the bytes to the disk and puts the file at its path if there is none.
   *
   * @returns false when there is one; it is unchanged
   */
  commitNew(): Promise<boolean>;
}

/** Where a file is written: in an open folder, under a name that is not a link. */
interface Target extends AsyncDisposable {
  readonly folder: Folder;
  readonly name: string;
}

/**
 * Replaces a file, or makes it: written beside its path, flushed, renamed, and the folder flushed.
 * Readers see the old bytes or the new ones. What a killed writer left there (`.acmex-` and
 * hexadecimal digits) is removed when it has not changed for two days. A link at the path is followed only where no one but
 * root and the user of this process can have made it.
 *
 * A replaced file keeps its owner, group and mode as `attributes` says, unless somebody else could
 * have put it there. What cannot be kept (only root gives files away) becomes narrower, never
 * wider.
 *
 * @returns false when the file has these bytes and attributes already
 * @throws FilesError `ERR_FILES_UNSAFE`, `ERR_FILES_NOT_REGULAR`; an error of Node
 */
export async function replaceFile(
  path: string,
  bytes: Uint8Array | string,
  attributes: FileAttributes,
  access?: FolderAccess,
): Promise<boolean> {
  await using target = await openTarget(path, access);
  return await replaceAt(target, bytes, attributes);
}

/**
 * Reads a regular file. A link at the path is followed as `replaceFile` follows it.
 *
 * @returns undefined where there is no file
 * @throws FilesError `ERR_FILES_NOT_REGULAR`, `ERR_FILES_UNSAFE`; an error of Node, also for a folder
 * that does not exist
 */
export async function readTrustedFile(
  path: string,
  access?: FolderAccess,
): Promise<Buffer | undefined> {
  await using target = await openTarget(path, access);
  return await readFileIn(target.folder, target.name);
}

/** Removes a file that `replaceFile` would replace; does nothing where there is none. */
export async function removeTrustedFile(path: string, access?: FolderAccess): Promise<void> {
  await using target = await openTarget(path, access);
  await target.folder.removeFile(target.name);
  await target.folder.sync();
}

/** How a file in an open folder is written. */
export interface FileInFolderAttributes extends FileAttributes {
  /**
   * Where nothing is at the name: the earlier file whose owner, group and mode are kept. Only one
   * that `Folder.trusts`.
   */
  readonly earlier?: Pick<Stats, 'uid' | 'gid' | 'mode'> | undefined;
}

/** Like `replaceFile`, in a folder that is open. A link at the name follows the same rule. */
export async function replaceFileIn(
  folder: Folder,
  name: string,
  bytes: Uint8Array | string,
  attributes: FileInFolderAttributes,
): Promise<boolean> {
  const linked = await linkTarget(folder, name);
  if (linked !== undefined)
    return await replaceFile(resolve(folder.path, linked), bytes, attributes);
  return await replaceAt({ folder, name }, bytes, attributes);
}

/** Like `replaceFileIn`, but replaces a link at the name, and gives the file exactly this mode. */
export async function replaceEntry(
  folder: Folder,
  name: string,
  bytes: Uint8Array | string,
  mode: number,
): Promise<void> {
  await using file = await TemporaryFile.open(folder);
  await file.handle.writeFile(bytes);
  await file.finish({ mode });
  await file.renameTo(name);
}

/**
 * Makes sure now that a file can be written later, by opening it beside its path. Disposing of it
 * removes what was not committed.
 *
 * @throws FilesError `ERR_FILES_UNSAFE`, `ERR_FILES_NOT_REGULAR`; an error of Node
 */
export async function reserveFile(
  path: string,
  attributes: FileAttributes,
  access?: FolderAccess,
): Promise<ReservedFile> {
  const target = await openTarget(path, access);
  const { folder, name } = target;
  let file: TemporaryFile;
  try {
    await regularFile(target);
    file = await openBeside(folder);
  } catch (error) {
    await target[Symbol.asyncDispose]();
    throw error;
  }
  return {
    temporaryPath: file.path,
    async rehearse() {
      const existing = await regularFile(target);
      if (existing && !folder.canReplace(existing)) throw notReplaceable(join(folder.path, name));
      await file.rehearse(attributesFor(existing, target, attributes));
    },
    append: (bytes) => file.handle.appendFile(bytes),
    async commit() {
      await file.finish(attributesFor(await regularFile(target), target, attributes));
      await file.renameTo(name);
    },
    async commitNew() {
      await file.finish(attributes);
      return await file.linkTo(name);
    },
    async [Symbol.asyncDispose]() {
      await file[Symbol.asyncDispose]();
      await target[Symbol.asyncDispose]();
    },
  };
}

export interface NewFileOptions {
  readonly mode: number;
  /**
   * Which part is on the disk before this returns: the bytes with all properties, the bytes alone,
   * or nothing for certain.
   */
  readonly flush: 'all' | 'data' | 'nothing';
}

/**
 * Writes a file that does not exist. A crash may leave a part of it; use `replaceFile` where that
 * matters.
 *
 * @throws an error of Node, `EEXIST` where something is at the path, also a link
 */
export async function writeNewFile(
  path: string,
  bytes: Uint8Array | string,
  { mode, flush }: NewFileOptions,
): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    await file.writeFile(bytes);
    if (flush === 'all') await file.sync();
    if (flush === 'data') await file.datasync();
  } finally {
    await file.close();
  }
}

/**
 * Reads a regular file in an open folder. Follows no link.
 *
 * @returns undefined where there is none
 * @throws FilesError `ERR_FILES_NOT_REGULAR`; an error of Node, `ELOOP` for a link
 */
export async function readFileIn(folder: Folder, name: string): Promise<Buffer | undefined> {
  const file = await openRegular(folder, name);
  return await file?.handle.readFile().finally(() => file.handle.close());
}

function temporaryName(): string {
  return `.acmex-${randomBytes(8).toString('hex')}`;
}

const temporaryPattern = /^\.acmex-[0-9a-f]{16}$/;
/** No writer leaves an unfinished file unchanged for so long: two days. */
const abandonedAfterMs = 2 * 24 * 3_600_000;

/**
 * Makes a symbolic link in an open folder, in one step. A link or a file that is there is replaced,
 * not followed. Removes what writers that were killed left in the folder.
 *
 * @param target the text of the link
 * @throws an error of Node
 */
export async function replaceLinkIn(folder: Folder, name: string, target: string): Promise<void> {
  const temporary = temporaryName();
  await symlink(target, folder.entry(temporary));
  try {
    const { mtimeMs } = await lstat(folder.entry(temporary));
    await removeAbandoned(folder, mtimeMs - abandonedAfterMs);
    await rename(folder.entry(temporary), folder.entry(name));
  } catch (error) {
    await folder.removeFile(temporary);
    throw error;
  }
  await folder.sync();
}

/** Opens a file beside its later path, and removes what writers that were killed left there. */
async function openBeside(folder: Folder): Promise<TemporaryFile> {
  const file = await TemporaryFile.open(folder);
  try {
    // The clock of the file system gave the files their times too.
    await removeAbandoned(folder, (await file.handle.stat()).mtimeMs - abandonedAfterMs);
    return file;
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}

/** Whether a writer still lives is not known, as it may be on another host: age alone decides. */
async function removeAbandoned(folder: Folder, beforeMs: number): Promise<void> {
  for (const entry of await entriesOf(folder)) {
    if (!temporaryPattern.test(entry)) continue;
    const stats = await folder.stat(entry);
    if (stats === undefined || !(stats.isFile() || stats.isSymbolicLink())) continue;
    if (stats.mtimeMs < beforeMs && folder.canReplace(stats)) await folder.removeFile(entry);
  }
}

/** A folder that may be written need not be readable. */
async function entriesOf(folder: Folder): Promise<readonly string[]> {
  try {
    return (await folder.list()).map(({ name }) => name);
  } catch (error) {
    if (errorCode(error) === 'EACCES') return [];
    throw error;
  }
}

/** A file beside its later path, for the user of this process only until it is finished. */
class TemporaryFile implements AsyncDisposable {
  readonly handle: FileHandle;
  readonly #folder: Folder;
  #name: string;
  #isRemoved = false;

  private constructor(folder: Folder, name: string, handle: FileHandle) {
    this.#folder = folder;
    this.#name = name;
    this.handle = handle;
  }

  static async open(folder: Folder): Promise<TemporaryFile> {
    const name = temporaryName();
    return new TemporaryFile(folder, name, await open(folder.entry(name), 'wx+', 0o600));
  }

  get path(): string {
    return this.#folder.entry(this.#name);
  }

  /** Gives the file its attributes, through its descriptor, and flushes it. */
  async finish(attributes: FinalAttributes): Promise<void> {
    await this.handle.chmod(await this.#chown(attributes));
    await this.handle.sync();
  }

  /** Gives the file its attributes and another temporary name. */
  async rehearse(attributes: FinalAttributes): Promise<void> {
    await this.handle.chmod(await this.#chown(attributes));
    const name = temporaryName();
    await rename(this.path, this.#folder.entry(name));
    this.#name = name;
  }

  async renameTo(name: string): Promise<void> {
    await rename(this.path, this.#folder.entry(name));
    this.#isRemoved = true;
    await this.#folder.sync();
  }

  /** @returns false when the name is taken */
  async linkTo(name: string): Promise<boolean> {
    try {
      await link(this.path, this.#folder.entry(name));
    } catch (error) {
      if (errorCode(error) === 'EEXIST') return false;
      throw error;
    }
    await this.#folder.sync();
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.handle.close();
    if (!this.#isRemoved) await this.#folder.removeFile(this.#name);
  }

  /** @returns the mode for the owner and group that the file has now */
  async #chown({ mode, uid, gid, mayNarrow = false }: FinalAttributes): Promise<number> {
    if (uid === undefined && gid === undefined) return mode;
    const attempts = mayNarrow
      ? [
          [uid, gid],
          [undefined, gid],
        ]
      : [[uid, gid]];
    for (const [owner = -1, group = -1] of attempts) {
      try {
        if (owner !== -1 || group !== -1) await this.handle.chown(owner, group);
        return mode;
      } catch (error) {
        if (!mayNarrow || errorCode(error) !== 'EPERM') throw error;
      }
    }
    return withoutGroup(mode);
  }
}

interface FinalAttributes extends Pick<FileAttributes, 'mode' | 'uid' | 'gid'> {
  /**
   * Whether owner and group are only kept from the replaced file, so that the file may also be
   * narrower.
   */
  readonly mayNarrow?: boolean;
}

async function replaceAt(
  target: Pick<Target, 'folder' | 'name'>,
  bytes: Uint8Array | string,
  attributes: FileInFolderAttributes,
): Promise<boolean> {
  const { folder, name } = target;
  const existing = await regularFile(target);
  const wanted = attributesFor(existing, target, attributes);
  if (existing !== undefined && hasAttributes(existing, wanted) && (await hasBytes(target, bytes)))
    return false;
  await using file = await openBeside(folder);
  await file.handle.writeFile(bytes);
  await file.finish(wanted);
  await file.renameTo(name);
  return true;
}

async function openTarget(path: string, access?: FolderAccess): Promise<Target> {
  let candidate = resolve(path);
  for (let links = 0; links <= 40; links += 1) {
    const folder = await openFolder(dirname(candidate), access);
    try {
      const linked = await linkTarget(folder, basename(candidate));
      if (linked === undefined)
        return {
          folder,
          name: basename(candidate),
          [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
        };
      // The folder of a link that is followed is trusted: its path stays what it is.
      candidate = resolve(folder.path, linked);
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      throw error;
    }
    await folder[Symbol.asyncDispose]();
  }
  throw Object.assign(new Error(`${path} has too many symbolic links`), { code: 'ELOOP' });
}

/** Returns the properties of the file that is there; undefined where there is none. */
async function regularFile({
  folder,
  name,
}: Pick<Target, 'folder' | 'name'>): Promise<Stats | undefined> {
  const stats = await folder.stat(name);
  if (stats !== undefined && !stats.isFile() && !stats.isSymbolicLink())
    throw notRegular(join(folder.path, name), stats);
  // Since the path was resolved, somebody put a link there: it is replaced, and says nothing about
  // who may read.
  return stats?.isSymbolicLink() ? undefined : stats;
}

function attributesFor(
  existing: Stats | undefined,
  { folder }: Pick<Target, 'folder'>,
  { mode, keepModeWithin, uid, gid, earlier }: FileInFolderAttributes,
): FinalAttributes {
  const model = existing ?? earlier;
  if (model === undefined || (existing !== undefined && !folder.trusts(existing)))
    return { mode, uid, gid };
  return {
    mode: keepModeWithin === undefined ? mode : model.mode & keepModeWithin,
    uid: uid ?? model.uid,
    gid: gid ?? model.gid,
    mayNarrow: uid === undefined && gid === undefined,
  };
}

function hasAttributes(existing: Stats, { mode, uid, gid }: FinalAttributes): boolean {
  if (currentUser() === undefined) return true;
  return (
    (existing.mode & 0o7777) === mode &&
    (uid ?? existing.uid) === existing.uid &&
    (gid ?? existing.gid) === existing.gid
  );
}

async function hasBytes(
  { folder, name }: Pick<Target, 'folder' | 'name'>,
  bytes: Uint8Array | string,
): Promise<boolean> {
  const wanted = Buffer.from(bytes);
  const file = await openRegular(folder, name).catch((error: unknown) => {
    // A file that may be replaced need not be readable.
    if (errorCode(error) === 'EACCES') return undefined;
    throw error;
  });
  if (file === undefined) return false;
  try {
    return file.stats.size === wanted.length && (await file.handle.readFile()).equals(wanted);
  } finally {
    await file.handle.close();
  }
}

async function openRegular(
  folder: Folder,
  name: string,
): Promise<{ readonly handle: FileHandle; readonly stats: Stats } | undefined> {
  // A pipe would keep the open waiting for a writer.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  let handle: FileHandle;
  try {
    handle = await open(folder.entry(name), flags);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  const stats = await handle.stat();
  if (stats.isFile()) return { handle, stats };
  await handle.close();
  throw notRegular(join(folder.path, name), stats);
}

function notReplaceable(path: string): Error {
  const message = `${path} belongs to a different user, in a folder with the sticky bit`;
  return Object.assign(new Error(message), { code: 'EPERM' });
}

function notRegular(path: string, stats: Stats): FilesError {
  return new FilesError(
    'ERR_FILES_NOT_REGULAR',
    `${path} is ${stats.isDirectory() ? 'a directory' : 'a device, pipe or socket'}: choose another path`,
  );
}

/** The group gets no more than everybody. */
function withoutGroup(mode: number): number {
  return (mode & ~0o070) | ((mode & 0o007) << 3);
}
