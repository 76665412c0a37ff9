import { createHash, randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { StorageError } from '@acmex/storage';

/** A key of 256 bits, by its name: the first 8 bytes of its SHA-256, hexadecimal. */
export interface EncryptionKey {
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** A key as it is given: ready, or as a passphrase, of which a key is made with the salt that the storage keeps. */
export type EncryptionKeyInput = EncryptionKey | { readonly passphrase: string };

const keyLength = 32;
const shortestPassphrase = 12;

/** A new random key, and its text for a file or an environment variable. */
export function newEncryptionKey(): { readonly key: EncryptionKey; readonly text: string } {
  const bytes = randomBytes(keyLength);
  return { key: keyOf(bytes), text: bytes.toString('base64') };
}

/**
 * Reads a key.
 * @param text 64 hexadecimal digits or 44 characters of base64; white space around them is passed over
 * @throws StorageError `ERR_STORAGE_ENCRYPTION`, which never quotes the text
 */
export function parseEncryptionKey(text: string): EncryptionKey {
  const trimmed = text.trim();
  if (/^[0-9a-f]{64}$/i.test(trimmed)) return keyOf(Buffer.from(trimmed, 'hex'));
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed)) return keyOf(Buffer.from(trimmed, 'base64'));
  throw new StorageError(
    'ERR_STORAGE_ENCRYPTION',
    `this is no encryption key (${trimmed.length} characters): give 64 hexadecimal digits, or 32 bytes as base64; \`acmex storage new-key\` makes one`,
  );
}

/** How a key is made of a passphrase: scrypt (RFC 7914), with numbers that are kept beside the salt. */
export interface PassphraseSetting {
  /** base64 */
  readonly salt: string;
  readonly cost: number;
  readonly blockSize: number;
}

export function newPassphraseSetting(): PassphraseSetting {
  return { salt: randomBytes(16).toString('base64'), cost: 2 ** 17, blockSize: 8 };
}

/** What was read, where it is a setting that can be computed. @throws TypeError */
export function passphraseSetting(read: unknown): PassphraseSetting {
  const { salt, cost, blockSize } = Object(read) as Readonly<
    Record<keyof PassphraseSetting, unknown>
  >;
  const within = (value: unknown, most: number): value is number =>
    Number.isInteger(value) && Number(value) > 0 && Number(value) <= most;
  if (
    typeof salt !== 'string' ||
    !within(cost, 2 ** 20) ||
    (cost & (cost - 1)) !== 0 ||
    !within(blockSize, 16)
  )
    throw new TypeError('its setting for passphrases is none');
  return { salt, cost, blockSize };
}

/** The key itself, or the one that is made of the passphrase: half a second. @throws StorageError `ERR_STORAGE_ENCRYPTION` for a passphrase under 12 characters */
export async function resolveKey(
  input: EncryptionKeyInput,
  { salt, cost, blockSize }: PassphraseSetting,
): Promise<EncryptionKey> {
  if ('bytes' in input) return input;
  if (input.passphrase.length < shortestPassphrase)
    throw new StorageError(
      'ERR_STORAGE_ENCRYPTION',
      `the passphrase has ${input.passphrase.length} characters, and needs ${shortestPassphrase}`,
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
      'this encryption key is not random: `acmex storage new-key` makes one',
    );
  return { id: createHash('sha256').update(bytes).digest('hex').slice(0, 16), bytes };
}
