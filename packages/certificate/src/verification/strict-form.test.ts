import { describe, expect, test } from '@jest/globals';
import type { CertificateFields } from './certificate-fields.ts';
import { DerError, expectWellFormed, readDerValue } from './der-value.ts';
import { readName } from './distinguished-name.ts';
import { extensionIdentifiers, type KnownExtensions, readKnownExtensions } from './extensions.ts';
import { keyUsageFault } from './rules/extended-key-usage.ts';
import { issuerKeyFault } from './rules/key-identifiers.ts';
import { nameConstraintFault } from './rules/name-constraints.ts';

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const certificateWith = (known: KnownExtensions) =>
  ({ known, subject: readName(readDerValue(bytes('3000'))) }) as CertificateFields;

describe('an extension is refused where its form is not that of RFC 5280', () => {
  const name = '8201 61';
  test.each<[keyof KnownExtensions, string, string, string]>([
    [
      'basicConstraints',
      'has a member after its last',
      '3006 0101ff 020100',
      '3009 0101ff 020100 020100',
    ],
    ['basicConstraints', 'is out of order', '3003 0101ff', '3006 020100 0101ff'],
    ['authorityKeyIdentifier', 'has a member twice', '3003 800101', '3006 800101 800101'],
    ['authorityKeyIdentifier', 'has an unknown member', '3003 800101', '3003 830101'],
    [
      'nameConstraints',
      'is out of order',
      `3007 a005 3003 ${name}`,
      `300e a105 3003 ${name} a005 3003 ${name}`,
    ],
    ['policyConstraints', 'has a member twice', '3003 800100', '3006 800100 800101'],
    [
      'policyMappings',
      'maps three policies',
      '3008 3006 060129 06012a',
      '300b 3009 060129 06012a 06012b',
    ],
    [
      'certificatePolicies',
      'has a policy of three members',
      '3005 3003 06012a',
      '300b 3009 06012a 3002 3000 0500',
    ],
    [
      'authorityInformationAccess',
      'has an entry without a location',
      `3008 3006 06012a ${name}`,
      '3005 3003 06012a',
    ],
    [
      'cRLDistributionPoints',
      'has an entry without a name',
      `3009 3007 a005 a003 ${name}`,
      '3002 3000',
    ],
    ['cRLDistributionPoints', 'has only reasons', `3007 3005 a203 ${name}`, '3006 3004 81020780'],
    ['subjectAlternativeName', 'has a byte that is not ASCII', `3003 ${name}`, '3003 8201 e9'],
    [
      'subjectAlternativeName',
      'has an otherName without a value',
      '3009 a007 06012a a002 0500',
      '3005 a003 06012a',
    ],
  ])('%s %s', (extension, _, good, bad) => {
    const read = (hex: string) =>
      readKnownExtensions([
        { identifier: extensionIdentifiers[extension], isCritical: false, value: bytes(hex) },
      ]);
    expect(read(good)[extension]).toBeDefined();
    expect(() => read(bad)).toThrow(DerError);
  });
});

test.each([
  ['three members in an attribute', '300e 310c 300a 0603550403 0c0161 0500'],
  ['an attribute without a type', '3007 3105 3003 0c0161'],
  ['a part without attributes', '3002 3100'],
  ['a text that is constructed', '300e 310c 300a 0603550403 2c03 0c0161'],
  ['a number in place of a text', '300c 310a 3008 0603550403 020101'],
  ['an object identifier in place of a text', '300c 310a 3008 0603550403 060129'],
  ['a value of a private type', '300c 310a 3008 0603550403 8b0161'],
])('a name is refused with %s', (_, hex) => {
  expect(() => readName(readDerValue(bytes(hex)))).toThrow(DerError);
});

test.each([
  '0001ff',
  '050100',
  '010101',
  '0203 0000 01',
  '0302 0701',
  '0602 8001',
  '100000',
  '2403 040161',
  '1e01 61',
  '1c02 6161',
])('a value of any type is refused where it is not DER: %s', (hex) => {
  expect(() => expectWellFormed(readDerValue(bytes(hex)))).toThrow(DerError);
});

test('a value of any type is refused where it is too deep', () => {
  const nested = (depth: number): Buffer =>
    depth === 0 ? bytes('0500') : Buffer.concat([bytes('30'), length(depth), nested(depth - 1)]);
  const length = (depth: number) => Uint8Array.of(depth * 2);
  expect(expectWellFormed(readDerValue(nested(30))).tag).toBe(0x30);
  expect(() => expectWellFormed(readDerValue(nested(40)))).toThrow('deep');
});

test('the issuer has the key that the certificate names, but in the profile private', () => {
  const authorityKeyIdentifier = { keyIdentifier: 'aa', hasIssuer: false, hasSerialNumber: false };
  const certificate = certificateWith({ authorityKeyIdentifier });
  const issuer = certificateWith({ subjectKeyIdentifier: 'bb' });
  expect(issuerKeyFault(certificate, issuer, 'rfc5280')?.check).toBe('key-identifiers');
  expect(issuerKeyFault(certificate, issuer, 'private')).toBeUndefined();
  expect(issuerKeyFault(certificate, certificateWith({}), 'rfc5280')).toBeUndefined();
});

test.each([
  ['serverAuth', 2, undefined],
  ['serverAuth', 1, 'key-usage'],
  ['clientAuth', 2, 'key-usage'],
  ['clientAuth', 4, undefined],
] as const)('a key is used for %s as its key usage %d permits', (purpose, usage, check) => {
  const certificate = certificateWith({ keyUsage: new Set([usage]) });
  expect(keyUsageFault(certificate, purpose)?.check).toBe(check);
  expect(keyUsageFault(certificate, undefined)).toBeUndefined();
});

test.each([
  ['https://web.test/path', undefined],
  ['https://user@web.test:8443?x', undefined],
  ['https://web.example/', 'name-constraints'],
  ["http:/'web.test/path", 'name-constraints'],
  ['https://10.0.0.1/', 'name-constraints'],
  ['urn:web.test', 'name-constraints'],
])('a constrained URI needs the name of a permitted host: %s', (value, check) => {
  const certificate = certificateWith({ subjectAlternativeName: [{ kind: 'uri', value }] });
  const permitted = [{ kind: 'uri', value: '.test' } as const];
  const issuer = certificateWith({ nameConstraints: { permitted, excluded: [] } });
  expect(nameConstraintFault(certificate, issuer, { comparisons: 100 })?.check).toBe(check);
});
