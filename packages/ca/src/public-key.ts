import { createHash, createPublicKey, type KeyObject, type webcrypto } from 'node:crypto';
import { readSubjectPublicKey } from '@acmex/certificate/structure';
import type { PublicJwk } from '@acmex/protocol';
import { LRUCache } from 'lru-cache';

/**
 * Returns why a key cannot be that of an account or a certificate, as far as is known without
 * much work; undefined for a good one.
 * @param mostBits Of an RSA key.
 */
export function keyFault(
  key: KeyObject,
  { mostBits }: { readonly mostBits: number },
): string | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'ed25519') return hasSmallOrder(key) ? weakKey : undefined;
  if (type === 'ec')
    return ['prime256v1', 'secp384r1', 'secp521r1'].includes(details?.namedCurve ?? '')
      ? undefined
      : 'is of another curve than P-256, P-384 and P-521';
  if (type !== 'rsa') return 'is neither EC nor RSA nor Ed25519';
  const bits = details?.modulusLength ?? 0;
  if (bits < 2048) return `has ${bits} bits, and RSA keys need 2048 at least`;
  if (bits > mostBits) return `has ${bits} bits, and RSA keys may have ${mostBits}`;
  return details?.publicExponent === 65_537n ? undefined : 'has another public exponent than 65537';
}

/** The largest RSA keys. Anyone can send an account key, and its size decides the work. */
export const mostBits = { account: 4096, certificate: 8192 } as const;

const weakKey = 'is of a kind that can be broken: make a new one with up-to-date software';

/** Returns why an RSA key can be broken; undefined for a good key, and for other types. */
export type WeakKeyFault = (key: KeyObject) => string | undefined;

/**
 * Tests RSA keys for weak moduli, which takes milliseconds. Remembers the verdicts on the keys that
 * it saw last.
 * @param test Whether a modulus is weak: isWeakModulus by default.
 */
export function weakKeyFaults({
  limit = 2000,
  test = isWeakModulus,
}: {
  readonly limit?: number;
  readonly test?: (modulus: bigint) => boolean;
} = {}): WeakKeyFault {
  const verdicts = new LRUCache<string, boolean>({ max: limit });
  return (key) => {
    if (key.asymmetricKeyType !== 'rsa') return undefined;
    const { n = '' } = key.export({ format: 'jwk' });
    const thumbprint = createHash('sha256').update(n).digest('base64url');
    const isWeak =
      verdicts.get(thumbprint) ?? test(BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`));
    verdicts.set(thumbprint, isWeak);
    return isWeak ? weakKey : undefined;
  };
}

/**
 * The y coordinates of the points of Ed25519 whose order divides 8, with the encodings that are not
 * reduced, without the sign bit: with such a key, anyone can make signatures. RFC 8032 §5.1.7
 */
const smallOrders: readonly string[] = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
];

function hasSmallOrder(key: KeyObject): boolean {
  const bytes = Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url');
  bytes[31] = (bytes[31] ?? 0) & 0x7f;
  return smallOrders.includes(bytes.toString('hex'));
}

/** A key from SubjectPublicKeyInfo; undefined where it is none. */
export function keyOfSpki(spki: Uint8Array): KeyObject | undefined {
  try {
    return readSubjectPublicKey(spki);
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

/** Whether a JWK is the one that another, in the writing of RFC 7518 §6, means. */
export function isSameKey(key: webcrypto.JsonWebKey, jwk: PublicJwk): boolean {
  const members = Object.entries(key);
  const expected: Readonly<Record<string, unknown>> = { ...jwk };
  return (
    members.length === Object.keys(expected).length &&
    members.every(([name, value]) => expected[name] === value)
  );
}

/** The members that a thumbprint is made of, by type of key. RFC 7638 §3.2, RFC 8037 §2 */
const thumbprintMembers: ReadonlyMap<unknown, string[]> = new Map([
  ['EC', ['crv', 'kty', 'x', 'y']],
  ['OKP', ['crv', 'kty', 'x']],
  ['RSA', ['e', 'kty', 'n']],
]);

/**
 * Returns the thumbprint of a key. Two are the same only if the keys are, also where one of them is
 * any JSON object. Without a promise it takes a third of the time. RFC 7638
 */
export function thumbprintOf(jwk: object): Buffer {
  const members = thumbprintMembers.get('kty' in jwk ? jwk.kty : undefined) ?? [];
  return createHash('sha256').update(JSON.stringify(jwk, members)).digest();
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
