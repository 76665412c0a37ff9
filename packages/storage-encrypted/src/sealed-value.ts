import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { CorruptEntryError, type Entry, StorageError } from '@acmex/storage';
import type { EncryptionKey } from './encryption-key.ts';

// mark (7) · flags (1) · key id (8) · nonce (12) · ciphertext · tag (16)
const mark = Buffer.from('acmexE1', 'latin1');
const [flagsAt, idAt, nonceAt, textAt, tagLength] = [7, 8, 16, 28, 16];
const secretFlag = 1;

/**
 * Encrypts the value of an entry: AES-256-GCM with a nonce of 96 random bits. The bytes before the
 * nonce and the key of the entry are authenticated too.
 */
export function seal(
  { key, value, secret }: Pick<Entry, 'key' | 'value' | 'secret'>,
  { id, bytes }: EncryptionKey,
): Uint8Array {
  const sealed = Buffer.alloc(textAt + value.length + tagLength);
  mark.copy(sealed);
  sealed[flagsAt] = secret ? secretFlag : 0;
  sealed.write(id, idAt, 'hex');
  sealed.set(randomNonce(), nonceAt);
  const nonce = sealed.subarray(nonceAt, textAt);
  const cipher = createCipheriv('aes-256-gcm', bytes, nonce).setAAD(
    bound(sealed.subarray(0, nonceAt), key),
  );
  sealed.set(cipher.update(value), textAt);
  cipher.final();
  sealed.set(cipher.getAuthTag(), textAt + value.length);
  return sealed;
}

/** Random bytes for the next nonces: to get them one by one takes a fifth of an encryption. */
let nonces = Buffer.alloc(0);

function randomNonce(): Uint8Array {
  const length = textAt - nonceAt;
  if (nonces.length < length) nonces = randomBytes(256 * length);
  const nonce = nonces.subarray(0, length);
  nonces = nonces.subarray(length);
  return nonce;
}

/** Returns the id of the key that encrypted a value; undefined if it is not encrypted. */
export function sealedWith({ value }: Pick<Entry, 'value'>): string | undefined {
  if (value.length < textAt + tagLength || !mark.equals(value.subarray(0, mark.length)))
    return undefined;
  return Buffer.from(value.subarray(idAt, nonceAt)).toString('hex');
}

/**
 * Decrypts an entry.
 *
 * @throws StorageError `ERR_STORAGE_ENCRYPTION` if it is not encrypted, or its key is not among
 * `keys`
 * @throws CorruptEntryError if it was altered or moved
 */
export function open(entry: Entry, keys: ReadonlyMap<string, EncryptionKey>): Entry {
  const id = sealedWith(entry);
  if (id === undefined)
    throw new StorageError(
      'ERR_STORAGE_ENCRYPTION',
      `${entry.key} is not encrypted, although the storage is: a program wrote it without encryption; remove it, or restore it from a backup`,
      { key: entry.key },
    );
  const key = keys.get(id);
  if (!key)
    throw new StorageError(
      'ERR_STORAGE_ENCRYPTION',
      `${entry.key} is encrypted with the key ${id}, which is not configured: add that key`,
      { key: entry.key },
    );
  const { value } = entry;
  const decipher = createDecipheriv('aes-256-gcm', key.bytes, value.subarray(nonceAt, textAt), {
    authTagLength: tagLength,
  })
    .setAAD(bound(value.subarray(0, nonceAt), entry.key))
    .setAuthTag(value.subarray(-tagLength));
  try {
    const clear = Buffer.concat([
      decipher.update(value.subarray(textAt, -tagLength)),
      decipher.final(),
    ]);
    return {
      ...entry,
      value: new Uint8Array(clear),
      secret: ((value[flagsAt] ?? 0) & secretFlag) !== 0,
    };
  } catch (cause) {
    throw new CorruptEntryError(entry.key, 'it was altered, or moved from a different key', {
      cause,
    });
  }
}

function bound(head: Uint8Array, key: string): Uint8Array {
  return Buffer.concat([head, Buffer.from(key, 'latin1')]);
}
