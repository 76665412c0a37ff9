import { createHash } from 'node:crypto';

/** How a key signs: the algorithm of the key with its hash. */
export const signatureAlgorithms = [
  'ecdsa-sha256',
  'ecdsa-sha384',
  'ecdsa-sha512',
  'rsa-sha256',
  'rsa-pss-sha256',
  'ed25519',
] as const;
export type SignatureAlgorithm = (typeof signatureAlgorithms)[number];

/** Signs with keys that stay where they are. */
export interface Signer {
  /** How messages name it. */
  readonly name: string;
  /**
   * Reads a public key.
   * @param reference the URI of the key
   * @returns SubjectPublicKeyInfo, PEM or DER
   * @throws SignerError
   */
  publicKey(reference: string): Promise<Uint8Array>;
  /**
   * Signs what `messageOf` returns for the data.
   * @param reference the URI of the key
   * @returns ECDSA as DER (RFC 3279 §2.2.3); RSA and Ed25519 as they are
   * @throws SignerError
   */
  sign(reference: string, message: Uint8Array, algorithm: SignatureAlgorithm): Promise<Uint8Array>;
}

const hashes = { sha256: 'sha256', sha384: 'sha384', sha512: 'sha512' } as const;

/** Returns the hash of an algorithm; undefined for Ed25519, which has its own. */
export function hashOf(algorithm: SignatureAlgorithm): keyof typeof hashes | undefined {
  return Object.values(hashes).find((hash) => algorithm.endsWith(hash));
}

/** Returns what a signer gets of the data: its digest; for Ed25519 the data themselves. */
export function messageOf(data: Uint8Array, algorithm: SignatureAlgorithm): Uint8Array {
  const hash = hashOf(algorithm);
  return hash === undefined ? data : createHash(hash).update(data).digest();
}
