import { errorCode } from '@acmex/errors';
import { type Entry, isLock, type Storage } from '@acmex/storage';
import type { EncryptionKeyInput } from './encryption-key.ts';
import { open, seal, sealedWith } from './sealed-value.ts';
import { isOurs, type Keys, retireAllExcept, unlock } from './sentinel.ts';
import { writeCount } from './write-count.ts';

export interface RotateOptions {
  /** The first is the new key; the rest decrypt the existing entries. */
  readonly keys: readonly EncryptionKeyInput[];
  readonly onProgress?: ((progress: Rotation) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The result of a rotation, or its progress. */
export interface Rotation {
  /** Entries that were encrypted again. */
  readonly encrypted: number;
  /** Entries that were already encrypted with the new key. */
  readonly current: number;
  readonly skipped: readonly { readonly key: string; readonly reason: string }[];
}

/**
 * Encrypts every entry with the first key, while others read and write with any of the keys;
 * afterwards, if nothing was skipped, only the first key opens the storage. After an interruption a
 * second call continues. The versions of entries change, so a conditional write with an earlier
 * version fails.
 *
 * @param storage the driver, without encryption around it
 */
export function rotate(storage: Storage, options: RotateOptions): Promise<Rotation> {
  return reencrypt(storage, options, 'refused');
}

/** Encrypts a storage with unencrypted entries in place. No process may read or write meanwhile. */
export function encryptInPlace(storage: Storage, options: RotateOptions): Promise<Rotation> {
  return reencrypt(storage, options, 'allowed');
}

async function reencrypt(
  storage: Storage,
  { keys: inputs, onProgress, signal }: RotateOptions,
  inClear: 'refused' | 'allowed',
): Promise<Rotation> {
  const keys = await unlock(storage, inputs, { inClear, signal });
  const count = writeCount(storage, keys.current.id);
  let result: Rotation = { encrypted: 0, current: 0, skipped: [] };
  const report = (update: Partial<Rotation>) => {
    result = { ...result, ...update };
    onProgress?.(result);
  };
  const skip = (key: string, reason: string) =>
    report({ skipped: [...result.skipped, { key, reason }] });

  for await (const entry of storage.list('', {
    signal,
    onCorrupt: (error) => skip(keyIn(error), error.message),
  })) {
    if (isLock(entry.key) || isOurs(entry.key)) continue;
    try {
      const done = await reencryptEntry(storage, entry, { keys, inClear, count, signal });
      report(done ? { encrypted: result.encrypted + 1 } : { current: result.current + 1 });
    } catch (error) {
      if (
        !(error instanceof Error) ||
        !['ERR_STORAGE_CORRUPT', 'ERR_STORAGE_ENCRYPTION'].includes(errorCode(error) ?? '')
      )
        throw error;
      skip(entry.key, error.message);
    }
  }
  if (result.skipped.length === 0) await retireAllExcept(storage, keys.current, signal);
  return result;
}

interface Reencryption {
  readonly keys: Keys;
  readonly inClear: 'refused' | 'allowed';
  readonly count: ReturnType<typeof writeCount>;
  readonly signal: AbortSignal | undefined;
}

/** @returns false if the entry already has the new key, or was removed */
async function reencryptEntry(
  storage: Storage,
  first: Entry,
  { keys, inClear, count, signal }: Reencryption,
): Promise<boolean> {
  for (
    let entry: Entry | undefined = first;
    entry;
    entry = await storage.get(first.key, { signal })
  ) {
    const id = sealedWith(entry);
    if (id === keys.current.id) return false;
    const clear = id === undefined && inClear === 'allowed' ? entry : open(entry, keys.all);
    await count(1, signal);
    try {
      await storage.write(
        [{ set: entry.key, value: seal(clear, keys.current), ifVersion: entry.version }],
        { signal },
      );
      return true;
    } catch (error) {
      if (errorCode(error) !== 'ERR_STORAGE_CONFLICT') throw error;
    }
  }
  return false;
}

function keyIn(error: Error): string {
  return 'key' in error && typeof error.key === 'string' ? error.key : '?';
}
