import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { readAlgorithm } from './certificate-fields.ts';
import { der } from '../der.ts';
import { describePublicKey } from '../key-object.ts';
import { encoding, members, readDerValue, readOctetsOfBitString, tags } from './der-value.ts';
import { publicKeyOf } from './public-key.ts';

const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).publicKey;
const spkiOf = (key: KeyObject) => key.export({ type: 'spki', format: 'der' });

function fieldsOf(publicKey: Uint8Array) {
  const [algorithm, bits] = members(readDerValue(publicKey));
  if (!algorithm || !bits) throw new Error('this is not a SubjectPublicKeyInfo');
  const keyBits = readOctetsOfBitString(bits);
  return { publicKey, keyAlgorithm: readAlgorithm(algorithm), keyBits };
}

describe('the public key of a certificate', () => {
  test.each([
    ['P-256', ec('P-256')],
    ['P-384', ec('P-384')],
    ['P-521', ec('P-521')],
    ['secp256k1', ec('secp256k1')],
    ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey],
    ['RSASSA-PSS', generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey],
    ['Ed25519', generateKeyPairSync('ed25519').publicKey],
  ])('is the same as OpenSSL reads: %s', (_, key) => {
    const spki = spkiOf(key);
    const read = publicKeyOf(fieldsOf(spki));
    expect(read?.asymmetricKeyType).toBe(
      createPublicKey(key.export({ type: 'spki', format: 'pem' })).asymmetricKeyType,
    );
    expect(read && spkiOf(read)).toEqual(spki);
  });

  test('is none when its point is not on the curve', () => {
    const spki = Uint8Array.from(spkiOf(ec('P-256')));
    spki[spki.length - 1] = (spki[spki.length - 1] ?? 0) ^ 1;
    expect(publicKeyOf(fieldsOf(spki))).toBeNull();
  });

  test('is none when an RSA key is cut off', () => {
    const fields = fieldsOf(spkiOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey));
    expect(publicKeyOf({ ...fields, keyBits: fields.keyBits.subarray(0, 200) })).toBeNull();
  });

  test('is none when its point is at infinity, and nothing asks Node.js for its details', () => {
    const [algorithm] = members(readDerValue(spkiOf(ec('P-256'))));
    const spki = der(
      tags.sequence,
      ...(algorithm ? [encoding(algorithm)] : []),
      der(tags.bitString, Uint8Array.of(0, 0)),
    );
    expect(publicKeyOf(fieldsOf(spki))).toBeNull();
    expect(describePublicKey(spki)).toBe('unknown');
  });
});
