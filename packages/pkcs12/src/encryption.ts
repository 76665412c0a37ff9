import { createCipheriv, createDecipheriv } from 'node:crypto';
import {
  type Asn1,
  damaged,
  identifierValue,
  integer,
  isInteger,
  members,
  nullValue,
  numberValue,
  objectIdentifier,
  octets,
  octetString,
  sequence,
} from './asn1.ts';
import { KeystoreError } from './errors.ts';
import {
  bmpPassphrase,
  type Hash,
  pbkdf2Key,
  pkcs12Key,
  scryptKey,
  type WorkLimit,
} from './key-derivation.ts';
import type { Random } from './random.ts';
import { decryptRc2 } from './rc2.ts';

const pbes2 = '1.2.840.113549.1.5.13';
const pbkdf2 = '1.2.840.113549.1.5.12';
const scrypt = '1.3.6.1.4.1.11591.4.11';
const aes256Cbc = '2.16.840.1.101.3.4.1.42';
const hmacWithSha256 = '1.2.840.113549.2.9';
const sha1With3Des = '1.2.840.113549.1.12.1.3';

/** RFC 8018 §B.1.2; a missing PRF is HMAC-SHA-1. */
const pseudorandomFunctions: Readonly<Record<string, Hash>> = {
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.8': 'sha224',
  [hmacWithSha256]: 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
};

/** RFC 8018 §B.2, RFC 3565 §4.1 */
const ciphers: Readonly<Record<string, { readonly name: string; readonly keyLength: number }>> = {
  '1.2.840.113549.3.7': { name: 'des-ede3-cbc', keyLength: 24 },
  '2.16.840.1.101.3.4.1.2': { name: 'aes-128-cbc', keyLength: 16 },
  '2.16.840.1.101.3.4.1.22': { name: 'aes-192-cbc', keyLength: 24 },
  [aes256Cbc]: { name: 'aes-256-cbc', keyLength: 32 },
};

/** The schemes of PKCS#12, which hash by SHA-1. RFC 7292 appendix C */
const pkcs12Schemes: Readonly<
  Record<string, { readonly cipher: string; readonly keyLength: number }>
> = {
  [sha1With3Des]: { cipher: 'des-ede3-cbc', keyLength: 24 },
  '1.2.840.113549.1.12.1.4': { cipher: 'des-ede-cbc', keyLength: 16 },
  '1.2.840.113549.1.12.1.5': { cipher: 'rc2', keyLength: 16 },
  '1.2.840.113549.1.12.1.6': { cipher: 'rc2', keyLength: 5 },
};

export interface Encryption {
  readonly passphrase: string;
  /** `strong`: PBES2 with PBKDF2, HMAC-SHA-256 and AES-256. `legacy`: 3DES and SHA-1. */
  readonly strength: 'strong' | 'legacy';
  readonly iterations: number;
  readonly random: Random;
  readonly limit: WorkLimit;
}

/**
 * Encrypts bytes with a passphrase.
 * @returns the AlgorithmIdentifier, and the encrypted bytes
 */
export async function encrypt(
  clear: Uint8Array,
  { passphrase, strength, iterations, random, limit }: Encryption,
): Promise<{ readonly algorithm: Asn1; readonly encrypted: Uint8Array }> {
  const salt = random(16);
  if (strength === 'legacy') {
    const parameters = { hash: 'sha1', salt, iterations } as const;
    const secret = bmpPassphrase(passphrase);
    const key = await pkcs12Key(secret, parameters, { purpose: 'key', length: 24, limit });
    const vector = await pkcs12Key(secret, parameters, { purpose: 'vector', length: 8, limit });
    return {
      algorithm: sequence(
        identifierValue(sha1With3Des),
        sequence(octetString(salt), numberValue(iterations)),
      ),
      encrypted: ciphered('des-ede3-cbc', clear, { key, vector }),
    };
  }
  const vector = random(16);
  const parameters = { hash: 'sha256', salt, iterations } as const;
  const key = await pbkdf2Key(passphrase, parameters, { length: 32, limit });
  const derivation = sequence(
    octetString(salt),
    numberValue(iterations),
    sequence(identifierValue(hmacWithSha256), nullValue()),
  );
  return {
    algorithm: sequence(
      identifierValue(pbes2),
      sequence(
        sequence(identifierValue(pbkdf2), derivation),
        sequence(identifierValue(aes256Cbc), octetString(vector)),
      ),
    ),
    encrypted: ciphered('aes-256-cbc', clear, { key, vector }),
  };
}

interface CipherKey {
  readonly key: Uint8Array;
  readonly vector: Uint8Array;
}

function ciphered(name: string, clear: Uint8Array, { key, vector }: CipherKey): Uint8Array {
  const cipher = createCipheriv(name, key, vector);
  const encrypted = Buffer.concat([cipher.update(clear), cipher.final()]);
  key.fill(0);
  return encrypted;
}

/**
 * Decrypts what `encrypt` or another program has encrypted.
 * @param algorithm the AlgorithmIdentifier
 * @returns undefined where the passphrase is wrong or the bytes were changed: the padding shows it,
 * in all cases but about one of 256
 * @throws KeystoreError `ERR_KEYSTORE_ALGORITHM`, `ERR_KEYSTORE_ITERATIONS`, `ERR_KEYSTORE_FORMAT`
 */
export async function decrypt(
  encrypted: Uint8Array,
  algorithm: Asn1 | undefined,
  { passphrase, limit }: Pick<Encryption, 'passphrase' | 'limit'>,
): Promise<Uint8Array | undefined> {
  const [identifier, parameters] = members(algorithm);
  const name = objectIdentifier(identifier);
  if (name === pbes2) return await decryptPbes2(encrypted, members(parameters), passphrase, limit);
  const scheme = pkcs12Schemes[name];
  if (!scheme) throw unsupported('cipher', name);
  const [salt, count] = members(parameters);
  const derivation = { hash: 'sha1', salt: octets(salt), iterations: integer(count) } as const;
  const secret = bmpPassphrase(passphrase);
  const { cipher, keyLength: length } = scheme;
  const key = await pkcs12Key(secret, derivation, { purpose: 'key', length, limit });
  const vector = await pkcs12Key(secret, derivation, { purpose: 'vector', length: 8, limit });
  if (cipher === 'rc2') return decryptRc2(encrypted, { key, vector, effectiveBits: 8 * length });
  return deciphered(cipher, encrypted, { key, vector });
}

async function decryptPbes2(
  encrypted: Uint8Array,
  [derivation, scheme]: readonly Asn1[],
  passphrase: string,
  limit: WorkLimit,
): Promise<Uint8Array | undefined> {
  const [cipherIdentifier, vector] = members(scheme);
  const cipherName = objectIdentifier(cipherIdentifier);
  const cipher = ciphers[cipherName];
  if (!cipher) throw unsupported('cipher', cipherName);
  const key = await derivedKey(members(derivation), { passphrase, limit, ...cipher });
  return deciphered(cipher.name, encrypted, { key, vector: octets(vector) });
}

async function derivedKey(
  [identifier, parameters]: readonly Asn1[],
  {
    passphrase,
    limit,
    keyLength: length,
  }: { readonly passphrase: string; readonly limit: WorkLimit; readonly keyLength: number },
): Promise<Uint8Array> {
  const name = objectIdentifier(identifier);
  const [salt, ...more] = members(parameters);
  if (name === scrypt) {
    const [cost = 0, blockSize = 0, parallelization = 0] = more.slice(0, 3).map(integer);
    const costs = { salt: octets(salt), cost, blockSize, parallelization };
    return await scryptKey(passphrase, costs, length);
  }
  if (name !== pbkdf2) throw unsupported('key derivation', name);
  const [count, ...afterCount] = more;
  const [pseudorandom] = afterCount.filter((value) => !isInteger(value)); // not the key's length
  const functionName = pseudorandom && objectIdentifier(members(pseudorandom)[0]);
  const hash = functionName === undefined ? 'sha1' : pseudorandomFunctions[functionName];
  if (!hash) throw unsupported('pseudorandom function', functionName);
  const derivation = { hash, salt: octets(salt), iterations: integer(count) };
  return await pbkdf2Key(passphrase, derivation, { length, limit });
}

function deciphered(
  name: string,
  encrypted: Uint8Array,
  { key, vector }: CipherKey,
): Uint8Array | undefined {
  if (vector.length !== (name.startsWith('aes') ? 16 : 8)) throw damaged();
  const decipher = createDecipheriv(name, key, vector);
  try {
    return Buffer.concat([decipher.update(encrypted), decipher.final()]);
  } catch {
    return undefined;
  } finally {
    key.fill(0);
  }
}

/** Returns an error that names an algorithm by its object identifier. */
export function unsupported(what: string, name: string | undefined): KeystoreError {
  return new KeystoreError(
    'ERR_KEYSTORE_ALGORITHM',
    `the ${what} ${name} is not supported: export the file again where it was made, with AES-256 and SHA-256`,
  );
}
