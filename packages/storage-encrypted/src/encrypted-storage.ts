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
  /** The first key encrypts; all of them decrypt. */
  readonly keys: readonly EncryptionKeyInput[];
  readonly signal?: AbortSignal | undefined;
}

const largestValue = 1024 * 1024;

/**
 * Encrypts the values of any storage: AES-256-GCM, with a new nonce for each write; the storage's
 * key and the encryption key's id are authenticated, so that no value can be moved to a different
 * key. Secrets reach the inner storage encrypted and unmarked.
 *
 * Keys, sizes and the time of writes are not hidden. A value that is replaced by its older version
 * is not detected. Locks are not encrypted: they contain no secret, and encrypting a lock again
 * would take it from its holder. The key `encryption` and the keys below it are reserved for the
 * encryption.
 *
 * @throws StorageError `ERR_STORAGE_ENCRYPTION` for a wrong key, and for a storage with unencrypted
 * entries
 */
export async function encryptedStorage(
  storage: Storage,
  { keys: inputs, signal }: EncryptedStorageOptions,
): Promise<Storage> {
  const secret = new Secret(storage, inputs);
  await secret.toRead(signal);

  return {
    async get(key, options) {
      checkedNotReserved(checkedKey(key));
      const keys = await secret.toRead(options?.signal);
      const entry = keys && (await storage.get(key, options));
      return entry && clear(entry, keys);
    },
    async *list(prefix, { limit = Infinity, ...options } = {}) {
      if (checkedPrefix(prefix) !== '') checkedNotReserved(prefix);
      let left = limit;
      const keys = left > 0 ? await secret.toRead(options.signal) : undefined;
      if (!keys) return;
      for await (const entry of inClear(
        storage.list(prefix, prefix === '' ? options : { ...options, limit }),
        keys,
        options,
      )) {
        yield entry;
        if (--left <= 0) return;
      }
    },
    async *snapshot(options = {}) {
      const keys = await secret.toRead(options.signal);
      if (keys) yield* inClear(storage.snapshot(options), keys, options);
    },
    async write(changes, options) {
      options?.signal?.throwIfAborted();
      const copied = checkedChanges(changes).map(copyOf);
      const { keys, count } = await secret.toWrite(options?.signal);
      const sealed = copied.map((change) => encrypted(change, keys));
      await count(sealed.filter((change) => 'set' in change).length, options?.signal);
      return await storage.write(sealed, options);
    },
    [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose](),
  };
}

/** The keys of a storage. The first write to an empty storage begins the encryption. */
class Secret {
  readonly #storage: Storage;
  readonly #inputs: readonly EncryptionKeyInput[];
  #keys: Keys | undefined;
  #writing: Promise<Writing> | undefined;

  constructor(storage: Storage, inputs: readonly EncryptionKeyInput[]) {
    this.#storage = storage;
    this.#inputs = inputs;
  }

  /** @returns undefined where the storage is empty, and so nothing to read */
  async toRead(signal: AbortSignal | undefined): Promise<Keys | undefined> {
    signal?.throwIfAborted();
    const options = { inClear: 'refused', create: false, signal } as const;
    this.#keys ??= await unlock(this.#storage, this.#inputs, options);
    return this.#keys;
  }

  async toWrite(signal: AbortSignal | undefined): Promise<Writing> {
    signal?.throwIfAborted();
    this.#writing ??= this.#beginWriting();
    return await this.#writing.catch((error: unknown) => {
      this.#writing = undefined;
      throw error;
    });
  }

  async #beginWriting(): Promise<Writing> {
    const keys = this.#keys ?? (await unlock(this.#storage, this.#inputs, { inClear: 'refused' }));
    this.#keys = keys;
    return { keys, count: writeCount(this.#storage, keys.current.id) };
  }
}

interface Writing {
  readonly keys: Keys;
  readonly count: ReturnType<typeof writeCount>;
}

/** A copy, before anything is awaited: the caller may continue with its bytes. */
function copyOf(change: Change): Change {
  return 'set' in change ? { ...change, value: Uint8Array.from(change.value) } : change;
}

function checkedNotReserved(key: string): string {
  if (isOurs(key))
    throw new StorageError(
      'ERR_STORAGE_INPUT',
      `${key} is reserved for the encryption: choose a different key`,
      { key },
    );
  return key;
}

function encrypted(change: Change, { current }: Keys): Change {
  checkedNotReserved(keyOf(change));
  if (!('set' in change) || isLock(change.set)) return change;
  if (change.value.length > largestValue)
    throw new StorageError(
      'ERR_STORAGE_INPUT',
      `the value of ${change.set} has ${change.value.length} bytes: the limit is 1 MiB`,
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
    const opened = openUnlessCorrupt(entry, keys, onCorrupt);
    if (opened) yield opened;
  }
}

function openUnlessCorrupt(
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
