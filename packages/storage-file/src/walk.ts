import { promisify } from 'node:util';
import { systemClock } from '@acmex/clock';
import type { Entry, ListOptions } from '@acmex/storage';
import type { Disk } from './disk.ts';
import { entryIn, fileOf, isPart } from './entry-file.ts';
import { type Folders, strayError } from './folders.ts';

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
  folders: Folders,
  prefix: string,
  { after = '', limit = Infinity, signal, onCorrupt }: ListOptions,
): AsyncGenerator<Entry> {
  let left = limit;
  let keys: string[] = [];
  const reader = new EntryReader(folders, onCorrupt);
  const read = async () => {
    const entries = await reader.read(keys);
    keys = [];
    return entries.filter((entry) => entry !== undefined).slice(0, left);
  };
  for await (const next of keysBelow(folders, prefix, { after, onCorrupt })) {
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

  constructor({ root, disk }: Folders, onCorrupt: ListOptions['onCorrupt']) {
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
  folders: Folders,
  folder: string,
  { after, onCorrupt }: WalkOptions,
): AsyncGenerator<Iterable<string>> {
  const below = folder === '' ? '' : `${folder}/`;
  const children = await folders.children(folder, onCorrupt);
  let next = firstBehind(children, below, after);
  while (next < children.length) {
    const child = children[next] ?? '';
    if (child.endsWith('/')) {
      next += 1;
      const name = child.slice(0, -1);
      if (isPart(name)) yield* keysBelow(folders, `${below}${name}`, { after, onCorrupt });
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
