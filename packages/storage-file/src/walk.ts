import type { Dirent } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '@acmex/clock';
import { CorruptEntryError, type Entry, type ListOptions } from '@acmex/storage';
import type { Disk } from './disk.ts';
import { entryIn, fileOf, isBesideKeys, isPart, mark } from './entry-file.ts';

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
  for await (const next of keysBelow(root, disk, prefix, { after, onCorrupt })) {
    for (const key of next) {
      signal?.throwIfAborted();
      keys.push(key);
      if (keys.length < Math.min(atOnce, left)) continue;
      for (const entry of await read()) {
        yield entry;
        left -= 1;
      }
      if (left <= 0) return;
    }
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

interface WalkOptions {
  readonly after: string;
  readonly onCorrupt: ListOptions['onCorrupt'];
}

/** The keys below a folder, those of files that follow each other together. */
async function* keysBelow(
  root: string,
  disk: Disk,
  folder: string,
  { after, onCorrupt }: WalkOptions,
): AsyncGenerator<Iterable<string>> {
  const below = folder === '' ? '' : `${folder}/`;
  const children = childrenIn(folder, await disk.list(join(root, folder)), onCorrupt);
  let next = firstBehind(children, below, after);
  while (next < children.length) {
    const child = children[next] ?? '';
    if (child.endsWith('/')) {
      next += 1;
      const name = child.slice(0, -1);
      if (isPart(name)) yield* keysBelow(root, disk, `${below}${name}`, { after, onCorrupt });
      else onCorrupt?.(strayError(`${below}${name}`));
      continue;
    }
    const begin = next;
    while (next < children.length && !children[next]?.endsWith('/')) next += 1;
    yield fileKeys(children.slice(begin, next), below, onCorrupt);
  }
}

function* fileKeys(
  fileNames: readonly string[],
  below: string,
  onCorrupt: ListOptions['onCorrupt'],
): Generator<string> {
  for (const part of fileNames) {
    if (isPart(part)) yield `${below}${part}`;
    else onCorrupt?.(strayError(fileOf(below, part)));
  }
}

function strayError(path: string): CorruptEntryError {
  return new CorruptEntryError(path, 'it is not a file of this storage: move it elsewhere');
}

/**
 * The files of a folder by the part of their key, and the folders in it with a `/` behind their
 * name, in the order of the keys: a folder comes behind `a-` and `a.b`, and before `a0`.
 */
function childrenIn(
  folder: string,
  entries: readonly Dirent[],
  onCorrupt: ListOptions['onCorrupt'],
): readonly string[] {
  const children: string[] = [];
  for (const entry of entries) {
    const { name } = entry;
    if (folder === '' && isBesideKeys(name)) continue;
    if (entry.isDirectory()) children.push(`${name}/`);
    else if (name.endsWith(mark) && !entry.isSymbolicLink()) children.push(name.slice(0, -1));
    else onCorrupt?.(strayError(join(folder, name)));
  }
  return children.sort();
}

/** Returns the index of the first child that has a key behind `after`. */
function firstBehind(children: readonly string[], below: string, after: string): number {
  if (!after.startsWith(below)) return after < below ? 0 : children.length;
  const reached = after.slice(below.length);
  let [from, to] = [0, children.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    const child = children[middle] ?? '';
    if (child > reached || (child.endsWith('/') && reached.startsWith(child))) to = middle;
    else from = middle + 1;
  }
  return from;
}
