import { createPrivateKey, type KeyObject } from 'node:crypto';
import { CertificateError } from './errors.ts';
import {
  DerError,
  encoding,
  members,
  readDerValue,
  readInteger,
  readOctetsOfBitString,
  tags,
} from './verification/der-value.ts';
import type { KeyType } from './key-types.ts';
import { isUsableKey, readSubjectPublicKey } from './openssl-key.ts';
import { isKeyReference } from './private-key.ts';

const curves: Readonly<Record<string, KeyType>> = {
  prime256v1: 'ec-p256',
  secp384r1: 'ec-p384',
  secp521r1: 'ec-p521',
};
const sizes: Readonly<Record<number, KeyType>> = {
  2048: 'rsa-2048',
  3072: 'rsa-3072',
  4096: 'rsa-4096',
};

/** The type of a key; undefined for one that is not supported. */
export function keyTypeOf({
  asymmetricKeyType,
  asymmetricKeyDetails,
}: KeyObject): KeyType | undefined {
  if (asymmetricKeyType === 'ec') return curves[asymmetricKeyDetails?.namedCurve ?? ''];
  if (asymmetricKeyType === 'rsa') return sizes[asymmetricKeyDetails?.modulusLength ?? 0];
  return asymmetricKeyType === 'ed25519' ? 'ed25519' : undefined;
}

/** A key in words, also one that is not supported. */
export function describeKey(key: KeyObject): string {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  return (
    keyTypeOf(key) ??
    [key.asymmetricKeyType ?? 'unknown', namedCurve ?? modulusLength]
      .filter((part) => part !== undefined)
      .join(' ')
  );
}

/**
 * How the SubjectPublicKeyInfo of a short key begins, and how long it is. RFC 5480 §2, RFC 8410 §4
 */
const beginnings: readonly {
  readonly type: KeyType;
  readonly begin: Buffer;
  readonly length: number;
}[] = [
  {
    type: 'ec-p256',
    begin: Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex'),
    length: 91,
  },
  {
    type: 'ec-p384',
    begin: Buffer.from('3076301006072a8648ce3d020106052b8104002203620004', 'hex'),
    length: 120,
  },
  {
    type: 'ec-p521',
    begin: Buffer.from('30819b301006072a8648ce3d020106052b8104002303818600', 'hex'),
    length: 158,
  },
  { type: 'ed25519', begin: Buffer.from('302a300506032b6570032100', 'hex'), length: 44 },
];

/** The AlgorithmIdentifier of an RSA key. RFC 3279 §2.3.1 */
const rsaEncryption = Buffer.from('300d06092a864886f70d0101010500', 'hex');

/** Returns the bits of an RSA key, 0 for another key. RFC 8017 §A.1.1 */
function rsaBits(spki: Uint8Array): number {
  try {
    const [algorithm, key] = members(readDerValue(spki, tags.sequence));
    if (!algorithm || !key || !rsaEncryption.equals(encoding(algorithm))) return 0;
    const [modulus] = members(readDerValue(readOctetsOfBitString(key), tags.sequence));
    if (!modulus) return 0;
    const bytes = readInteger(modulus);
    // A first byte of zero only says that the number is positive.
    const digits = bytes[0] === 0 ? bytes.subarray(1) : bytes;
    return bytes === digits ? 0 : digits.length * 8 + 24 - Math.clz32(digits[0] ?? 0);
  } catch (error) {
    if (error instanceof DerError) return 0;
    throw error;
  }
}

/** The type of a SubjectPublicKeyInfo in words; `unknown` for what is none. */
export function describePublicKey(spki: Uint8Array): string {
  // Asking OpenSSL takes a tenth of a millisecond and more.
  const known = beginnings.find(
    ({ begin, length }) => spki.length === length && begin.equals(spki.subarray(0, begin.length)),
  );
  if (known) return known.type;
  const bits = rsaBits(spki);
  if (bits > 0) return sizes[bits] ?? `rsa ${bits}`;
  try {
    return describeKey(readSubjectPublicKey(spki));
  } catch {
    return 'unknown';
  }
}

/**
 * Reads a private key from PEM.
 * @param pem 64 KiB at most
 * @throws CertificateError `ERR_KEY_FORMAT`, `ERR_KEY_NOT_PRIVATE`, `ERR_KEY_TYPE`,
 * `ERR_KEY_PASSPHRASE_MISSING`, `ERR_KEY_PASSPHRASE`, `ERR_KEY_CIPHER`
 */
export function readPrivateKey(
  pem: Uint8Array,
  passphrase?: string,
): { readonly key: KeyObject; readonly type: KeyType } {
  const key = parse(pem, passphrase);
  if (!isUsableKey(key)) throw damaged(key.asymmetricKeyType ?? 'private');
  const type = keyTypeOf(key);
  if (type === undefined)
    throw new CertificateError(
      'ERR_KEY_TYPE',
      `a key of type ${describeKey(key)} is not supported: use EC P-256, P-384 or P-521, RSA of 2048, 3072 or 4096 bits, or Ed25519`,
    );
  return { key, type };
}

/**
 * Decrypts a private key, of any type.
 * @param pem 64 KiB at most; a key that is not encrypted is only copied
 * @returns PEM, which the caller overwrites after use
 * @throws CertificateError `ERR_KEY_FORMAT`, `ERR_KEY_NOT_PRIVATE`, `ERR_KEY_PASSPHRASE_MISSING`,
 * `ERR_KEY_PASSPHRASE`, `ERR_KEY_CIPHER`
 */
export function decryptedPrivateKeyPem(pem: Uint8Array, passphrase?: string): Uint8Array {
  const key = parse(pem, passphrase);
  if (!isUsableKey(key)) throw damaged(key.asymmetricKeyType ?? 'private');
  if (!isEncrypted(pem)) return Uint8Array.from(pem);
  return Buffer.from(key.export({ format: 'pem', type: 'pkcs8' }));
}

/** Whether a private key in PEM is encrypted, as PKCS#8 or in the old form. RFC 1421 §4.6.1.1 */
function isEncrypted(pem: Uint8Array): boolean {
  const text = Buffer.from(pem.buffer, pem.byteOffset, pem.length);
  return (
    text.includes('-----BEGIN ENCRYPTED PRIVATE KEY-----') ||
    text.includes('Proc-Type: 4,ENCRYPTED')
  );
}

function parse(pem: Uint8Array, passphrase: string | undefined): KeyObject {
  if (pem.length > 65_536)
    throw new CertificateError(
      'ERR_KEY_FORMAT',
      'the key is larger than any private key: use one private key as PEM',
    );
  const text = Buffer.from(pem.buffer, pem.byteOffset, pem.length);
  const encrypted = isEncrypted(pem);
  if (encrypted && passphrase === undefined)
    throw new CertificateError(
      'ERR_KEY_PASSPHRASE_MISSING',
      'the key is encrypted: use its passphrase',
    );
  try {
    return createPrivateKey({ key: text, ...(passphrase === undefined ? {} : { passphrase }) });
  } catch (error) {
    // What OpenSSL says depends on its version, and may quote the input: it is not passed on.
    throw encrypted ? undecryptable(error) : noPrivateKey(text);
  }
}

/** What to say of a key that looks like one until it is used. */
export function damaged(type: string): CertificateError {
  return new CertificateError(
    'ERR_KEY_FORMAT',
    `the ${type} key is damaged: its numbers do not belong together; take it from where it was made`,
  );
}

function undecryptable(error: unknown): CertificateError {
  if ((error as NodeJS.ErrnoException).code === 'ERR_OSSL_EVP_UNSUPPORTED') {
    return new CertificateError(
      'ERR_KEY_CIPHER',
      'the key is encrypted with a cipher that this OpenSSL does not offer: encrypt it again where it was made, with openssl pkcs8 -topk8 -v2 aes-256-cbc',
    );
  }
  return new CertificateError(
    'ERR_KEY_PASSPHRASE',
    'the key cannot be decrypted: the passphrase is wrong, or the file is damaged',
  );
}

function noPrivateKey(text: Buffer): CertificateError {
  const label = /-----BEGIN ([A-Z0-9 ]{1,60})-----/.exec(text.toString('latin1'))?.[1];
  if (label === undefined && isKeyReference(text.toString('latin1')))
    return new CertificateError(
      'ERR_KEY_FORMAT',
      'the key is a reference to one that cannot leave its device or service, and nothing here can sign with it: use a backend that opens such references',
    );
  if (label === undefined)
    return new CertificateError(
      'ERR_KEY_FORMAT',
      'the key is not PEM: use a private key that begins with "-----BEGIN"',
    );
  if (/CERTIFICATE|PUBLIC KEY/.test(label))
    return new CertificateError(
      'ERR_KEY_NOT_PRIVATE',
      `this is a PEM block "${label}", where a private key is wanted: use the private key that belongs to it`,
    );
  return new CertificateError(
    'ERR_KEY_FORMAT',
    `the PEM block "${label}" holds no private key that can be read: it is damaged, or no private key; use a private key as PKCS#8, SEC1 or PKCS#1 PEM`,
  );
}
