import { execFileSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { describe, expect, it, jest } from '@jest/globals';
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
  it.each<[string, object | undefined, number]>([
    ['Node.js', process, 0],
    ['a browser', undefined, 1],
    ['Deno', { ...process, versions: { node: '24.0.0', deno: '2.5.0' } }, 1],
    ['Bun', { ...process, versions: { node: '24.0.0', bun: '1.3.0' } }, 1],
  ])('signs ES384 in %s, with WebCrypto where it is not Node.js', async (_, value, expected) => {
    const runtime = Object.getOwnPropertyDescriptor(globalThis, 'process') ?? {};
    Object.defineProperty(globalThis, 'process', { ...runtime, value });
    const { key } = await generateAccountKey('ES384').finally(() =>
      Object.defineProperty(globalThis, 'process', runtime),
    );
    const sign = jest.spyOn(crypto.subtle, 'sign');
    const jws = await signJws(key, { nonce: 'n' }, '{}');
    const calls = sign.mock.calls.length;
    sign.mockRestore();
    expect(calls).toBe(expected);
    await expect(
      flattenedVerify(jws, await importJWK({ ...key.jwk }, 'ES384')),
    ).resolves.toBeDefined();
  });
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

describe('an account key as other clients keep it', () => {
  const openssl = (...command: string[]) =>
    execFileSync('openssl', command, { encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] });
  const input = (text: string, ...command: string[]) =>
    execFileSync('openssl', command, {
      input: text,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'ignore'],
    });
  const ec = openssl('ecparam', '-name', 'prime256v1', '-genkey');
  const sec1 = ec.slice(ec.indexOf('-----BEGIN EC PRIVATE'));
  const bareSec1 = input(sec1, 'ec', '-no_public');
  const pkcs8 = input(sec1, 'pkcs8', '-topk8', '-nocrypt');
  const jwk = createPrivateKey(sec1).export({ format: 'jwk' });
  const rsa = openssl('genrsa', '-traditional', '2048');
  const rsaJwk = createPrivateKey(rsa).export({ format: 'jwk' });
  const certificate = openssl(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-subj',
    '/CN=a',
    '-keyout',
    '/dev/null',
  );
  const derOf = (pem: string) =>
    new Uint8Array(Buffer.from(pem.replace(/-----.*-----/g, ''), 'base64'));
  const encrypt = (...flags: string[]) =>
    input(sec1, 'pkcs8', '-topk8', '-passout', 'pass:secret', ...flags);
  const bag = 'Bag Attributes\n    localKeyID: 54 69 6D\nKey Attributes: <No Attributes>\n';

  it.each<[string, () => string | Uint8Array, JsonWebKey]>([
    ['PKCS#8', () => pkcs8, jwk],
    ['SEC1', () => sec1, jwk],
    ['SEC1 with EC PARAMETERS', () => ec, jwk],
    ['SEC1 without its public key', () => bareSec1, jwk],
    ['PKCS#1', () => rsa, rsaJwk],
    ['a JWK of an RSA key, as certbot keeps it', () => JSON.stringify(rsaJwk), rsaJwk],
    ['a JWK of an EC key', () => ` ${JSON.stringify(jwk, undefined, 2)}\n`, jwk],
    ['with a byte order mark', () => `\uFEFF${sec1}`, jwk],
    ['a JWK with a byte order mark', () => `\uFEFF${JSON.stringify(jwk)}`, jwk],
    ['with bag attributes', () => bag + pkcs8, jwk],
    [
      'with Windows line ends and spaces around',
      () => `  \r\n${ec.replaceAll('\n', '\r\n')}\r\n `,
      jwk,
    ],
    ['with a certificate first', () => certificate + sec1, jwk],
    ['with text around', () => `my key:\n${pkcs8}the end`, jwk],
    ['bytes of PEM', () => new TextEncoder().encode(sec1), jwk],
    ['PKCS#8 as DER', () => createPrivateKey(sec1).export({ format: 'der', type: 'pkcs8' }), jwk],
    ['SEC1 as DER', () => createPrivateKey(sec1).export({ format: 'der', type: 'sec1' }), jwk],
    ['PKCS#1 as DER', () => createPrivateKey(rsa).export({ format: 'der', type: 'pkcs1' }), rsaJwk],
  ])('is imported: %s', async (_, source, { kty, crv, x, y, n, e }) => {
    const key = await importAccountKey(source());
    expect(key.jwk).toEqual(JSON.parse(JSON.stringify({ kty, crv, x, y, n, e })));
    const jws = await signJws(key, { nonce: 'n', url: 'https://ca.test/' }, '{}');
    await flattenedVerify(jws, await importJWK({ ...key.jwk }, key.algorithm));
  });

  it.each([
    ['AES-256', ['-v2', 'aes-256-cbc']],
    ['AES-128', ['-v2', 'aes-128-cbc', '-v2prf', 'hmacWithSHA1']],
    ['SHA-512', ['-v2', 'aes-192-cbc', '-v2prf', 'hmacWithSHA512']],
  ])('is decrypted with its passphrase: %s', async (_, flags) => {
    const encrypted = encrypt(...flags);
    const { jwk: decrypted } = await importAccountKey(encrypted, { passphrase: 'secret' });
    expect(decrypted).toMatchObject({ x: jwk.x, y: jwk.y });
    for (const passphrase of [undefined, 'wrong', ''])
      for (const source of [encrypted, derOf(encrypted)])
        await expect(importAccountKey(source, { passphrase })).rejects.toMatchObject({
          code: 'ERR_ACME_KEY_PASSPHRASE',
          message: expect.stringContaining('encrypted'),
        });
    const { jwk: again } = await importAccountKey(derOf(encrypted), { passphrase: 'secret' });
    expect(again).toEqual(decrypted);
  });

  it.each<[string, () => string, RegExp]>([
    ['scrypt', () => encrypt('-scrypt'), /encrypted with a cipher/],
    ['Triple DES', () => encrypt('-v2', 'des3'), /encrypted with a cipher/],
    ['the old form', () => input(sec1, 'ec', '-aes256', '-passout', 'pass:secret'), /encrypted/],
    ['secp256k1', () => openssl('ecparam', '-name', 'secp256k1', '-genkey', '-noout'), /secp256k1/],
    [
      'explicit parameters',
      () =>
        openssl(
          'ecparam',
          '-name',
          'brainpoolP256r1',
          '-genkey',
          '-noout',
          '-param_enc',
          'explicit',
        ),
      /explicit parameters/,
    ],
    ['Ed448', () => openssl('genpkey', '-algorithm', 'ed448'), /Ed448/],
    ['a certificate', () => certificate, /"CERTIFICATE"/],
    ['a damaged key', () => sec1.replace(/\n.{20}/, '\n'), /damaged|cannot be read/],
  ])('says why it cannot be used: %s', async (_, source, words) => {
    await expect(importAccountKey(source(), { passphrase: 'secret' })).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_ACME_KEY/),
      message: expect.stringMatching(words),
    });
  });
});
