import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '@acmex/clock';
import { CorruptEntryError, type Entry, type ListOptions } from '@acmex/storage';
import type { Disk } from './disk.ts';
import { entryIn, fileOf, isPart, partOf } from './entry-file.ts';

const othersTurn = promisify(setImmediate);
/** How many files are read before others have their turn: a group. */
const atOnce = 16;
/** A file that takes longer, in milliseconds, was not in memory. */
const slowReadMs = 1;
/** After such a file, how many groups later a file is expected in memory again. */
const pause = 8;

/**
 * The entries below a prefix in byte order, behind `after`: folder by folder, and no folder before
 * it is reached.
 */
export async function* entriesBelow(
  root: string,
  disk: Disk,
  prefix: string,
  { after = '', limit = Infinity, signal, onCorrupt }: ListOptions,
): AsyncGenerator<Entry> {
  let left = limit;
  let keys: string[] = [];
  const reader = new EntryReader(root, disk, onCorrupt);
  const read = async () => {
    const entries = await reader.read(keys);
    keys = [];
    return entries.filter((entry) => entry !== undefined).slice(0, left);
  };
  for await (const key of keysBelow(root, disk, prefix, { after, onCorrupt })) {
    signal?.throwIfAborted();
    keys.push(key);
    if (keys.length < Math.min(atOnce, left)) continue;
    for (const entry of await read()) {
      yield entry;
      left -= 1;
    }
    if (left <= 0) return;
  }
  yield* await read();
}

/**
 * Reads files one after the other while they are in memory, where a promise for each would take most
 * of the CPU, and together for a while after one for which the disk had to work.
 */
class EntryReader {
  readonly #root: string;
  readonly #disk: Disk;
  readonly #onCorrupt: ListOptions['onCorrupt'];
  #pause = 0;

  constructor(root: string, disk: Disk, onCorrupt: ListOptions['onCorrupt']) {
    this.#root = root;
    this.#disk = disk;
    this.#onCorrupt = onCorrupt;
  }

  async read(keys: readonly string[]): Promise<readonly (Entry | undefined)[]> {
    const entries: (Entry | undefined)[] = [];
    if (this.#pause > 0) this.#pause -= 1;
    while (this.#pause === 0 && entries.length < keys.length) {
      const begun = systemClock.monotonic();
      const key = keys[entries.length] ?? '';
      entries.push(this.#checked(() => entryOf(key, this.#disk.readNow(fileOf(this.#root, key)))));
      if (systemClock.monotonic() - begun > slowReadMs) this.#pause = pause;
    }
    const rest = keys.slice(entries.length).map(async (key) => await this.#readLater(key));
    if (rest.length === 0) await othersTurn();
    return [...entries, ...(await Promise.all(rest))];
  }

  async #readLater(key: string): Promise<Entry | undefined> {
    const reading = this.#disk.read(fileOf(this.#root, key));
    const settled = await reading.then(
      (bytes) => () => entryOf(key, bytes),
      (error: unknown) => () => {
        throw error;
      },
    );
    return this.#checked(settled);
  }

  #checked(read: () => Entry | undefined): Entry | undefined {
    try {
      return read();
    } catch (error) {
      if (!this.#onCorrupt || !(error instanceof Error)) throw error;
      this.#onCorrupt(error);
      return undefined;
    }
  }
}

function entryOf(key: string, bytes: Buffer | undefined): Entry | undefined {
  return bytes && entryIn(key, bytes);
}

async function* keysBelow(
  root: string,
  disk: Disk,
  folder: string,
  { after, onCorrupt }: { readonly after: string; readonly onCorrupt: ListOptions['onCorrupt'] },
): AsyncGenerator<string> {
  const children: { readonly name: string; readonly key: string; readonly isFolder: boolean }[] =
    [];
  for (const entry of await disk.list(join(root, folder))) {
    const part = entry.isDirectory() ? entry.name : partOf(entry.name);
    const key = folder === '' ? (part ?? '') : `${folder}/${part}`;
    if (part !== undefined && isPart(part) && !entry.isSymbolicLink())
      children.push({
        key,
        isFolder: entry.isDirectory(),
        name: entry.isDirectory() ? `${part}/` : part,
      });
    else if (!(folder === '' && isOurs(entry.name)))
      onCorrupt?.(
        new CorruptEntryError(
          join(folder, entry.name),
          'it is not a file of this storage: move it elsewhere',
        ),
      );
  }
  // A folder is sorted as the keys in it are: behind `a-` and `a.b`, before `a0`.
  children.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { key, isFolder } of children) {
    if (!isFolder) {
      if (key > after) yield key;
    } else if (`${key}/` > after || after.startsWith(`${key}/`))
      yield* keysBelow(root, disk, key, { after, onCorrupt });
  }
}

function isOurs(name: string): boolean {
  return name === 'FORMAT' || name === '.acmex';
}
