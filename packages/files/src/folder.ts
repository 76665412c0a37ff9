import { constants, type Dirent, type Stats } from 'node:fs';
import {
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  readlink,
  rmdir,
  unlink,
} from 'node:fs/promises';
import { dirname, isAbsolute, join, parse, resolve, sep } from 'node:path';
import { errorCode } from '@acmex/errors';
import { FilesError } from './errors.ts';
import { currentUser, isOpenToOthers, isOurs, isSticky } from './user.ts';

/** Linux opens a folder without the right to list it (open(2), O_PATH); Node has no name for it. */
const O_PATH = 0o10000000;
const openFolderFlags = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** As many links as Linux follows on a path. */
const maximumLinks = 40;

/** How the entries of a folder are reached. */
export interface FolderAccess {
  /**
   * True: by a descriptor of the folder (/proc/self/fd/N/NAME), so that no later change of the path
   * leads elsewhere. False: by the path. True where the system has /proc/self/fd, as Linux.
   */
  readonly byDescriptor?: boolean | undefined;
}

export interface OpenFolderOptions extends FolderAccess {
  /**
   * Makes folders that do not exist, with this mode less the umask; otherwise they are an error.
   */
  readonly make?: number | undefined;
}

/**
 * An open folder. On Linux it stays the same folder whatever happens to its path: each step was
 * opened without following a link that somebody else could have made, and entries are reached
 * through the descriptor.
 */
export class Folder implements AsyncDisposable {
  /** Without links. Only for messages: another folder may have this path by now. */
  readonly path: string;
  /**
   * Whether no one but root and the user of this process can change which folder is at this path.
   */
  readonly isTrusted: boolean;
  readonly #stats: Stats;
  readonly #handle: FileHandle | undefined;

  private constructor(
    path: string,
    {
      stats,
      handle,
      isTrusted,
    }: { stats: Stats; handle: FileHandle | undefined; isTrusted: boolean },
  ) {
    this.path = path;
    this.#stats = stats;
    this.#handle = handle;
    this.isTrusted = isTrusted && isOurs(stats) && (!isOpenToOthers(stats) || isSticky(stats));
  }

  /** Opens the root of a file system. */
  static async root(path: string, byDescriptor: boolean): Promise<Folder> {
    const handle = byDescriptor ? await open(path, openFolderFlags) : undefined;
    const stats = await (handle === undefined ? lstat(path) : handle.stat());
    return new Folder(path, { stats, handle, isTrusted: true });
  }

  /** Returns a path that leads to an entry of this folder, for the functions of `node:fs`. */
  entry(name: string): string {
    assertEntryName(name);
    return join(this.#base(), name);
  }

  /**
   * Whether no one but root and the user of this process can have made an entry that has these
   * properties.
   */
  trusts(entry: Pick<Stats, 'uid'>): boolean {
    return this.isTrusted && (!isOpenToOthers(this.#stats) || isOurs(entry));
  }

  /**
   * Whether the user of this process may replace or remove an entry with these properties, if it may
   * write to the folder: in one with the sticky bit, only its owner may, and that of the entry.
   */
  canReplace(entry: Pick<Stats, 'uid'>): boolean {
    const user = currentUser();
    return (
      !isSticky(this.#stats) || user === undefined || [0, entry.uid, this.#stats.uid].includes(user)
    );
  }

  /**
   * Returns the properties of an entry, of the link itself where it is one; undefined where there
   * is none.
   */
  async stat(name: string): Promise<Stats | undefined> {
    try {
      return await lstat(this.entry(name));
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  async list(): Promise<readonly Dirent[]> {
    return await readdir(this.#base(), { withFileTypes: true });
  }

  /**
   * Opens a folder in this one. Follows no link.
   *
   * @throws an error of Node: `ENOENT`, or `ENOTDIR` for a link or a file
   */
  async open(name: string): Promise<Folder> {
    const handle = this.#handle && (await open(this.entry(name), openFolderFlags));
    try {
      const stats = await (handle === undefined ? lstat(this.entry(name)) : handle.stat());
      if (!stats.isDirectory()) throw notDirectory(join(this.path, name));
      return new Folder(join(this.path, name), { stats, handle, isTrusted: this.trusts(stats) });
    } catch (error) {
      await handle?.close();
      throw error;
    }
  }

  /**
   * Opens a folder in this one, and makes it where it does not exist. Follows no link.
   *
   * @param mode of a new folder, less the umask
   */
  async make(name: string, mode: number): Promise<Folder> {
    await this.#mkdir(name, mode);
    return await this.open(name);
  }

  /** Like `make`, but a new folder has exactly this mode. */
  async makeExactly(name: string, mode: number): Promise<Folder> {
    const isNew = await this.#mkdir(name, mode);
    const folder = await this.open(name);
    try {
      // Where others can exchange the folder just made for one with private contents, only an empty
      // one is opened up.
      if (isNew && (this.isTrusted || (await folder.list()).length === 0))
        await folder.#chmod(mode);
      return folder;
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Removes a file or a link; does nothing where there is none. */
  async removeFile(name: string): Promise<void> {
    await ignoring(['ENOENT'], unlink(this.entry(name)));
  }

  /** Removes a folder if it is empty; does nothing where it is not or does not exist. */
  async removeIfEmpty(name: string): Promise<void> {
    await ignoring(['ENOENT', 'ENOTEMPTY', 'EEXIST'], rmdir(this.entry(name)));
  }

  /**
   * Removes a folder with everything in it. Links in it are removed, not followed. Does nothing
   * where there is no folder.
   */
  async removeTree(name: string): Promise<void> {
    const folder = await ignoring(['ENOENT'], this.open(name));
    if (folder === undefined) return;
    try {
      for (const entry of await folder.list()) {
        if (entry.isDirectory()) await folder.removeTree(entry.name);
        else await folder.removeFile(entry.name);
      }
    } finally {
      await folder[Symbol.asyncDispose]();
    }
    await ignoring(['ENOENT'], rmdir(this.entry(name)));
  }

  /**
   * Flushes the names in this folder to the disk. Windows has no such operation: nothing happens
   * there.
   */
  async sync(): Promise<void> {
    await syncFolder(this.#base());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle?.close();
  }

  #base(): string {
    return this.#handle === undefined ? this.path : `/proc/self/fd/${this.#handle.fd}/`;
  }

  async #mkdir(name: string, mode: number): Promise<boolean> {
    const made = await ignoring(
      ['EEXIST'],
      mkdir(this.entry(name), { mode }).then(() => true),
    );
    return made ?? false;
  }

  async #chmod(mode: number): Promise<void> {
    const handle = await open(this.#base(), constants.O_RDONLY | (constants.O_DIRECTORY ?? 0));
    try {
      await handle.chmod(mode);
    } finally {
      await handle.close();
    }
  }
}

/**
 * Opens a folder step by step from the root. A link is followed only where no one but root and the
 * user of this process can have made it; below a folder that somebody else can change, none is.
 *
 * Without descriptors (systems without /proc/self/fd), root does not open a folder below one that
 * somebody else can change.
 *
 * @throws FilesError `ERR_FILES_UNSAFE`; an error of Node where a folder does not exist or is not
 * one
 */
export async function openFolder(
  path: string,
  { make, byDescriptor }: OpenFolderOptions = {},
): Promise<Folder> {
  const start = parse(resolve(path)).root;
  const hasDescriptors = byDescriptor ?? (await systemHasDescriptors());
  let folder = await Folder.root(start, hasDescriptors);
  const remaining = componentsOf(resolve(path));
  let links = 0;
  try {
    for (let name = remaining.shift(); name !== undefined; name = remaining.shift()) {
      let next: Folder | undefined;
      if (name === '..') {
        remaining.unshift(...componentsOf(dirname(folder.path)));
        next = await Folder.root(start, hasDescriptors);
      } else {
        const target = await linkTarget(folder, name);
        if (target === undefined) {
          next = await (make === undefined ? folder.open(name) : folder.make(name, make));
          assertUsable(next, hasDescriptors);
        } else {
          links += 1;
          if (links > maximumLinks) throw tooManyLinks(path);
          remaining.unshift(...componentsOf(target));
          if (isAbsolute(target)) next = await Folder.root(start, hasDescriptors);
        }
      }
      if (next === undefined) continue;
      await folder[Symbol.asyncDispose]();
      folder = next;
    }
    return folder;
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Returns where a link leads; undefined for anything else, and where there is nothing.
 *
 * @throws FilesError `ERR_FILES_UNSAFE` for a link that somebody else could have made
 */
export async function linkTarget(folder: Folder, name: string): Promise<string | undefined> {
  const stats = await folder.stat(name);
  if (stats === undefined || !stats.isSymbolicLink()) return undefined;
  if (!folder.trusts(stats)) throw foreignLink(join(folder.path, name));
  return await readlink(folder.entry(name));
}

/**
 * Flushes the names in a folder to the disk. Windows has no such operation: nothing happens there.
 */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function systemHasDescriptors(): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  return await lstat('/proc/self/fd').then(
    () => true,
    () => false,
  );
}

function componentsOf(path: string): string[] {
  const { root } = parse(path);
  return path
    .slice(root.length)
    .split(sep)
    .filter((name) => name !== '' && name !== '.');
}

function assertEntryName(name: string): void {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0'))
    throw new RangeError(`${JSON.stringify(name)} is not the name of a file in a folder`);
}

function assertUsable(folder: Folder, hasDescriptors: boolean): void {
  if (hasDescriptors || folder.isTrusted || currentUser() !== 0) return;
  throw new FilesError(
    'ERR_FILES_UNSAFE',
    `${folder.path} can be changed by other users, and this system has no /proc/self/fd to use it safely as root: run as its owner, or take the right to write from them`,
  );
}

function foreignLink(path: string): FilesError {
  return new FilesError(
    'ERR_FILES_UNSAFE',
    `${path} is a symbolic link in a folder that other users can change: use the path that it leads to, or take the right to write to the folder from them`,
  );
}

function tooManyLinks(path: string): Error {
  return Object.assign(new Error(`${path} has too many symbolic links`), { code: 'ELOOP' });
}

function notDirectory(path: string): Error {
  return Object.assign(new Error(`${path} is not a directory`), { code: 'ENOTDIR' });
}

async function ignoring<T>(codes: readonly string[], work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (codes.includes(errorCode(error) ?? '')) return undefined;
    throw error;
  }
}
