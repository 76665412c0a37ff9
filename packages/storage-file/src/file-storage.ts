import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Clock, systemClock } from '@acmex/clock';
import {
  checkedChanges,
  checkedKey,
  checkedPrefix,
  type Storage,
  StorageUnavailableError,
} from '@acmex/storage';
import { Committer } from './committer.ts';
import { type Disk, nodeDisk } from './disk.ts';
import { entryIn, fileOf } from './entry-file.ts';
import {
  type FileSystemType,
  assertReadable,
  canReadOnly,
  fileSystemType,
  isStorage,
  prepare,
  snapshotFolder,
} from './place.ts';
import { Folders } from './folders.ts';
import { linkedTree, removeForgotten } from './snapshot.ts';
import { entriesBelow } from './walk.ts';

export interface FileStorageOptions {
  /** A folder of its own, on a local disk; the first write makes it where it is missing. */
  readonly path: string;
  /**
   * Changes no file of the folder: writes and snapshots are refused, and so is reading while a write
   * of a process that ended is half done. False by default.
   */
  readonly readOnly?: boolean | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * A storage in files, for any number of processes on one machine: a key `a/b` is the file `a/b=`.
 * Folders have mode 0700, files 0600. What was acknowledged is flushed to the disk. Opened with the
 * first call; reading makes nothing where there is no storage. Where nothing can be written, as on a read-only file system or a full disk, `get` and
 * `list` read what is there.
 */
export function fileStorage(options: FileStorageOptions): Storage {
  return fileStorageOn(nodeDisk, options);
}

/** The same on a disk of the caller's. */
export function fileStorageOn(
  disk: Disk,
  { path, readOnly = false, clock = systemClock }: FileStorageOptions,
  typeOf: FileSystemType = fileSystemType,
): Storage {
  const root = resolve(path);
  const folders = new Folders(root, disk);
  const committer = new Committer(root, { disk, clock });
  const opening = new Opening(root, { disk, typeOf, committer, readOnly });

  return {
    async get(key, { signal } = {}) {
      checkedKey(key);
      if (!(await opening.toRead(signal))) return undefined;
      const bytes = await disk.read(fileOf(root, key));
      return bytes && entryIn(key, bytes);
    },
    async *list(prefix, options = {}) {
      checkedPrefix(prefix);
      if ((options.limit ?? 1) > 0 && (await opening.toRead(options.signal)))
        yield* entriesBelow(folders, prefix, options);
    },
    async *snapshot(options = {}) {
      if (!(await opening.toCopy(options.signal))) return;
      const copy = join(root, snapshotFolder, `${process.pid}-${randomBytes(6).toString('hex')}`);
      try {
        await committer.alone(() => linkedTree(root, copy, disk), options.signal);
        yield* entriesBelow(new Folders(copy, disk), '', options);
      } finally {
        await rm(copy, { recursive: true, force: true });
      }
    },
    async write(changes, { signal } = {}) {
      // A copy, before anything is awaited: the caller may continue with its bytes.
      const copied = checkedChanges(changes).map((change) =>
        'set' in change ? { ...change, value: Uint8Array.from(change.value) } : change,
      );
      await opening.toWrite(signal);
      return copied.length === 0 ? [] : await committer.write(copied, signal);
    },
    async [Symbol.asyncDispose]() {
      await committer.settled();
    },
  };
}

interface OpeningOptions {
  readonly disk: Disk;
  readonly typeOf: FileSystemType;
  readonly committer: Committer;
  readonly readOnly: boolean;
}

/** Opens the folder of a storage once: for a write it is made, for reading it is not. */
class Opening {
  readonly #root: string;
  readonly #options: OpeningOptions;
  #ready: Promise<void> | undefined;

  constructor(root: string, options: OpeningOptions) {
    this.#root = root;
    this.#options = options;
  }

  async toWrite(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#options.readOnly)
      throw new StorageUnavailableError(
        `${this.#root} is opened to be read only: nothing is written`,
      );
    this.#ready ??= this.#open();
    await this.#ready.catch((error: unknown) => {
      this.#ready = undefined;
      throw error;
    });
  }

  /** @returns false where there is no storage, and so nothing to read */
  async toRead(signal: AbortSignal | undefined): Promise<boolean> {
    signal?.throwIfAborted();
    const { disk, typeOf, readOnly } = this.#options;
    if (readOnly) return await canReadOnly(this.#root, disk, typeOf);
    if (await this.#isAbsent()) return false;
    await this.toWrite(signal).catch(
      async (error: unknown) => await assertReadable(error, this.#root, disk),
    );
    return true;
  }

  /** The same for a snapshot, which is made in the folder. */
  async toCopy(signal: AbortSignal | undefined): Promise<boolean> {
    signal?.throwIfAborted();
    if (!this.#options.readOnly && (await this.#isAbsent())) return false;
    await this.toWrite(signal);
    return true;
  }

  async #isAbsent(): Promise<boolean> {
    const { disk, typeOf } = this.#options;
    return !this.#ready && !(await isStorage(this.#root, disk, typeOf));
  }

  async #open(): Promise<void> {
    const { disk, typeOf, committer } = this.#options;
    await prepare(this.#root, disk, typeOf);
    await removeForgotten(this.#root, disk);
    await committer.alone(async () => {
      /* what a dead process left is done now, so that no one sees half of it */
    }, undefined);
  }
}
