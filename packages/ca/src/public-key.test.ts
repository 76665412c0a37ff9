import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { calculateJwkThumbprint } from 'jose';
import { isWeakModulus, keyFault, keyOfSpki, mostBits, thumbprintOf } from './public-key.ts';

const modulusOf = () =>
  BigInt(
    `0x${Buffer.from(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' }).n ?? '', 'base64url').toString('hex')}`,
  );

describe('an RSA modulus', () => {
  it('of a sound key is good', () => {
    for (let n = 0; n < 5; n++) expect(isWeakModulus(modulusOf())).toBe(false);
  });
  it('with factors that are close to each other is weak', () => {
    const [p, q] = [2n ** 1023n + 1155n, 2n ** 1023n + 1155n + 2n ** 500n + 2n];
    expect(isWeakModulus(p * q)).toBe(true);
  });
  it('with a small factor, or an even one, is weak', () => {
    expect(isWeakModulus(modulusOf() * 101n)).toBe(true);
    expect(isWeakModulus(modulusOf() * 2n)).toBe(true);
  });
  it('with the pattern of ROCA is weak', () => {
    // Each factor k * M + 65537^a mod M for M the product of the first primes: the form that the
    // flawed library makes.
    const product = [
      2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89,
      97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
    ].reduce((all, prime) => all * BigInt(prime), 1n);
    const factor = (k: bigint, a: bigint) => (2n ** 800n + k) * product + (65_537n ** a % product);
    expect(isWeakModulus(factor(11n, 5n) * factor(7n, 9n))).toBe(true);
  });
});

const limits = { mostBits: mostBits.account };

describe('a key', () => {
  it.each(['secp256k1', 'secp224r1', 'brainpoolP256r1'])(
    'of the curve %s is refused',
    (namedCurve) => {
      expect(keyFault(generateKeyPairSync('ec', { namedCurve }).publicKey, limits)).toContain(
        'curve',
      );
    },
  );
  it('that cannot sign is refused', () => {
    expect(keyFault(createPublicKey(generateKeyPairSync('x25519').privateKey), limits)).toContain(
      'neither',
    );
  });
  it('of a point at infinity is none', () => {
    const spki = '3019301306072a8648ce3d020106082a8648ce3d03010703020000';
    expect(keyOfSpki(Buffer.from(spki, 'hex'))).toBeUndefined();
  });
  it.each(['P-256', 'P-384', 'P-521'])('of a point that is not on %s is none', (namedCurve) => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve });
    const spki = publicKey.export({ format: 'der', type: 'spki' });
    expect(keyOfSpki(spki)?.equals(publicKey)).toBe(true);
    for (const at of [-1, -(spki.length >> 2)]) {
      const damaged = Buffer.from(spki);
      damaged[damaged.length + at]! ^= 1;
      expect(keyOfSpki(damaged)).toBeUndefined();
    }
    expect(keyOfSpki(Buffer.from(spki).fill(0, spki.length - 64))).toBeUndefined();
    expect(keyOfSpki(Buffer.from(spki).fill(0xff, spki.length - 64))).toBeUndefined();
  });
});

describe('the thumbprint of a key', () => {
  it('is that of jose, for keys of each type, whatever else their JWKs have', async () => {
    for (const { publicKey } of [
      generateKeyPairSync('ec', { namedCurve: 'P-384' }),
      generateKeyPairSync('ed25519'),
      generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ]) {
      const jwk = { use: 'sig', ...publicKey.export({ format: 'jwk' }) };
      expect(thumbprintOf(jwk).toString('base64url')).toBe(await calculateJwkThumbprint(jwk));
    }
  });
  it('is another for what is not the same key', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwk = publicKey.export({ format: 'jwk' });
    const differing = [
      {},
      { ...jwk, x: undefined },
      { ...jwk, kty: 'OKP' },
      { ...jwk, x: [jwk.x] },
    ];
    for (const json of differing) expect(thumbprintOf(json)).not.toEqual(thumbprintOf(jwk));
  });
});
