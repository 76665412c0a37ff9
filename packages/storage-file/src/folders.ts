import type { Dirent } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@acmex/clock';
import { CorruptEntryError, type ListOptions } from '@acmex/storage';
import type { Disk } from './disk.ts';
import { isBesideKeys, mark } from './entry-file.ts';

/** A smaller folder is read as fast as it is looked up. */
const leastNames = 256;
/** How many names are remembered, of all folders together. */
const mostNames = 20_000;
/** Milliseconds: see `Disk.settledStamp`. */
const longestRead = 1000;

interface Listing {
  readonly stamp: string;
  readonly children: readonly string[];
}

/**
 * The folders of a storage. The names in the last large ones are remembered until the folders
 * change: each page of a list begins in the middle of one.
 */
export class Folders {
  readonly root: string;
  readonly disk: Disk;
  readonly #known = new Map<string, Listing>();

  constructor(root: string, disk: Disk) {
    this.root = root;
    this.disk = disk;
  }

  /**
   * The files of a folder by the part of their key, and the folders in it with a `/` behind their
   * name, in the order of the keys: a folder comes behind `a-` and `a.b`, and before `a0`.
   */
  async children(folder: string, onCorrupt: ListOptions['onCorrupt']): Promise<readonly string[]> {
    const path = join(this.root, folder);
    const known = this.#known.get(folder);
    if (known) {
      this.#known.delete(folder);
      if ((await this.disk.settledStamp(path)) === known.stamp) {
        this.#remember(folder, known);
        return known.children;
      }
    }
    const begun = systemClock.monotonic();
    let hasStray = false;
    const children = childrenIn(folder, await this.disk.list(path), (error) => {
      hasStray = true;
      onCorrupt?.(error);
    });
    if (hasStray || children.length < leastNames) return children;
    const stamp = await this.disk.settledStamp(path);
    if (stamp !== undefined && systemClock.monotonic() - begun < longestRead)
      this.#remember(folder, { stamp, children });
    return children;
  }

  #remember(folder: string, listing: Listing): void {
    this.#known.set(folder, listing);
    let names = 0;
    for (const [name, { children }] of [...this.#known].reverse()) {
      names += children.length;
      if (names > mostNames) this.#known.delete(name);
    }
  }
}

function childrenIn(
  folder: string,
  entries: readonly Dirent[],
  onStray: (error: CorruptEntryError) => void,
): readonly string[] {
  const children: string[] = [];
  for (const entry of entries) {
    const { name } = entry;
    if (folder === '' && isBesideKeys(name)) continue;
    if (entry.isDirectory()) children.push(`${name}/`);
    else if (name.endsWith(mark) && !entry.isSymbolicLink()) children.push(name.slice(0, -1));
    else onStray(strayError(join(folder, name)));
  }
  return children.sort();
}

export function strayError(path: string): CorruptEntryError {
  return new CorruptEntryError(path, 'it is not a file of this storage: move it elsewhere');
}
