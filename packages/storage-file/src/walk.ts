import { join } from 'node:path';
import { CorruptEntryError, type Entry, type ListOptions } from '@acmex/storage';
import type { Disk } from './disk.ts';
import { entryIn, fileOf, isPart, partOf } from './entry-file.ts';

/** How many files are read at once. */
const atOnce = 16;

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
  const read = async () => {
    const entries = await Promise.all(keys.map((key) => entryAt(root, disk, key, onCorrupt)));
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

async function entryAt(
  root: string,
  disk: Disk,
  key: string,
  onCorrupt: ListOptions['onCorrupt'],
): Promise<Entry | undefined> {
  try {
    const bytes = await disk.read(fileOf(root, key));
    return bytes && entryIn(key, bytes);
  } catch (error) {
    if (!onCorrupt || !(error instanceof Error)) throw error;
    onCorrupt(error);
    return undefined;
  }
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
