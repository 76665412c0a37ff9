import { errorCode } from '@acmex/errors';
import { type Entry, StorageError } from '@acmex/storage';

/** How many bytes of values Redis puts into an answer before it ends the page. */
export const inPage = 1024 * 1024;

/** The keys in Redis. They share a hash tag, so that a Cluster stores them on the same node. */
export interface Keyspace {
  /** A sorted set of all keys with the score 0, and thus in the order of their bytes. */
  readonly index: string;
  /** A set of the snapshots that are being read. */
  readonly snapshots: string;
  /** The prefix of the keys of entries. */
  readonly entries: string;
  snapshot(id: string): string;
}

/** @throws StorageError `ERR_STORAGE_INPUT` */
export function keyspaceOf(prefix: string): Keyspace {
  if (!/^[\w.:-]{1,64}$/.test(prefix))
    throw new StorageError(
      'ERR_STORAGE_INPUT',
      `${JSON.stringify(prefix)} is not a valid prefix: use 1 to 64 of A-Z a-z 0-9 _ . : -`,
    );
  const tag = `{${prefix}}:`;
  return {
    index: `${tag}index`,
    snapshots: `${tag}snapshots`,
    entries: `${tag}entry:`,
    snapshot: (id) => `${tag}snapshot:${id}`,
  };
}

/** A key of the index, with the bytes of its entry; null if they are missing. */
export interface IndexedBytes {
  readonly key: string;
  readonly bytes: Buffer | null;
}

export interface Page<T> {
  /** Whether the range has no more entries after these. */
  readonly complete: boolean;
  readonly entries: readonly T[];
}

/** Decodes the page that a script answers with. */
export function toPage(answer: unknown): Page<IndexedBytes> {
  const [complete, flat] = answer as [number, (Buffer | null)[]];
  const entries: IndexedBytes[] = [];
  for (let at = 0; at < flat.length; at += 2)
    entries.push({ key: flat[at]?.toString('latin1') ?? '', bytes: flat[at + 1] ?? null });
  return { complete: complete === 1, entries };
}

/** Returns the entry; undefined if it is corrupt and `onCorrupt` was called with the error. */
export function readable(
  read: () => Entry,
  onCorrupt: ((error: Error) => void) | undefined,
): Entry | undefined {
  try {
    return read();
  } catch (error) {
    if (!onCorrupt || !(error instanceof Error) || errorCode(error) !== 'ERR_STORAGE_CORRUPT')
      throw error;
    onCorrupt(error);
    return undefined;
  }
}
