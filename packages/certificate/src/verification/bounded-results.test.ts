import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { Temporal } from 'temporal-polyfill';
import { parseCertificate } from '../certificate-info.ts';
import { der, objectIdentifier } from '../der.ts';
import { tags } from './der-value.ts';
import { extensionIdentifiers, type KnownExtensions } from './extensions.ts';
import type { Profile } from './fault.ts';
import { verifyChain, type VerifyChainOptions } from './verify-chain.ts';

const { sequence, set, integer, octetString } = tags;
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const spki = publicKey.export({ format: 'der', type: 'spki' });
const identifier = createHash('sha1').update(spki).digest();
const at = Temporal.Instant.from('2026-06-01T00:00:00Z');
const many = 100_000;

interface Making {
  /** Common names. */
  readonly subject?: string;
  readonly issuer?: string;
  readonly extensions?: readonly Uint8Array[];
}

/** Makes a certificate of any size in a moment, all of the same key. */
function certificate({ subject = 'Leaf', issuer = 'Root', extensions = [] }: Making): Uint8Array {
  const nameOf = (text: string) => {
    const value = der(tags.utf8String, Buffer.from(text));
    return der(sequence, der(set, der(sequence, objectIdentifier('2.5.4.3'), value)));
  };
  const time = (text: string) => der(tags.utcTime, Buffer.from(text));
  const algorithm = der(sequence, objectIdentifier('1.2.840.10045.4.3.2'));
  const content = der(
    sequence,
    der(0xa0, der(integer, Uint8Array.of(2))),
    der(integer, Uint8Array.of(1)),
    algorithm,
    nameOf(issuer),
    der(sequence, time('260501000000Z'), time('260801000000Z')),
    nameOf(subject),
    spki,
    der(
      0xa3,
      der(sequence, ...extensions, extension('authorityKeyIdentifier', der(0x80, identifier))),
    ),
  );
  const signature = sign('sha256', content, privateKey);
  return der(sequence, content, algorithm, der(tags.bitString, Uint8Array.of(0), signature));
}

function extension(name: keyof KnownExtensions, ...entries: readonly Uint8Array[]): Uint8Array {
  return rawExtension(name, der(sequence, ...entries));
}

function rawExtension(name: keyof KnownExtensions, value: Uint8Array, isCritical = false) {
  const critical = isCritical ? [der(tags.boolean, Uint8Array.of(0xff))] : [];
  const type = objectIdentifier(extensionIdentifiers[name]);
  return der(sequence, type, ...critical, der(octetString, value));
}

const root = certificate({
  subject: 'Root',
  extensions: [
    rawExtension('basicConstraints', Buffer.from('30030101ff', 'hex'), true),
    rawExtension('subjectKeyIdentifier', der(octetString, identifier)),
  ],
});
const repeated = (entry: Uint8Array) => Buffer.concat(Array.from({ length: many }, () => entry));
const shortName = der(0x82, Buffer.from('a.b'));
const longText = Buffer.alloc(200_000, 'a');
const names = extension('subjectAlternativeName', shortName);
const serverAuth = extension('extendedKeyUsage', objectIdentifier('1.3.6.1.5.5.7.3.1'));

const verify = (making: Making, options: VerifyChainOptions = {}) =>
  verifyChain(certificate(making), {
    anchors: [root],
    at,
    name: { type: 'dns', value: 'a.b' },
    ...options,
  });

describe('a result has no text that is long because the certificate is', () => {
  test.each<[string, string, Making, Profile, RegExp]>([
    [
      '100,000 key usages',
      'extended-key-usage',
      { extensions: [extension('extendedKeyUsage', repeated(objectIdentifier('1.2.3')))] },
      'rfc5280',
      /and 99,990 more$/,
    ],
    [
      '100,000 names',
      'name',
      {
        extensions: [extension('subjectAlternativeName', repeated(der(0x82, Buffer.from('b.c'))))],
      },
      'rfc5280',
      /and 99,990 more$/,
    ],
    [
      'a long name',
      'name',
      { extensions: [extension('subjectAlternativeName', der(0x81, longText, Buffer.from('@a')))] },
      'rfc5280',
      /characters\)/,
    ],
    [
      'a long host',
      'alternative-names',
      { extensions: [extension('subjectAlternativeName', der(0x82, longText))] },
      'rfc5280',
      /characters\)/,
    ],
    [
      'a long issuer',
      'issuer',
      { issuer: longText.toString(), extensions: [names] },
      'rfc5280',
      /^none$/,
    ],
    [
      'a long common name',
      'webpki',
      { subject: longText.toString(), extensions: [names, serverAuth] },
      'webpki',
      /characters\)/,
    ],
  ])('%s: %s', (_, check, making, profile, actual) => {
    const verification = verify(making, { profile });
    expect(verification).toMatchObject({
      isValid: false,
      faults: [{ check, actual: expect.stringMatching(actual) }],
    });
    const texts: string[] = [];
    const withoutDer = (key: string, value: unknown) => {
      if (typeof value === 'string') texts.push(value);
      return key === 'der' ? undefined : value;
    };
    JSON.stringify(verification, withoutDer);
    for (const text of texts) expect(text.length).toBeLessThan(6000);
  });
});

test('a certificate with 100,000 names is read and verified', () => {
  const extensions = [extension('subjectAlternativeName', repeated(shortName))];
  expect(verify({ extensions })).toMatchObject({ isValid: true });
  expect(parseCertificate(certificate({ extensions })).identifiers).toHaveLength(many);
});

test('a certificate of 10 MB is refused before it is read', () => {
  const large = der(0x30, new Uint8Array(10_000_000));
  expect(() => parseCertificate(large)).toThrow(
    expect.objectContaining({ code: 'ERR_CERTIFICATE_FORMAT' }),
  );
  expect(verifyChain(large)).toMatchObject({ faults: [{ actual: 'more than 1 MiB' }] });
});
