import { createHash, randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { StorageError } from '@acmex/storage';

/** A key of 256 bits. Its id is the first 8 bytes of its SHA-256, hexadecimal. */
export interface EncryptionKey {
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** A key, or a passphrase from which the key is derived with the salt in the storage. */
export type EncryptionKeyInput = EncryptionKey | { readonly passphrase: string };

const keyLength = 32;
const shortestPassphrase = 12;

/** Returns a new random key, and its text for a file or an environment variable. */
export function newEncryptionKey(): { readonly key: EncryptionKey; readonly text: string } {
  const bytes = randomBytes(keyLength);
  return { key: keyOf(bytes), text: bytes.toString('base64') };
}

/**
 * Parses a key.
 *
 * @param text 64 hexadecimal digits or 44 characters of base64; surrounding white space is ignored
 * @throws StorageError `ERR_STORAGE_ENCRYPTION`, which never quotes the text
 */
export function parseEncryptionKey(text: string): EncryptionKey {
  const trimmed = text.trim();
  if (/^[0-9a-f]{64}$/i.test(trimmed)) return keyOf(Buffer.from(trimmed, 'hex'));
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed)) return keyOf(Buffer.from(trimmed, 'base64'));
  throw new StorageError(
    'ERR_STORAGE_ENCRYPTION',
    `this is not a valid encryption key (${trimmed.length} characters): use 64 hexadecimal digits, or 32 bytes as base64; \`acmex storage new-key\` creates a key`,
  );
}

/**
 * The parameters of scrypt (RFC 7914) that derive a key from a passphrase; stored with the salt.
 */
export interface PassphraseSetting {
  /** base64 */
  readonly salt: string;
  readonly cost: number;
  readonly blockSize: number;
}

export function newPassphraseSetting(): PassphraseSetting {
  return { salt: randomBytes(16).toString('base64'), cost: 2 ** 17, blockSize: 8 };
}

/**
 * Validates a stored setting, and that its cost is limited.
 *
 * @throws TypeError
 */
export function passphraseSetting(read: unknown): PassphraseSetting {
  const { salt, cost, blockSize } = Object(read) as Readonly<
    Record<keyof PassphraseSetting, unknown>
  >;
  const within = (value: unknown, limit: number): value is number =>
    Number.isInteger(value) && Number(value) > 0 && Number(value) <= limit;
  if (
    typeof salt !== 'string' ||
    !within(cost, 2 ** 20) ||
    (cost & (cost - 1)) !== 0 ||
    !within(blockSize, 16)
  )
    throw new TypeError('its setting for passphrases is not valid');
  return { salt, cost, blockSize };
}

/**
 * Returns the key, or derives it from the passphrase, which takes half a second.
 *
 * @throws StorageError `ERR_STORAGE_ENCRYPTION` for a passphrase of fewer than 12 characters
 */
export async function resolveKey(
  input: EncryptionKeyInput,
  { salt, cost, blockSize }: PassphraseSetting,
): Promise<EncryptionKey> {
  if ('bytes' in input) return input;
  if (input.passphrase.length < shortestPassphrase)
    throw new StorageError(
      'ERR_STORAGE_ENCRYPTION',
      `the passphrase has ${input.passphrase.length} characters, and needs at least ${shortestPassphrase}`,
    );
  const derive: (
    password: string,
    salt: Uint8Array,
    length: number,
    options: { N: number; r: number; maxmem: number },
  ) => Promise<Buffer> = promisify(scrypt);
  return keyOf(
    await derive(input.passphrase.normalize('NFKC'), Buffer.from(salt, 'base64'), keyLength, {
      N: cost,
      r: blockSize,
      maxmem: 2 * 128 * cost * blockSize,
    }),
  );
}

function keyOf(bytes: Uint8Array): EncryptionKey {
  if (new Set(bytes).size < 8)
    throw new StorageError(
      'ERR_STORAGE_ENCRYPTION',
      'this encryption key is not random: `acmex storage new-key` creates a key',
    );
  return { id: createHash('sha256').update(bytes).digest('hex').slice(0, 16), bytes };
}
