import { createPublicKey, type KeyObject } from 'node:crypto';

/**
 * Reads a public key that comes from outside.
 *
 * @param spki SubjectPublicKeyInfo, as DER or PEM
 * @throws Error when OpenSSL cannot read or use it; what it says depends on the version of OpenSSL
 */
export function readSubjectPublicKey(spki: Uint8Array): KeyObject {
  const bytes = Buffer.from(spki.buffer, spki.byteOffset, spki.length);
  const key =
    bytes[0] === 0x30
      ? createPublicKey({ key: bytes, format: 'der', type: 'spki' })
      : createPublicKey(bytes);
  if (!isUsableKey(key)) throw new RangeError('OpenSSL can read the key, but not use it');
  return key;
}

/**
 * Returns whether OpenSSL can use a key that it has read. Node.js ends the process when it is asked
 * for the details of an EC key whose number is too long, or whose point is at infinity.
 */
export function isUsableKey(key: KeyObject): boolean {
  try {
    const type = key.type === 'private' ? 'pkcs8' : 'spki';
    return key.export({ format: 'der', type: type as 'spki' }).length > 0;
  } catch {
    // What OpenSSL says depends on its version: it is not passed on.
    return false;
  }
}
