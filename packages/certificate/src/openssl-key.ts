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
  if (!isPlainPoint(bytes) && !isUsableKey(key))
    throw new RangeError('OpenSSL can read the key, but not use it');
  return key;
}

/**
 * What the DER of a key on P-256, P-384 or P-521 begins with, where its point is not compressed, by
 * the length of the whole. RFC 5480 §2
 */
const plainPoints: ReadonlyMap<number, Buffer> = new Map(
  [
    '3059301306072a8648ce3d020106082a8648ce3d03010703420004',
    '3076301006072a8648ce3d020106052b8104002203620004',
    '30819b301006072a8648ce3d020106052b810400230381860004',
  ].map((start) => {
    const bytes = Buffer.from(start, 'hex');
    const length = bytes[1] === 0x81 ? 3 + (bytes[2] ?? 0) : 2 + (bytes[1] ?? 0);
    return [length, bytes];
  }),
);

/**
 * Returns whether a key has the usual form of an EC key. OpenSSL has compared its coordinates with
 * the curve when it read it, so that it can use it: `isUsableKey` takes longer than that reading.
 */
function isPlainPoint(spki: Buffer): boolean {
  const start = plainPoints.get(spki.length);
  return start !== undefined && spki.subarray(0, start.length).equals(start);
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
