import { CertificateError } from './errors.ts';
import type { KeyType } from './key-types.ts';
import { toPem } from './pem.ts';

/** The private key of a certificate: in memory, in a KMS, in an HSM. */
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
}

/** Where keys are made and used. */
export interface CryptoBackend {
  readonly name: string;
  /** Never blocks the event loop, RSA included. */
  generate(type: KeyType): Promise<PrivateKey>;
  /**
   * A key from PEM: PKCS#8, encrypted or not, SEC1 or PKCS#1.
   * @param pem 64 KiB at most; the caller overwrites it after use
   * @throws CertificateError `ERR_KEY_FORMAT`, `ERR_KEY_NOT_PRIVATE`, `ERR_KEY_TYPE`,
   * `ERR_KEY_PASSPHRASE_MISSING`, `ERR_KEY_PASSPHRASE`, `ERR_KEY_CIPHER`
   */
  import(pem: Uint8Array, passphrase?: string): Promise<PrivateKey>;
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
