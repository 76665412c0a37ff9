import { AcmeError } from './errors.ts';
import { derMembers, hex, tags } from './private-key-der.ts';

const identifiers = { pbes2: '2a864886f70d01050d', pbkdf2: '2a864886f70d01050c' } as const;
const hashes: Readonly<Record<string, string>> = {
  '2a864886f70d0207': 'SHA-1',
  '2a864886f70d0209': 'SHA-256',
  '2a864886f70d020a': 'SHA-384',
  '2a864886f70d020b': 'SHA-512',
};
const keyBits: Readonly<Record<string, number>> = {
  '608648016503040102': 128,
  '608648016503040116': 192,
  '60864801650304012a': 256,
};
const mostRounds = 10_000_000;

/** Returns whether DER has the two members of an EncryptedPrivateKeyInfo. RFC 5958 §3 */
export function isEncrypted(bytes: Uint8Array): boolean {
  try {
    const [algorithm, data, ...rest] = derMembers(bytes);
    const isPair = rest.length === 0 && data?.tag === tags.octetString;
    return isPair && algorithm?.tag === tags.sequence;
  } catch {
    return false; // the reader of plain keys says what is wrong with it
  }
}

/**
 * Decrypts an EncryptedPrivateKeyInfo. RFC 5958 §3, RFC 8018 §6.2
 * @returns PKCS#8, DER
 * @throws AcmeError `ERR_ACME_KEY_PASSPHRASE` for a wrong or missing passphrase, `ERR_ACME_KEY` for
 * a cipher that WebCrypto does not have
 */
export async function decryptPkcs8(
  encrypted: Uint8Array,
  passphrase: string | undefined,
): Promise<Uint8Array> {
  if (passphrase === undefined) throw passphraseMissing();
  const { salt, rounds, hash, bits, iv, data } = readEncryption(encrypted);
  const { subtle } = crypto;
  const secret = await subtle.importKey(
    'raw',
    new TextEncoder().encode(passphrase),
    'PBKDF2',
    false,
    ['deriveKey'],
  );
  const key = await subtle.deriveKey(
    { name: 'PBKDF2', salt, iterations: rounds, hash },
    secret,
    { name: 'AES-CBC', length: bits },
    false,
    ['decrypt'],
  );
  try {
    const decrypted = new Uint8Array(await subtle.decrypt({ name: 'AES-CBC', iv }, key, data));
    derMembers(decrypted); // padding is right by chance once in 256 times
    return decrypted;
  } catch {
    throw new AcmeError(
      'ERR_ACME_KEY_PASSPHRASE',
      'the account key is encrypted, and the passphrase does not decrypt it: check the passphrase',
    );
  }
}

function passphraseMissing(): AcmeError {
  return new AcmeError(
    'ERR_ACME_KEY_PASSPHRASE',
    'the account key is encrypted: use its passphrase, or a copy that is not encrypted',
  );
}

/** @throws AcmeError `ERR_ACME_KEY` for another cipher */
function unknownCipher(): AcmeError {
  return new AcmeError(
    'ERR_ACME_KEY',
    'the account key is encrypted with a cipher that is not supported here: encrypt it again where it was made, with openssl pkcs8 -topk8 -v2 aes-256-cbc',
  );
}

function readEncryption(encrypted: Uint8Array) {
  const [algorithm, data] = derMembers(encrypted);
  const [scheme, schemeParameters] = algorithm ? derMembers(algorithm.bytes) : [];
  if (!data || !scheme || hex(scheme.contents) !== identifiers.pbes2) throw unknownCipher();
  const [derivation, cipher] = schemeParameters ? derMembers(schemeParameters.bytes) : [];
  const [function_, functionParameters] = derivation ? derMembers(derivation.bytes) : [];
  const [cipherType, iv] = cipher ? derMembers(cipher.bytes) : [];
  if (!functionParameters || !iv || hex(function_?.contents ?? iv.contents) !== identifiers.pbkdf2)
    throw unknownCipher();
  const [salt, rounds, ...rest] = derMembers(functionParameters.bytes);
  const prf = rest.find(({ tag }) => tag === tags.sequence);
  const hash = prf ? hashes[hex(derMembers(prf.bytes)[0]?.contents ?? iv.contents)] : 'SHA-1';
  const bits = keyBits[hex(cipherType?.contents ?? iv.contents)];
  const count = [...(rounds?.contents ?? [])].reduce((sum, byte) => sum * 256 + byte, 0);
  if (!salt || !hash || !bits || count < 1 || count > mostRounds) throw unknownCipher();
  return {
    salt: Uint8Array.from(salt.contents),
    rounds: count,
    hash,
    bits,
    iv: Uint8Array.from(iv.contents),
    data: Uint8Array.from(data.contents),
  };
}
