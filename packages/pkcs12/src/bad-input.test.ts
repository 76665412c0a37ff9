import { generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import * as asn1js from 'asn1js';
import {
  encryptPrivateKey,
  decryptPrivateKey,
  readJks,
  readPkcs12,
  writeJks,
  writePkcs12,
} from './index.ts';
import { workLimit } from './key-derivation.ts';

const passphrase = 'correct horse';
const key = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey.export({
  format: 'der',
  type: 'pkcs8',
});
/** Neither format reads what is in a certificate. */
const certificate = Buffer.from(new asn1js.Sequence({ value: [new asn1js.Null()] }).toBER());
const iterations = 10;
let file: Buffer;
let keystore: Buffer;
let encrypted: Buffer;
beforeAll(async () => {
  const contents = { key, certificates: [certificate], friendlyName: 'web' };
  file = Buffer.from(await writePkcs12(contents, { passphrase, iterations }));
  const entry = { alias: 'web', createdAtMs: 0, key, certificates: [certificate] };
  keystore = Buffer.from(writeJks([entry], { passphrase }));
  encrypted = Buffer.from(await encryptPrivateKey(key, { passphrase, iterations }));
});

/** The bytes with the n-th occurrence of a value, in hexadecimal, in place of which is another. */
function replaced(bytes: Buffer, before: string, after: string): Buffer {
  const hex = bytes.toString('hex');
  expect(hex).toContain(before);
  return Buffer.from(hex.replaceAll(before, after), 'hex');
}

function flipped(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at < 0 ? bytes.length + at : at]! ^= 1;
  return changed;
}

/** The INTEGER of a million iterations has three bytes, as has that of 700,000 which it replaces. */
async function withIterations(count: number): Promise<Buffer> {
  const few = await writePkcs12(
    { key, certificates: [certificate] },
    { passphrase, iterations: 65_537 },
  );
  return replaced(Buffer.from(few), '0203010001', `0203${count.toString(16).padStart(6, '0')}`);
}

const codeOfError = (error: unknown) => String((error as { readonly code?: unknown }).code);

const codeOf = async (work: () => unknown): Promise<unknown> => {
  try {
    await work();
    return undefined;
  } catch (error) {
    return (error as { readonly code?: unknown }).code;
  }
};

describe('a PKCS#12 file', () => {
  it('is read back with its names, and has other salts each time', async () => {
    const again = await readPkcs12(file, { passphrase });
    expect(again).toMatchObject({
      keys: [{ friendlyName: 'web' }],
      certificates: [{ friendlyName: 'web' }],
    });
    expect(Buffer.from(again.keys[0]!.der)).toEqual(key);
    const second = await writePkcs12(
      { key, certificates: [certificate], friendlyName: 'web' },
      { passphrase, iterations },
    );
    expect(Buffer.from(second)).not.toEqual(file);
  });
  it('with a wrong passphrase, with none, and with a broken MAC has three codes', async () => {
    expect(await codeOf(() => readPkcs12(file, { passphrase: 'sesame' }))).toBe(
      'ERR_KEYSTORE_PASSPHRASE',
    );
    expect(await codeOf(() => readPkcs12(file, { passphrase: '' }))).toBe(
      'ERR_KEYSTORE_PASSPHRASE',
    );
    expect(await codeOf(() => readPkcs12(file))).toBe('ERR_KEYSTORE_PASSPHRASE_MISSING');
    const salt = file.length - 3 - 16; // the last values are the salt and the iterations
    expect(await codeOf(() => readPkcs12(flipped(file, salt), { passphrase }))).toBe(
      'ERR_KEYSTORE_MAC',
    );
    expect(await codeOf(() => readPkcs12(flipped(file, salt - 10), { passphrase }))).toBe(
      'ERR_KEYSTORE_MAC',
    );
  });
  it.each([600_001, 1_000_000, 8_388_607])(
    'that asks for %d iterations is refused before the work',
    async (count) => {
      const bomb = await withIterations(count);
      let hasTurned = false;
      setImmediate(() => {
        hasTurned = true;
      });
      expect(await codeOf(() => readPkcs12(bomb, { passphrase }))).toBe('ERR_KEYSTORE_ITERATIONS');
      expect(hasTurned).toBe(false); // a derivation gives the event loop a turn
    },
  );
  it('whose keys ask for too many iterations together is refused too', async () => {
    const limit = workLimit();
    for (let key = 0; key < 3; key++) limit.admit(600_000);
    expect(await codeOf(() => limit.admit(600_000))).toBe('ERR_KEYSTORE_ITERATIONS');
  });
  it('cut off anywhere is an error with a code', async () => {
    for (let length = 0; length < file.length; length += 7)
      expect(await codeOf(() => readPkcs12(file.subarray(0, length), { passphrase }))).toMatch(
        /^ERR_KEYSTORE_/,
      );
  });
  it('with a changed byte anywhere is an error with a code, or has the same contents', async () => {
    const contents = await readPkcs12(file, { passphrase });
    for (let at = 0; at < file.length; at += 5) {
      const result = await readPkcs12(flipped(file, at), { passphrase }).catch(codeOfError);
      if (typeof result === 'string')
        expect([at, result]).toEqual([at, expect.stringMatching(/^ERR_KEYSTORE_/)]);
      else expect(result).toEqual(contents);
    }
  });
  it.each([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('-----BEGIN CERTIFICATE-----')],
    ['a sequence that contains itself deeply', Buffer.alloc(1_000_000, Buffer.from('3080', 'hex'))],
    ['more than 1 MiB', Buffer.alloc(1_048_577)],
  ])('%s is not one', async (_, bytes) => {
    expect(await codeOf(() => readPkcs12(bytes, { passphrase }))).toBe('ERR_KEYSTORE_FORMAT');
    expect(await codeOf(() => readJks(bytes, { passphrase }))).toBe('ERR_KEYSTORE_FORMAT');
    expect(await codeOf(() => decryptPrivateKey(bytes, { passphrase }))).toBe(
      'ERR_KEYSTORE_FORMAT',
    );
  });
});

describe('a JKS file', () => {
  it('with a wrong passphrase, with none, and changed has three codes', async () => {
    expect(await codeOf(() => readJks(keystore, { passphrase: 'sesame' }))).toBe(
      'ERR_KEYSTORE_PASSPHRASE',
    );
    expect(await codeOf(() => readJks(keystore))).toBe('ERR_KEYSTORE_PASSPHRASE_MISSING');
    expect(await codeOf(() => readJks(flipped(keystore, -1), { passphrase }))).toBe(
      'ERR_KEYSTORE_MAC',
    );
  });
  it('cut off anywhere, or with a changed byte anywhere, is an error with a code', async () => {
    for (let length = 0; length < keystore.length; length += 3)
      expect(await codeOf(() => readJks(keystore.subarray(0, length), { passphrase }))).toMatch(
        /^ERR_KEYSTORE_/,
      );
    for (let at = 0; at < keystore.length; at += 3)
      expect(await codeOf(() => readJks(flipped(keystore, at), { passphrase }))).toMatch(
        /^ERR_KEYSTORE_/,
      );
  });
  it('of Java Cryptography Extension is refused by its name', () => {
    const jceks = Buffer.concat([Buffer.from('cececece', 'hex'), keystore.subarray(4)]);
    expect(() => readJks(jceks, { passphrase })).toThrow(/JCEKS/);
  });
});

describe('an encrypted key', () => {
  it('cut off anywhere, or with a changed byte anywhere, is an error with a code', async () => {
    for (let length = 0; length < encrypted.length; length++) {
      const input = encrypted.subarray(0, length);
      expect(await codeOf(() => decryptPrivateKey(input, { passphrase }))).toMatch(
        /^ERR_KEYSTORE_/,
      );
    }
    for (let at = 0; at < encrypted.length; at++) {
      const input = flipped(encrypted, at);
      const result = await decryptPrivateKey(input, { passphrase }).catch(codeOfError);
      if (typeof result === 'string')
        expect([at, result]).toEqual([at, expect.stringMatching(/^ERR_KEYSTORE_/)]);
    }
  });
  it('with a text of an odd number of bytes in UTF-16 is damaged', async () => {
    const input = Buffer.from('30051e03004100', 'hex');
    expect(await codeOf(() => decryptPrivateKey(input, { passphrase }))).toBe(
      'ERR_KEYSTORE_FORMAT',
    );
  });
  it('is decrypted with its passphrase alone', async () => {
    expect(Buffer.from(await decryptPrivateKey(encrypted, { passphrase }))).toEqual(key);
    expect(await codeOf(() => decryptPrivateKey(encrypted, { passphrase: 'sesame' }))).toBe(
      'ERR_KEYSTORE_PASSPHRASE',
    );
  });
  it('whose scrypt asks for more than a second of work is refused', async () => {
    const scrypt = new asn1js.Sequence({
      value: [
        new asn1js.Sequence({
          value: [
            new asn1js.ObjectIdentifier({ value: '1.2.840.113549.1.5.13' }),
            new asn1js.Sequence({
              value: [
                new asn1js.Sequence({
                  value: [
                    new asn1js.ObjectIdentifier({ value: '1.3.6.1.4.1.11591.4.11' }),
                    new asn1js.Sequence({
                      value: [
                        new asn1js.OctetString({ valueHex: new ArrayBuffer(8) }),
                        ...[16_384, 8, 60_000].map((value) => new asn1js.Integer({ value })),
                      ],
                    }),
                  ],
                }),
                new asn1js.Sequence({
                  value: [
                    new asn1js.ObjectIdentifier({ value: '2.16.840.1.101.3.4.1.42' }),
                    new asn1js.OctetString({ valueHex: new ArrayBuffer(16) }),
                  ],
                }),
              ],
            }),
          ],
        }),
        new asn1js.OctetString({ valueHex: new ArrayBuffer(64) }),
      ],
    });
    const bytes = new Uint8Array(scrypt.toBER());
    expect(await codeOf(() => decryptPrivateKey(bytes, { passphrase }))).toBe(
      'ERR_KEYSTORE_ITERATIONS',
    );
  });
});
