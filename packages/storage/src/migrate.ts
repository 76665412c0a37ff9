import { StorageError } from './errors.ts';
import type { Entry, Storage } from './storage.ts';

export interface MigrateOptions {
  /** Called after each batch of entries. */
  readonly onProgress?: ((progress: Migration) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a migration has done. */
export interface Migration {
  /** Written now and read back. */
  readonly copied: number;
  /** Already there with the same bytes: an earlier run was cut short. */
  readonly present: number;
  readonly skipped: readonly { readonly key: string; readonly reason: string }[];
  /** The key that was looked at last. */
  readonly key: string | undefined;
}

/**
 * Copies every entry, in order, and reads each back. The source is never changed. Repeating it goes
 * on where it ended. Skipped, and said so: locks, entries that cannot be read, and keys under which
 * the target holds something else. No one else may write to either storage meanwhile.
 */
export async function migrate(
  from: Storage,
  to: Storage,
  { onProgress, signal }: MigrateOptions = {},
): Promise<Migration> {
  const skipped: { readonly key: string; readonly reason: string }[] = [];
  let [copied, present] = [0, 0];
  let last: string | undefined;
  const result = (): Migration => ({ copied, present, skipped: [...skipped], key: last });
  const onCorrupt = (error: Error) => {
    skipped.push({
      key: 'key' in error && typeof error.key === 'string' ? error.key : '?',
      reason: error.message,
    });
  };
  const isWanted = ({ key }: Entry) => {
    if (isLock(key)) skipped.push({ key, reason: 'a lock belongs to the storage that it is in' });
    return !isLock(key);
  };

  for await (const batch of inBatches(from.list('', { signal, onCorrupt }))) {
    const wanted = batch.filter(isWanted);
    signal?.throwIfAborted();
    const there = await Promise.all(wanted.map(({ key }) => to.get(key)));
    const missing = wanted.filter((_, at) => there[at] === undefined);
    for (const [at, entry] of wanted.entries()) {
      const existing = there[at];
      if (existing && same(existing, entry)) present += 1;
      else if (existing)
        skipped.push({ key: entry.key, reason: 'the target holds something else under this key' });
    }
    await copy(missing, to, signal);
    copied += missing.length;
    last = batch.at(-1)?.key;
    onProgress?.(result());
  }
  return result();
}

const batchLimit = { entries: 100, bytes: 4 * 1024 * 1024 };

/** As many entries as go into one write, and no more bytes than fit into the memory. */
export async function* inBatches(entries: AsyncIterable<Entry>): AsyncGenerator<readonly Entry[]> {
  let batch: Entry[] = [];
  let bytes = 0;
  for await (const entry of entries) {
    batch.push(entry);
    bytes += entry.value.length;
    if (batch.length < batchLimit.entries && bytes < batchLimit.bytes) continue;
    yield batch;
    [batch, bytes] = [[], 0];
  }
  if (batch.length > 0) yield batch;
}

/** Whether a key belongs to a lock, which neither migrates nor is restored. */
export function isLock(key: string): boolean {
  return key.startsWith('lock/');
}

/**
 * Writes entries that are not there, in one write, and reads them back.
 * @throws StorageError `ERR_STORAGE_CORRUPT` when something else came back
 */
export async function copy(
  entries: readonly Entry[],
  to: Storage,
  signal?: AbortSignal,
): Promise<void> {
  await to.write(
    entries.map(({ key, value, secret }) => ({ set: key, value, secret, ifVersion: null })),
    { signal },
  );
  const back = await Promise.all(entries.map(({ key }) => to.get(key)));
  for (const [at, entry] of entries.entries()) {
    const copied = back[at];
    if (!copied || !same(copied, entry))
      throw new StorageError(
        'ERR_STORAGE_CORRUPT',
        `${entry.key} did not come back from the target as it was written`,
        { key: entry.key },
      );
  }
}

function same(a: Entry, b: Entry): boolean {
  return (
    a.secret === b.secret &&
    a.value.length === b.value.length &&
    a.value.every((byte, at) => byte === b.value[at])
  );
}
