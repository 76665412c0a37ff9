import { errorCode } from '@acmex/errors';
import { type Entry, StorageError } from '@acmex/storage';

/** How many bytes of values Redis puts into one answer before it stops. */
export const inPage = 1024 * 1024;

/** The keys in Redis. They share a hash tag, so that a Cluster keeps them on one node. */
export interface Keyspace {
  /** A sorted set of all keys, all with the score 0: their order is that of their bytes. */
  readonly index: string;
  /** A set of the snapshots that are being read. */
  readonly snapshots: string;
  /** What stands before a key. */
  readonly entries: string;
  snapshot(id: string): string;
}

/** @throws StorageError `ERR_STORAGE_INPUT` */
export function keyspaceOf(prefix: string): Keyspace {
  if (!/^[\w.:-]{1,64}$/.test(prefix))
    throw new StorageError(
      'ERR_STORAGE_INPUT',
      `${JSON.stringify(prefix)} is no prefix: write 1 to 64 of A-Z a-z 0-9 _ . : -`,
    );
  const tag = `{${prefix}}:`;
  return {
    index: `${tag}index`,
    snapshots: `${tag}snapshots`,
    entries: `${tag}entry:`,
    snapshot: (id) => `${tag}snapshot:${id}`,
  };
}

export interface Found {
  readonly key: string;
  readonly bytes: Buffer | null;
}

/** A page as the scripts answer with it. */
export function entriesIn(answer: unknown): {
  readonly complete: boolean;
  readonly found: readonly Found[];
} {
  const [complete, flat] = answer as [number, (Buffer | null)[]];
  const found: Found[] = [];
  for (let at = 0; at < flat.length; at += 2)
    found.push({ key: flat[at]?.toString('latin1') ?? '', bytes: flat[at + 1] ?? null });
  return { complete: complete === 1, found };
}

/** The entry, or undefined where it cannot be read and somebody wants to be told so. */
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
