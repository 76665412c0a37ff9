import { createPublicKey, type KeyObject } from 'node:crypto';
import type { PublicJwk } from '@acmex/protocol';

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

const smallPrimes = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101,
  103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/**
 * Whether an RSA modulus gives its factors away: small ones, two that are close to each other, or
 * the pattern of ROCA (CVE-2017-15361).
 */
export function isWeakModulus(modulus: bigint): boolean {
  return (
    modulus % 2n === 0n ||
    smallPrimes.some((prime) => modulus % BigInt(prime) === 0n) ||
    hasCloseFactors(modulus) ||
    hasRocaPattern(modulus)
  );
}

/** Fermat's method, for as many steps as a sound key never needs. */
function hasCloseFactors(modulus: bigint, steps = 100): boolean {
  let middle = squareRoot(modulus);
  if (middle * middle < modulus) middle += 1n;
  for (let step = 0; step < steps; step++, middle += 1n) {
    const rest = middle * middle - modulus;
    const root = squareRoot(rest);
    if (root * root === rest) return true;
  }
  return false;
}

/** The whole part, by Newton's method. */
function squareRoot(number: bigint): bigint {
  if (number < 2n) return number;
  let guess = 1n << BigInt(Math.ceil(number.toString(16).length * 2 + 1));
  for (;;) {
    const next = (guess + number / guess) >> 1n;
    if (next >= guess) return guess;
    guess = next;
  }
}

/**
 * The keys of the flawed library are powers of 65537 to every small prime; of others, one in 10^8
 * or fewer.
 */
function hasRocaPattern(modulus: bigint): boolean {
  return smallPrimes.every((prime) => powersOf65537(prime).has(Number(modulus % BigInt(prime))));
}

function powersOf65537(prime: number): ReadonlySet<number> {
  const powers = new Set<number>();
  for (let power = 1; !powers.has(power); power = (power * 65_537) % prime) powers.add(power);
  return powers;
}
