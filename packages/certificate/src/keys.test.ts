import { createPublicKey, createVerify, generateKeyPairSync, verify } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { der, isOneSequence, objectIdentifier, positiveInteger } from './der.ts';
import { certificateErrors } from './errors.ts';
import { decryptedPrivateKeyPem } from './key-object.ts';
import { nodeCrypto } from './node-crypto.ts';
import { fromPem, toPem } from './pem.ts';
import { isKeyReference, privateKeyPem, storableKey } from './private-key.ts';
import { webcrypto } from './webcrypto.ts';

const backends = [webcrypto(), nodeCrypto()];
const bytes = (text: string) => new TextEncoder().encode(text);

describe('a backend', () => {
  it('refuses what is not a key', async () => {
    for (const backend of backends)
      for (const text of [
        '',
        'hello',
        '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----',
        'x'.repeat(100_000),
      ]) {
        await expect(backend.import(bytes(text))).rejects.toMatchObject({ code: 'ERR_KEY_FORMAT' });
      }
  });
  it('says of a reference to a key elsewhere that it cannot sign with it, without repeating it', async () => {
    for (const backend of backends)
      await expect(backend.import(bytes('pkcs11:token=secret'))).rejects.toMatchObject({
        code: 'ERR_KEY_FORMAT',
        message: expect.stringMatching(/^(?!.*secret).*reference.*backend/),
      });
  });
  it('stores PEM, or the reference of a key that cannot leave, and reads each as what it is', async () => {
    const key = await webcrypto().generate('ec-p256');
    const { type, publicKey, sign } = key;
    const reference = 'pkcs11:token=web;object=www';
    const texts = await Promise.all(
      [key, { type, publicKey, sign, reference }].map(async (stored) =>
        Buffer.from(await storableKey(stored)).toString(),
      ),
    );
    expect(texts).toEqual([expect.stringMatching(/^-----BEGIN PRIVATE KEY/), reference]);
    expect(texts.map(isKeyReference)).toEqual([false, true]);
    await expect(storableKey({ type, publicKey, sign })).rejects.toMatchObject({
      code: 'ERR_KEY_NOT_EXPORTABLE',
    });
  });
  it('distinguishes a cipher that OpenSSL no longer offers from a wrong passphrase', async () => {
    // EncryptedPrivateKeyInfo with pbeWithSHAAnd40BitRC2-CBC. RFC 7292 appendix C
    const encrypted = toPem(
      'ENCRYPTED PRIVATE KEY',
      Buffer.from(
        '3030301c060a2a864886f70d010c0106300e040801020304050607080202080004100102030405060708090a0b0c0d0e0f10',
        'hex',
      ),
    );
    for (const backend of backends)
      await expect(backend.import(encrypted, 'secret')).rejects.toMatchObject({
        code: 'ERR_KEY_CIPHER',
        message: expect.not.stringContaining('secret'),
      });
  });
  it('decrypts keys of any type as PEM, and leaves others as they are', () => {
    const passphrase = 'secret';
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
    const clear = Buffer.from(privateKey.export({ format: 'pem', type: 'pkcs8' }));
    for (const type of ['pkcs8', 'sec1'] as const) {
      const encryption = { cipher: 'aes-256-cbc', passphrase };
      const pem = Buffer.from(privateKey.export({ format: 'pem', type, ...encryption }));
      expect(Buffer.from(decryptedPrivateKeyPem(pem, passphrase))).toEqual(clear);
      expect(() => decryptedPrivateKeyPem(pem)).toThrow(
        expect.objectContaining({ code: 'ERR_KEY_PASSPHRASE_MISSING' }),
      );
      expect(() => decryptedPrivateKeyPem(pem, 'other')).toThrow(
        expect.objectContaining({ code: 'ERR_KEY_PASSPHRASE' }),
      );
    }
    const copy = decryptedPrivateKeyPem(clear, passphrase);
    expect(Buffer.from(copy)).toEqual(clear);
    copy.fill(0);
    expect(clear.includes('PRIVATE KEY')).toBe(true);
  });
  it('ends for a damaged key, plain or encrypted, with a code of its own', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const passphrase = 'secret';
    const keys = [
      privateKey.export({ format: 'der', type: 'pkcs8' }),
      privateKey.export({ format: 'der', type: 'sec1' }),
      privateKey.export({ format: 'der', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase }),
    ];
    const labels = ['PRIVATE KEY', 'EC PRIVATE KEY', 'ENCRYPTED PRIVATE KEY'];
    await fc.assert(
      fc.asyncProperty(
        fc.nat(2),
        fc.nat(400),
        fc.nat(255),
        fc.constantFrom(...backends),
        async (kind, at, value, backend) => {
          const der = Uint8Array.from(keys[kind]!, (byte, index) =>
            index === at % keys[kind]!.length ? value : byte,
          );
          const outcome = await backend.import(toPem(labels[kind]!, der), passphrase).then(
            () => 'read',
            ({ code }: { code?: string }) => code,
          );
          expect(['read', ...Object.keys(certificateErrors)]).toContain(outcome);
        },
      ),
      { numRuns: 200 },
    );
  });
  it.each([31, 33, 37, 66])('ends for a P-256 key whose number has %d bytes', async (length) => {
    const curve = objectIdentifier('1.2.840.10045.3.1.7');
    const number = der(0x04, new Uint8Array(length).fill(0xab));
    const version = (value: number) => der(0x02, Uint8Array.of(value));
    const algorithm = der(0x30, objectIdentifier('1.2.840.10045.2.1'), curve);
    const sec1 = der(0x30, version(1), number, der(0xa0, curve));
    const pkcs8 = der(0x30, version(0), algorithm, der(0x04, der(0x30, version(1), number)));
    for (const backend of backends)
      for (const pem of [toPem('EC PRIVATE KEY', sec1), toPem('PRIVATE KEY', pkcs8)]) {
        const outcome = await backend.import(pem).then(
          ({ type }) => type,
          ({ code }: { code?: string }) => code,
        );
        // OpenSSL reads a number that is too short as one with zeros in front.
        expect(outcome).toBe(length === 31 ? 'ec-p256' : 'ERR_KEY_FORMAT');
      }
  });
  it('does not start outside FIPS mode where that is asked for', () => {
    expect(() => nodeCrypto({ fips: true, fipsMode: () => false })).toThrow(
      expect.objectContaining({ code: 'ERR_KEY_FIPS' }),
    );
    expect(() => nodeCrypto({ fips: true })).toThrow(
      expect.objectContaining({ code: 'ERR_KEY_FIPS' }),
    );
    expect(nodeCrypto({ fips: true, fipsMode: () => true }).name).toContain('FIPS');
    expect(nodeCrypto({ fipsMode: () => false }).name).toBe('node-crypto');
  });
  it.each(backends.map((backend) => [backend.name, backend] as const))(
    '%s signs with the hash that belongs to the curve, and one of RSA with SHA-256',
    async (_, backend) => {
      for (const [type, hash] of [
        ['ec-p256', 'sha256'],
        ['ec-p384', 'sha384'],
        ['ec-p521', 'sha512'],
        ['rsa-2048', 'sha256'],
      ] as const) {
        const key = await backend.generate(type);
        const publicKey = createPublicKey({
          key: Buffer.from(key.publicKey),
          format: 'der',
          type: 'spki',
        });
        for (let round = 0; round < 5; round++)
          expect(
            createVerify(hash)
              .update('data')
              .verify(publicKey, await key.sign(bytes('data'))),
          ).toBe(true);
      }
      const key = await backend.generate('ed25519');
      expect(
        verify(
          null,
          bytes('data'),
          createPublicKey({ key: Buffer.from(key.publicKey), format: 'der', type: 'spki' }),
          await key.sign(bytes('data')),
        ),
      ).toBe(true);
    },
  );
});

describe('privateKeyPem', () => {
  it('says when a key cannot leave', async () => {
    const { type, publicKey, sign } = await webcrypto().generate('ec-p256');
    await expect(privateKeyPem({ type, publicKey, sign })).rejects.toMatchObject({
      code: 'ERR_KEY_NOT_EXPORTABLE',
    });
  });
  it('overwrites what it was made from', async () => {
    const key = await webcrypto().generate('ec-p256');
    const der = await key.export!();
    expect(
      new TextDecoder().decode(await privateKeyPem({ ...key, export: async () => der })),
    ).toMatch(/^-----BEGIN PRIVATE KEY-----\n([\w+/=]{1,64}\n)+-----END PRIVATE KEY-----\n$/);
    expect(der.every((byte) => byte === 0)).toBe(true);
  });
});

describe('PEM', () => {
  it('holds any bytes in lines of 64 letters, and gives them back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (der) => {
        const pem = new TextDecoder().decode(toPem('X', der));
        expect(pem.split('\n').slice(1, -2).join('')).toBe(Buffer.from(der).toString('base64'));
        expect(Math.max(...pem.split('\n').map((line) => line.length))).toBeLessThanOrEqual(64);
        expect(fromPem(pem, /^X$/)).toEqual([der]);
      }),
    );
  });
});

describe('DER', () => {
  it('writes a number that is not negative in as few bytes as it needs', () => {
    const integer = (text: string) =>
      Buffer.from(positiveInteger(Uint8Array.from(Buffer.from(text, 'hex')))).toString('hex');
    expect(integer('0001')).toBe('020101');
    expect(integer('0080')).toBe('02020080');
    expect(integer('0000')).toBe('020100');
  });
  it('is one whole only without a byte missing or to spare', () => {
    expect(isOneSequence(Uint8Array.of(0x30, 1, 0))).toBe(true);
    expect(isOneSequence(Uint8Array.from([0x30, 0x81, 200, ...new Uint8Array(200)]))).toBe(true);
    for (const not of [
      [],
      [0x30],
      [0x30, 1],
      [0x30, 1, 0, 0],
      [0x31, 0],
      [0x30, 0x80],
      [0x30, 0x82, 1],
    ])
      expect(isOneSequence(Uint8Array.from(not))).toBe(false);
  });
});
