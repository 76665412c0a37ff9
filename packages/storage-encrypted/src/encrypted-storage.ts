import { errorCode } from '@acmex/errors';
import {
  checkedChanges,
  checkedKey,
  checkedPrefix,
  type Change,
  type Entry,
  isLock,
  keyOf,
  type ReadManyOptions,
  type Storage,
  StorageError,
} from '@acmex/storage';
import type { EncryptionKeyInput } from './encryption-key.ts';
import { open, seal } from './sealed-value.ts';
import { isOurs, type Keys, unlock } from './sentinel.ts';
import { writeCount } from './write-count.ts';

export interface EncryptedStorageOptions {
  /** The first encrypts; all of them decrypt. */
  readonly keys: readonly EncryptionKeyInput[];
  readonly signal?: AbortSignal | undefined;
}

const largestValue = 1024 * 1024;

/**
 * Encryption around any storage: AES-256-GCM, a fresh nonce for each write; the storage's key and the encryption key's id are
 * authenticated, so that no value can be moved to another key. Marked secrets reach the storage encrypted and so unmarked.
 *
 * Not hidden: keys, sizes, and when something is written. Not noticed: one value put back to what it was earlier. Locks stay
 * in clear: they hold no secret, and re-encrypting one would take it from its holder. `encryption` and what lies below it
 * belong to the encryption itself.
 * @throws StorageError `ERR_STORAGE_ENCRYPTION` for a wrong key, and for a storage that holds entries in clear
 */
export async function encryptedStorage(
  storage: Storage,
  { keys: inputs, signal }: EncryptedStorageOptions,
): Promise<Storage> {
  const keys = await unlock(storage, inputs, { inClear: 'refused', signal });
  const count = writeCount(storage, keys.current.id);

  return {
    async get(key, options) {
      const entry = await storage.get(ours(checkedKey(key)), options);
      return entry && clear(entry, keys);
    },
    async *list(prefix, { limit = Infinity, ...options } = {}) {
      if (checkedPrefix(prefix) !== '') ours(prefix);
      let left = limit;
      if (left <= 0) return;
      for await (const entry of inClear(
        storage.list(prefix, prefix === '' ? options : { ...options, limit }),
        keys,
        options,
      )) {
        yield entry;
        if (--left <= 0) return;
      }
    },
    snapshot: (options) => inClear(storage.snapshot(options), keys, options),
    async write(changes, options) {
      options?.signal?.throwIfAborted();
      const sealed = checkedChanges(changes).map((change) => encrypted(change, keys));
      await count(sealed.filter((change) => 'set' in change).length, options?.signal);
      return await storage.write(sealed, options);
    },
    [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose](),
  };
}

function ours(key: string): string {
  if (isOurs(key))
    throw new StorageError(
      'ERR_STORAGE_INPUT',
      `${key} belongs to the encryption: choose another key`,
      { key },
    );
  return key;
}

function encrypted(change: Change, { current }: Keys): Change {
  ours(keyOf(change));
  if (!('set' in change) || isLock(change.set)) return change;
  if (change.value.length > largestValue)
    throw new StorageError(
      'ERR_STORAGE_INPUT',
      `the value of ${change.set} has ${change.value.length} bytes, and may have 1 MiB`,
      { key: change.set },
    );
  return {
    set: change.set,
    ifVersion: change.ifVersion,
    value: seal({ key: change.set, value: change.value, secret: change.secret ?? false }, current),
  };
}

function clear(entry: Entry, keys: Keys): Entry {
  return isLock(entry.key) ? entry : open(entry, keys.all);
}

async function* inClear(
  entries: AsyncIterable<Entry>,
  keys: Keys,
  { onCorrupt }: ReadManyOptions = {},
): AsyncGenerator<Entry> {
  for await (const entry of entries) {
    if (isOurs(entry.key)) continue;
    const opened = opening(entry, keys, onCorrupt);
    if (opened) yield opened;
  }
}

function opening(
  entry: Entry,
  keys: Keys,
  onCorrupt: ReadManyOptions['onCorrupt'],
): Entry | undefined {
  try {
    return clear(entry, keys);
  } catch (error) {
    if (!onCorrupt || !(error instanceof Error) || !errorCode(error)?.startsWith('ERR_STORAGE_'))
      throw error;
    onCorrupt(error);
    return undefined;
  }
}
