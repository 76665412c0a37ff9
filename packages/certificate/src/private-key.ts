import { CertificateError } from './errors.ts';
import type { KeyType } from './key-types.ts';
import { toPem } from './pem.ts';

/**
 * A private key, which is a public key and a way to sign: in memory, in a KMS, in an HSM. Only a key
 * in memory has its numbers.
 */
export interface PrivateKey {
  readonly type: KeyType;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  /**
   * A signature in the form of X.509: ECDSA as DER with the hash of the curve's size, RSA as PKCS#1
   * v1.5 with SHA-256, or Ed25519.
   */
  sign(data: Uint8Array): Promise<Uint8Array>;
  /** PKCS#8 DER; absent where the key cannot leave. The caller overwrites it after use. */
  export?(): Promise<Uint8Array>;
  /**
   * The URI by which the backend's `import` opens a key that cannot leave:
   * `pkcs11:token=web;object=www`. It is not a secret. RFC 7512, RFC 3986
   */
  readonly reference?: string;
}

/** Where keys are made and used. */
export interface CryptoBackend {
  readonly name: string;
  /** Never blocks the event loop, RSA included. */
  generate(type: KeyType): Promise<PrivateKey>;
  /**
   * A key from PEM: PKCS#8, encrypted or not, SEC1 or PKCS#1. A backend of keys that cannot leave
   * also opens one by its reference.
   * @param pem 64 KiB at most; the caller overwrites it after use
   * @throws CertificateError `ERR_KEY_FORMAT`, `ERR_KEY_NOT_PRIVATE`, `ERR_KEY_TYPE`,
   * `ERR_KEY_PASSPHRASE_MISSING`, `ERR_KEY_PASSPHRASE`, `ERR_KEY_CIPHER`
   */
  import(pem: Uint8Array, passphrase?: string): Promise<PrivateKey>;
}

/**
 * Returns what a storage holds of a key, which `CryptoBackend.import` reads again: PKCS#8 PEM, or
 * the reference of a key that cannot leave. The caller overwrites the bytes after use.
 * @throws CertificateError `ERR_KEY_NOT_EXPORTABLE` for a key that cannot leave and has no reference
 */
export async function storableKey(key: PrivateKey): Promise<Uint8Array> {
  if (key.reference !== undefined) return new TextEncoder().encode(key.reference);
  return await privateKeyPem(key);
}

/** Whether what a storage holds of a key is the reference of a key that cannot leave, and not PEM. */
export function isKeyReference(stored: string): boolean {
  return /^[a-z][a-z0-9+.-]*:[\x21-\x7e]+$/i.test(stored);
}

/**
 * Returns the PEM of what a storage holds of a key.
 * @param subject the key, as the message names it: `the key of crt_1`
 * @throws CertificateError `ERR_KEY_NOT_EXPORTABLE` for the reference of a key that cannot leave
 */
export function storedPem(stored: string, subject: string): string {
  if (!isKeyReference(stored)) return stored;
  throw new CertificateError(
    'ERR_KEY_NOT_EXPORTABLE',
    `${subject} is in a device or a service (${stored}) and cannot leave it: use it there`,
  );
}

/**
 * A key as PKCS#8 PEM. The caller overwrites the bytes after use.
 * @throws CertificateError `ERR_KEY_NOT_EXPORTABLE`
 */
export async function privateKeyPem(key: PrivateKey): Promise<Uint8Array> {
  if (!key.export)
    throw new CertificateError(
      'ERR_KEY_NOT_EXPORTABLE',
      `the ${key.type} key cannot leave the place where it is kept`,
    );
  const der = await key.export();
  try {
    return toPem('PRIVATE KEY', der);
  } finally {
    der.fill(0);
  }
}
