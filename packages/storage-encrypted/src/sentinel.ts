import { errorCode } from '@acmex/errors';
import { isLock, jsonRecord, type Storage, StorageError } from '@acmex/storage';
import {
  type EncryptionKey,
  type EncryptionKeyInput,
  newPassphraseSetting,
  type PassphraseSetting,
  passphraseSetting,
  resolveKey,
} from './encryption-key.ts';
import { open, seal } from './sealed-value.ts';

/**
 * The unencrypted record of an encrypted storage: its keys, and how keys are derived from
 * passphrases.
 */
interface Sentinel {
  readonly passphrases: PassphraseSetting;
  /** A known text encrypted with each key, base64, by the key's id. */
  readonly keys: Readonly<Record<string, string>>;
}

export const sentinelKey = 'encryption';
const record = jsonRecord<Sentinel>({
  kind: 'sentinel of encryption',
  version: 1,
  check(read) {
    const { passphrases, keys } = read as Readonly<Record<keyof Sentinel, unknown>>;
    const texts = Object.entries(Object(keys) as object).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    );
    return { passphrases: passphraseSetting(passphrases), keys: Object.fromEntries(texts) };
  },
});
const knownText = new TextEncoder().encode('acmex');

/** Reports whether a key is reserved for the encryption, and hidden from lists. */
export function isOurs(key: string): boolean {
  return key === sentinelKey || key.startsWith(`${sentinelKey}/`);
}

/** The configured keys; `current` encrypts. */
export interface Keys {
  readonly current: EncryptionKey;
  readonly all: ReadonlyMap<string, EncryptionKey>;
}

export interface UnlockOptions {
  /** Whether unencrypted entries are allowed in a storage without a sentinel. */
  readonly inClear: 'refused' | 'allowed';
  /** Whether the sentinel is created in a storage that is empty; true by default. */
  readonly create?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads the sentinel, or creates it if the storage is empty. Adds the first key to the sentinel if
 * a different configured key is already there.
 *
 * @returns undefined for a storage that is empty, unless the sentinel is to be created
 * @throws StorageError `ERR_STORAGE_ENCRYPTION`
 */
export async function unlock(
  storage: Storage,
  inputs: readonly EncryptionKeyInput[],
  options: UnlockOptions & { readonly create?: true },
): Promise<Keys>;
export async function unlock(
  storage: Storage,
  inputs: readonly EncryptionKeyInput[],
  options: UnlockOptions,
): Promise<Keys | undefined>;
export async function unlock(
  storage: Storage,
  inputs: readonly EncryptionKeyInput[],
  { inClear, create = true, signal }: UnlockOptions,
): Promise<Keys | undefined> {
  if (inputs.length === 0)
    throw new StorageError(
      'ERR_STORAGE_ENCRYPTION',
      'no encryption key is configured: `acmex storage new-key` creates a key',
    );
  for (;;) {
    const entry = await storage.get(sentinelKey, { signal });
    if (!entry && inClear === 'refused' && (await hasEntries(storage, signal))) {
      // Another process has created it meanwhile, before any entry that is encrypted.
      if (await storage.get(sentinelKey, { signal })) continue;
      throw new StorageError(
        'ERR_STORAGE_ENCRYPTION',
        'the storage has entries that are not encrypted: `acmex storage encrypt` encrypts them in place',
      );
    }
    if (!entry && !create) return undefined;
    const sentinel = entry ? record.read(entry) : { passphrases: newPassphraseSetting(), keys: {} };
    const keys = await Promise.all(inputs.map((input) => resolveKey(input, sentinel.passphrases)));
    const [current] = keys;
    if (!current) return undefined;
    const known = keys.filter((key) => provesItself(key, sentinel));
    if (entry && known.length === 0)
      throw new StorageError(
        'ERR_STORAGE_ENCRYPTION',
        `the storage is encrypted with the key ${Object.keys(sentinel.keys).join(' or ')}, not with ${keys.map(({ id }) => id).join(' or ')}: configure that key`,
      );
    const result = { current, all: new Map(keys.map((key) => [key.id, key])) };
    if (known.includes(current)) return result;
    const joined: Sentinel = {
      ...sentinel,
      keys: { ...sentinel.keys, [current.id]: proof(current) },
    };
    if (await replaced(storage, joined, entry?.version ?? null, signal)) return result;
  }
}

/** Removes all keys but the given key from the sentinel. */
export async function retireAllExcept(
  storage: Storage,
  { id }: EncryptionKey,
  signal?: AbortSignal,
): Promise<void> {
  for (;;) {
    const entry = await storage.get(sentinelKey, { signal });
    if (!entry) return;
    const sentinel = record.read(entry);
    const { [id]: keyProof } = sentinel.keys;
    if (
      keyProof === undefined ||
      (await replaced(storage, { ...sentinel, keys: { [id]: keyProof } }, entry.version, signal))
    )
      return;
  }
}

async function replaced(
  storage: Storage,
  sentinel: Sentinel,
  ifVersion: string | null,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    await storage.write([{ set: sentinelKey, value: record.bytes(sentinel), ifVersion }], {
      signal,
    });
    return true;
  } catch (error) {
    if (errorCode(error) === 'ERR_STORAGE_CONFLICT') return false;
    throw error;
  }
}

async function hasEntries(storage: Storage, signal: AbortSignal | undefined): Promise<boolean> {
  for await (const { key } of storage.list('', { signal }))
    if (!isLock(key) && !isOurs(key)) return true;
  return false;
}

function proof(key: EncryptionKey): string {
  return Buffer.from(seal({ key: sentinelKey, value: knownText, secret: false }, key)).toString(
    'base64',
  );
}

function provesItself(key: EncryptionKey, { keys }: Sentinel): boolean {
  const { [key.id]: text } = keys;
  if (text === undefined) return false;
  open(
    { key: sentinelKey, value: Buffer.from(text, 'base64'), version: '', secret: false },
    new Map([[key.id, key]]),
  );
  return true;
}
