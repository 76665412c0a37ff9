import {
  encode,
  integer,
  members,
  octets,
  octetString,
  parse,
  readPossiblyDamaged,
  sequence,
} from './asn1.ts';
import { decrypt, encrypt, type Encryption } from './encryption.ts';
import { KeystoreError } from './errors.ts';
import { workLimit } from './key-derivation.ts';
import { type Random, systemRandom } from './random.ts';

export interface KeyEncryptionOptions {
  readonly passphrase: string;
  /** Of PBKDF2 with HMAC-SHA-256; 600,000 by default, as OWASP recommends, and at most. */
  readonly iterations?: number | undefined;
  readonly random?: Random | undefined;
}

/**
 * Encrypts a private key with a passphrase: PBES2 with PBKDF2, HMAC-SHA-256 and AES-256. RFC 8018
 * §6.2
 * @param key PKCS#8, DER
 * @returns EncryptedPrivateKeyInfo, DER. RFC 5958 §3
 */
export async function encryptPrivateKey(
  key: Uint8Array,
  { passphrase, iterations = 600_000, random = systemRandom }: KeyEncryptionOptions,
): Promise<Uint8Array> {
  const limit = workLimit();
  return await encryptedKeyInfo(key, { passphrase, strength: 'strong', iterations, random, limit });
}

/**
 * Decrypts a private key: PBES2 with PBKDF2 or scrypt, AES or 3DES, and the schemes of PKCS#12.
 * @param encrypted EncryptedPrivateKeyInfo, DER
 * @returns PKCS#8, DER
 * @throws KeystoreError `ERR_KEYSTORE_FORMAT`, `ERR_KEYSTORE_PASSPHRASE`,
 * `ERR_KEYSTORE_ITERATIONS`, `ERR_KEYSTORE_ALGORITHM`
 */
export async function decryptPrivateKey(
  encrypted: Uint8Array,
  { passphrase }: { readonly passphrase: string },
): Promise<Uint8Array> {
  const options = { passphrase, limit: workLimit() };
  const key = await readPossiblyDamaged(() => decryptKeyInfo(encrypted, options));
  if (key) return key;
  throw new KeystoreError(
    'ERR_KEYSTORE_PASSPHRASE',
    'the key cannot be decrypted: the passphrase is wrong, or the file is damaged',
  );
}

/** Returns EncryptedPrivateKeyInfo, DER. */
export async function encryptedKeyInfo(
  key: Uint8Array,
  encryption: Encryption,
): Promise<Uint8Array> {
  const { algorithm, encrypted } = await encrypt(key, encryption);
  return encode(sequence(algorithm, octetString(encrypted)));
}

/** Returns the key, PKCS#8, DER; undefined where the passphrase is wrong. */
export async function decryptKeyInfo(
  encrypted: Uint8Array,
  options: Pick<Encryption, 'passphrase' | 'limit'>,
): Promise<Uint8Array | undefined> {
  const [algorithm, bytes] = members(parse(encrypted));
  const key = await decrypt(octets(bytes), algorithm, options);
  return key && isPrivateKeyInfo(key) ? key : undefined;
}

/** Whether bytes are `SEQUENCE { version, algorithm, OCTET STRING, … }`. RFC 5958 §2 */
function isPrivateKeyInfo(key: Uint8Array): boolean {
  try {
    const [version, algorithm, bytes] = members(parse(key));
    if (integer(version) > 1) return false;
    return members(algorithm).length > 0 && octets(bytes).length > 0;
  } catch {
    return false;
  }
}
