import { createPublicKey, type KeyObject } from 'node:crypto';
import type { PublicJwk } from '@acmex/protocol';
import { isWeakModulus } from './weak-modulus.ts';

/** Why a key cannot be an account's or a certificate's; undefined for a good one. */
export function keyFault(key: KeyObject): string | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'ed25519') return undefined;
  if (type === 'ec')
    return ['prime256v1', 'secp384r1', 'secp521r1'].includes(details?.namedCurve ?? '')
      ? undefined
      : 'is of another curve than P-256, P-384 and P-521';
  if (type !== 'rsa') return 'is neither EC nor RSA nor Ed25519';
  const bits = details?.modulusLength ?? 0;
  if (bits < 2048) return `has ${bits} bits, and RSA keys need 2048 at least`;
  if (bits > 8192) return `has ${bits} bits, and RSA keys may have 8192`;
  if (details?.publicExponent !== 65_537n) return 'has another public exponent than 65537';
  const { n = '' } = key.export({ format: 'jwk' });
  return isWeakModulus(BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`))
    ? 'is of a kind that can be broken: make a new one with up-to-date software'
    : undefined;
}

/** A key from SubjectPublicKeyInfo; undefined where it is none. */
export function keyOfSpki(spki: Uint8Array): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  } catch {
    return undefined; // the caller says what the key was of
  }
}

/** A key from a JWK; undefined where it is none. */
export function keyOfJwk(jwk: object): KeyObject | undefined {
  try {
    return createPublicKey({ key: { ...jwk }, format: 'jwk' });
  } catch {
    return undefined; // the caller says what the key was of
  }
}

/** Whether a key is the one that a JWK, in the writing of RFC 7518 §6, means. */
export function isSameKey(key: KeyObject, jwk: PublicJwk): boolean {
  const members = Object.entries(key.export({ format: 'jwk' }));
  const expected: Readonly<Record<string, unknown>> = { ...jwk };
  return (
    members.length === Object.keys(expected).length &&
    members.every(([name, value]) => expected[name] === value)
  );
}
