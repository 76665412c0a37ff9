import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { flattenedVerify, importJWK } from 'jose';
import {
  generateAccountKey,
  importAccountKey,
  jwsAlgorithms,
  signJws,
  thumbprint,
} from './index.ts';

describe('an account key', () => {
  it.each(jwsAlgorithms)(
    'signs %s as jose verifies it, and comes back from its PEM',
    async (algorithm) => {
      const { key, pem } = await generateAccountKey(algorithm);
      const again = await importAccountKey(pem);
      expect(again.jwk).toEqual(key.jwk);
      const jws = await signJws(again, { nonce: 'n', url: 'https://ca.test/' }, '{}');
      expect(Object.keys(jws).sort()).toEqual(['payload', 'protected', 'signature']);
      const { protectedHeader } = await flattenedVerify(
        jws,
        await importJWK({ ...key.jwk }, algorithm),
      );
      expect(protectedHeader).toEqual({ alg: algorithm, nonce: 'n', url: 'https://ca.test/' });
    },
  );
  it('shows no more of itself than RFC 7638 needs', async () => {
    const { key } = await generateAccountKey();
    expect(Object.keys(key.jwk).sort()).toEqual(['crv', 'kty', 'x', 'y']);
    expect(JSON.stringify(key)).not.toContain('"d"');
  });
  it('has the thumbprint of RFC 7638', async () => {
    const n =
      '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw';
    await expect(thumbprint({ jwk: { kty: 'RSA', e: 'AQAB', n } })).resolves.toBe(
      'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
    );
  });
  it.each([
    ['text', 'hello'],
    [
      'a public key',
      generateKeyPairSync('ec', { namedCurve: 'P-256' })
        .publicKey.export({ type: 'spki', format: 'pem' })
        .toString(),
    ],
    [
      'a curve that ACME does not know',
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
        .privateKey.export({ type: 'pkcs8', format: 'pem' })
        .toString(),
    ],
    [
      'an RSA key of 1024 bits',
      generateKeyPairSync('rsa', { modulusLength: 1024 })
        .privateKey.export({ type: 'pkcs8', format: 'pem' })
        .toString(),
    ],
  ])('is not made from %s', async (_, pem) => {
    await expect(importAccountKey(pem)).rejects.toMatchObject({ code: 'ERR_ACME_KEY' });
  });
});
