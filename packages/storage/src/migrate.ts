import { StorageError } from './errors.ts';
import type { Entry, Storage } from './storage.ts';

export interface MigrateOptions {
  /** Called after each entry. */
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
 * Copies every entry, in order, and reads each back. The source is never changed. Repeating it goes on where it ended.
 * Skipped, and said so: locks, entries that cannot be read, and keys under which the target holds something else.
 * Nobody else may write to either storage meanwhile.
 */
export async function migrate(from: Storage, to: Storage, { onProgress, signal }: MigrateOptions = {}): Promise<Migration> {
  let result: Migration = { copied: 0, present: 0, skipped: [], key: undefined };
  const tell = (news: Partial<Migration>) => {
    result = { ...result, ...news };
    onProgress?.(result);
  };
  const skip = (key: string, reason: string) => tell({ key, skipped: [...result.skipped, { key, reason }] });
  const onCorrupt = (error: Error) => skip(error instanceof Error && 'key' in error && typeof error.key === 'string' ? error.key : '?', error.message);

  for await (const entry of from.list('', { signal, onCorrupt })) {
    if (isLock(entry.key)) skip(entry.key, 'a lock belongs to the storage that it is in');
    else {
      const there = await to.get(entry.key, { signal });
      if (there && !same(there, entry)) skip(entry.key, 'the target holds something else under this key');
      else if (there) tell({ key: entry.key, present: result.present + 1 });
      else {
        await copy(entry, to, signal);
        tell({ key: entry.key, copied: result.copied + 1 });
      }
    }
  }
  return result;
}

/** Whether a key belongs to a lock, which neither migrates nor is restored. */
export function isLock(key: string): boolean {
  return key.startsWith('lock/');
}

/** Writes an entry that is not there and reads it back. @throws StorageError `ERR_STORAGE_CORRUPT` when something else came back */
export async function copy(entry: Entry, to: Storage, signal?: AbortSignal): Promise<void> {
  await to.write([{ set: entry.key, value: entry.value, secret: entry.secret, ifVersion: null }], { signal });
  const back = await to.get(entry.key, { signal });
  if (!back || !same(back, entry)) throw new StorageError('ERR_STORAGE_CORRUPT', `${entry.key} did not come back from the target as it was written`, { key: entry.key });
}

function same(a: Entry, b: Entry): boolean {
  return a.secret === b.secret && a.value.length === b.value.length && a.value.every((byte, at) => byte === b.value[at]);
}
