import { createHash, generatePrimeSync } from 'node:crypto';
import type { AccountKey } from '@acmex/protocol';

/** Returns an RSA account key of 2048 bits that has the factor 127, and that makes good signatures. */
export function weakAccountKey(): AccountKey {
  const [first, second] = [1020, 1021].map((bits) => generatePrimeSync(bits, { bigint: true })) as [
    bigint,
    bigint,
  ];
  // The two highest bits of a prime are set: this factor makes a modulus of 2048 bits, never 2047.
  const modulus = 127n * first * second;
  const exponent = inverse(65_537n, 126n * (first - 1n) * (second - 1n));
  const base64url = (number: bigint) => bytes(number).toString('base64url');
  return {
    algorithm: 'RS256',
    jwk: { kty: 'RSA', n: base64url(modulus), e: base64url(65_537n) },
    // RSASSA-PKCS1-v1_5 with SHA-256. RFC 8017 §9.2
    sign: async (data: Uint8Array) => {
      const digest = `3031300d060960864801650304020105000420${createHash('sha256').update(data).digest('hex')}`;
      const padded = `01${'ff'.repeat(256 - 3 - digest.length / 2)}00${digest}`;
      return Uint8Array.from(bytes(power(BigInt(`0x${padded}`), exponent, modulus), 256));
    },
  } as unknown as AccountKey;
}

/** Returns an Ed25519 account key whose signature of any text is the same: a point of order 1. */
export function smallOrderAccountKey(): AccountKey {
  const identity = Buffer.alloc(32);
  identity[0] = 1;
  return {
    algorithm: 'EdDSA',
    jwk: { kty: 'OKP', crv: 'Ed25519', x: identity.toString('base64url') },
    sign: async () => Uint8Array.from(Buffer.concat([identity, Buffer.alloc(32)])),
  } as unknown as AccountKey;
}

function bytes(number: bigint, length = 0): Buffer {
  const hex = number.toString(16);
  return Buffer.from(hex.padStart(Math.max(length * 2, hex.length + (hex.length % 2)), '0'), 'hex');
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (const bit of exponent.toString(2))
    result = (((result * result) % modulus) * (bit === '1' ? base : 1n)) % modulus;
  return result;
}

function inverse(number: bigint, modulus: bigint): bigint {
  let [rest, next, factor, nextFactor] = [modulus, number % modulus, 0n, 1n];
  while (next > 0n) {
    const quotient = rest / next;
    [rest, next] = [next, rest - quotient * next];
    [factor, nextFactor] = [nextFactor, factor - quotient * nextFactor];
  }
  return ((factor % modulus) + modulus) % modulus;
}
