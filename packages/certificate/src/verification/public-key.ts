import { createPublicKey, type KeyObject } from 'node:crypto';
import { readSubjectPublicKey } from '../openssl-key.ts';
import type { CertificateFields } from './certificate-fields.ts';
import { members, readDerValue, readObjectIdentifier, tags } from './der-value.ts';

const rsaEncryption = '1.2.840.113549.1.1.1';
const ecPublicKey = '1.2.840.10045.2.1';

/** The curves that public CAs use, and the bytes of a coordinate. RFC 5480 §2.1.1.1 */
const curves: Readonly<Record<string, { readonly crv: string; readonly length: number }>> = {
  '1.2.840.10045.3.1.7': { crv: 'P-256', length: 32 },
  '1.3.132.0.34': { crv: 'P-384', length: 48 },
  '1.3.132.0.35': { crv: 'P-521', length: 66 },
};

type KeyFields = Pick<CertificateFields, 'publicKey' | 'keyAlgorithm' | 'keyBits'>;

const publicKeys = new WeakMap<KeyFields, KeyObject | null>();

/** Returns the key of a certificate, `null` for one that OpenSSL cannot read. RFC 5280 §4.1.2.7 */
export function publicKeyOf(certificate: KeyFields): KeyObject | null {
  const known = publicKeys.get(certificate);
  if (known !== undefined) return known;
  const key = readPublicKey(certificate);
  publicKeys.set(certificate, key);
  return key;
}

/**
 * OpenSSL takes 150 µs to find out what a SubjectPublicKeyInfo holds. The keys of nearly all
 * certificates are in forms that it reads in a fraction of that.
 */
function readPublicKey(fields: KeyFields): KeyObject | null {
  try {
    return readRsaKey(fields) ?? readEcKey(fields) ?? readAnyKey(fields);
  } catch {
    // The key is damaged or of an unknown type: the checks that need it say so.
    return null;
  }
}

function readRsaKey({ keyAlgorithm, keyBits }: KeyFields): KeyObject | undefined {
  const isPlain = keyAlgorithm.parameters?.tag === tags.null;
  if (keyAlgorithm.identifier !== rsaEncryption || !isPlain) return undefined;
  // RFC 8017 §A.1.1
  if (members(readDerValue(keyBits, tags.sequence)).length !== 2) return undefined;
  return createPublicKey({ key: Buffer.from(keyBits), format: 'der', type: 'pkcs1' });
}

/** Reads a point of a named curve that is not compressed. RFC 5480 §2.2 */
function readEcKey({ keyAlgorithm, keyBits }: KeyFields): KeyObject | undefined {
  const { identifier, parameters } = keyAlgorithm;
  if (identifier !== ecPublicKey || parameters?.tag !== tags.objectIdentifier) return undefined;
  const curve = curves[readObjectIdentifier(parameters)];
  if (!curve || keyBits[0] !== 0x04 || keyBits.length !== 1 + 2 * curve.length) return undefined;
  const { crv, length } = curve;
  const coordinate = (from: number) =>
    Buffer.from(keyBits.subarray(from, from + length)).toString('base64url');
  const key = { kty: 'EC', crv, x: coordinate(1), y: coordinate(1 + length) };
  return createPublicKey({ key, format: 'jwk' });
}

function readAnyKey({ publicKey }: KeyFields): KeyObject {
  return readSubjectPublicKey(publicKey);
}
