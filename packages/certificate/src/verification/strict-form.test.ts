import { constants, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import {
  type CertificateFields,
  readAlgorithm,
  readCertificateFields,
} from './certificate-fields.ts';
import {
  DerError,
  expectWellFormed,
  members,
  readDerValue,
  readOctetsOfBitString,
} from './der-value.ts';
import { readName } from './distinguished-name.ts';
import {
  type AuthorityKeyIdentifier,
  extensionIdentifiers,
  type KnownExtensions,
  readKnownExtensions,
} from './extensions.ts';
import { firstFault, type Profile } from './fault.ts';
import {
  anyExtendedKeyUsage,
  extendedKeyUsageFault,
  keyUsageFault,
  netscapeTypeFault,
  purposes,
} from './rules/extended-key-usage.ts';
import { formRules } from './rules/form.ts';
import { issuerKeyFault } from './rules/key-identifiers.ts';
import { nameConstraintFault } from './rules/name-constraints.ts';
import { signatureFault } from './signature.ts';

const hexText = (text: string) => Buffer.from(text).toString('hex');
const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const certificateWith = (known: KnownExtensions) =>
  ({ known, subject: readName(readDerValue(bytes('3000'))) }) as CertificateFields;

/** Returns a value as hexadecimal, with a tag. */
const value = (tag: string, ...contents: readonly string[]): string => {
  const content = bytes(contents.join(''));
  return `${tag}${Buffer.of(content.length).toString('hex')}${content.toString('hex')}`;
};
const sequence = (...contents: readonly string[]) => value('30', ...contents);
const point = (...fields: readonly string[]) => sequence(sequence(...fields));
const partyName = (...fields: readonly string[]) => sequence(value('a5', ...fields));
const otherName = (content: string) =>
  sequence(value('a0', value('06', '2a'), value('a0', content)));

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
    [
      'cRLDistributionPoints',
      'has 8 unused bits in its reasons',
      point(value('81', '0780'), value('a2', name)),
      point(value('81', '0880'), value('a2', name)),
    ],
    [
      'cRLDistributionPoints',
      'has unused bits of no byte in its reasons',
      point(value('81', '00'), value('a2', name)),
      point(value('81', '07'), value('a2', name)),
    ],
    [
      'cRLDistributionPoints',
      'has reasons without contents',
      point(value('81', '00'), value('a2', name)),
      point(value('81'), value('a2', name)),
    ],
    [
      'cRLDistributionPoints',
      'has an issuer without names',
      point(value('a2', name)),
      point(value('a2')),
    ],
    [
      'cRLDistributionPoints',
      'has a full name without names',
      point(value('a0', value('a0', name))),
      point(value('a0', value('a0'))),
    ],
    [
      'authorityKeyIdentifier',
      'has a serial number that is not in its shortest form',
      sequence(value('82', '01')),
      sequence(value('82', '0001')),
    ],
    [
      'authorityKeyIdentifier',
      'has an empty serial number',
      sequence(value('82', '01')),
      sequence(value('82')),
    ],
    [
      'authorityKeyIdentifier',
      'has an issuer without names',
      sequence(value('a1', name)),
      sequence(value('a1')),
    ],
    [
      'nameConstraints',
      'has an empty list of permitted names',
      sequence(value('a1', sequence(name))),
      sequence(value('a0'), value('a1', sequence(name))),
    ],
    [
      'subjectAlternativeName',
      'has an ediPartyName without a name of the party',
      partyName(value('a1', value('0c', '61'))),
      partyName(value('a0', value('0c', '61'))),
    ],
    [
      'subjectAlternativeName',
      'has an ediPartyName that is not a DirectoryString',
      partyName(value('a1', value('0c', '61'))),
      partyName(value('a1', value('16', '61'))),
    ],
    [
      'subjectAlternativeName',
      'has an ENUMERATED that is not in its shortest form',
      otherName(value('0a', '01')),
      otherName(value('0a', '0001')),
    ],
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
  ['a VisibleString', '300c 310a 3008 0603550403 1a0161'],
  ['a surrogate in a BMPString', '300d 310b 3009 0603550403 1e02d800'],
  ['a surrogate in a UniversalString', '300f 310d 300b 0603550403 1c040000dfff'],
])('a name is refused with %s', (_, hex) => {
  expect(() => readName(readDerValue(bytes(hex)))).toThrow(DerError);
});

test('names are the same only with the same kind of value', () => {
  const key = (content: string) =>
    readName(readDerValue(bytes(sequence(value('31', sequence('0603550403', content)))))).key;
  const text = (tag: string, characters: string) =>
    key(value(tag, Buffer.from(characters).toString('hex')));
  expect(text('0c', 'Number 12')).toBe(text('13', 'NUMBER  12'));
  expect(text('12', '12')).not.toBe(text('0c', '12'));
  expect(text('0c', '03020080')).not.toBe(key('03020080'));
  expect(text('0c', 'a\u0001')).not.toBe(text('0c', 'a'));
});

describe('a unique identifier is a BIT STRING, in version 2 or 3', () => {
  const [date, algorithm, octets] = [value('17', hexText('260101000000Z')), '06012a', '030100'];
  const certificate = (version: string, ...identifiers: readonly string[]) =>
    bytes(
      sequence(
        sequence(
          ...[version, '020101', sequence(algorithm), sequence(), sequence(date, date)],
          ...[sequence(), sequence(sequence(algorithm), octets), ...identifiers],
        ),
        sequence(algorithm),
        octets,
      ),
    );
  test.each(['', '81', '82'].flatMap((tag) => ['a003020101', 'a003020102'].map((v) => [tag, v])))(
    'it is read: %s %s',
    (tag, version) => {
      const identifiers = tag === '' ? [] : [value(tag, '0780')];
      expect(readCertificateFields(certificate(version, ...identifiers)).version).toBeDefined();
    },
  );
  test.each([
    ['of version 1', '', '810200ff'],
    ['without contents', 'a003020102', '8100'],
    ['with 42 unused bits', 'a003020102', '82082a2e6c6561662e74'],
    ['with 8 unused bits', 'a003020102', '81020880'],
    ['with unused bits of no byte', 'a003020102', '810101'],
    ['that is constructed', 'a003020102', 'a2020080'],
    ['of version 4', 'a003020103', ''],
  ])('it is refused %s', (_, version, identifier) => {
    expect(() => readCertificateFields(certificate(version, identifier))).toThrow(DerError);
  });
});

test.each([
  '0001ff',
  '050100',
  '010101',
  '0203 0000 01',
  '0302 0701',
  '0a02 0001',
  '0a00',
  '0602 8001',
  '100000',
  '1000',
  '1100',
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
  const authorityKeyIdentifier = {
    keyIdentifier: 'aa',
    issuer: undefined,
    serialNumber: undefined,
  };
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
  ['https://web.test?x', 'name-constraints'],
  ['https://web.test#x', 'name-constraints'],
  ['https://web.test:x@web.example/', 'name-constraints'],
  ['https://user:web.test@web.test/', 'name-constraints'],
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

test('the issuer is the certificate that an authority key identifier names', () => {
  const [root, unrelated] = ['CN=Root', 'CN=Unrelated'].map((text) => {
    const attribute = sequence('0603550403', value('0c', hexText(text)));
    return readName(readDerValue(bytes(sequence(value('31', attribute)))));
  });
  if (!root || !unrelated) throw new Error('there are no names');
  const serialNumber = bytes('41');
  const issuer = { ...certificateWith({}), issuer: root, serialNumber };
  const check = (authority: Partial<AuthorityKeyIdentifier>, profile: Profile = 'rfc5280') => {
    const known = { keyIdentifier: undefined, issuer: undefined, serialNumber: undefined };
    const authorityKeyIdentifier = { ...known, ...authority };
    return issuerKeyFault(certificateWith({ authorityKeyIdentifier }), issuer, profile)?.check;
  };
  const directory = (name: typeof root) => [{ kind: 'directory', value: name } as const];
  expect(check({ issuer: directory(root), serialNumber })).toBeUndefined();
  expect(check({ issuer: directory(unrelated), serialNumber })).toBe('key-identifiers');
  expect(check({ issuer: directory(root), serialNumber: bytes('42') })).toBe('key-identifiers');
  expect(check({ serialNumber: bytes('42') }, 'private')).toBeUndefined();
});

const { serverAuth, clientAuth } = purposes;
test.each([
  ['leaf', 'rfc5280', [serverAuth], undefined],
  ['leaf', 'rfc5280', [anyExtendedKeyUsage, clientAuth], 'extended-key-usage'],
  ['intermediate', 'rfc5280', [anyExtendedKeyUsage], 'extended-key-usage'],
  ['anchor', 'rfc5280', [clientAuth], 'extended-key-usage'],
  ['leaf', 'private', [anyExtendedKeyUsage], undefined],
  ['anchor', 'private', [clientAuth], undefined],
  ['leaf', 'private', [clientAuth], 'extended-key-usage'],
] as const)('a %s in the profile %s has the extended key usage %j', (...row) => {
  const [role, profile, extendedKeyUsage, check] = row;
  const certificate = certificateWith({ extendedKeyUsage });
  const fault = extendedKeyUsageFault(certificate, 'serverAuth', { role, profile });
  expect(fault?.check).toBe(check);
});

test.each([
  ['serverAuth', 1, undefined],
  ['serverAuth', 0, 'extended-key-usage'],
  ['clientAuth', 1, 'extended-key-usage'],
  ['ocspSigning', 1, undefined],
] as const)('a Netscape certificate type limits a leaf: %s with bit %d', (purpose, bit, check) => {
  const certificate = certificateWith({ netscapeCertificateType: new Set([bit]) });
  expect(netscapeTypeFault(certificate, purpose)?.check).toBe(check);
});

test.each(['1.3.6.1.5.5.7.1.7', '1.3.6.1.5.5.7.1.8', '1.3.6.1.5.5.7.1.14', '1.3.6.1.5.5.7.1.28'])(
  'a certificate of another kind of service is refused by its extension %s',
  (identifier) => {
    const extensions = [{ identifier, isCritical: false, value: bytes('3000') }];
    const certificate = { ...certificateWith({}), ...formed, extensions };
    const fault = firstFault(formRules, (rule) =>
      rule(certificate, { role: 'leaf', profile: 'private' }),
    );
    expect(fault?.expected).toBe('a certificate for TLS');
  },
);
const algorithm = readAlgorithm(readDerValue(bytes('3003 06012a')));
const formed = {
  ...{ version: 3, serialNumber: bytes('01'), signedAlgorithm: algorithm },
  signatureAlgorithm: algorithm,
  issuer: readName(readDerValue(bytes(sequence(value('31', sequence('0603550403', '0c0161')))))),
};

test.each([
  ['email', '', 'someone@web.test', 'name-constraints'],
  ['email', 'web.test', 'someone@web.test', undefined],
  ['uri', '', 'https://web.test/', 'name-constraints'],
  ['dns', '', 'web.test', undefined],
] as const)('a name is permitted by the constraint %s:%s or not', (kind, base, name, check) => {
  const certificate = certificateWith({ subjectAlternativeName: [{ kind, value: name }] });
  const permitted = [{ kind, value: base }];
  const issuer = certificateWith({ nameConstraints: { permitted, excluded: [] } });
  expect(nameConstraintFault(certificate, issuer, { comparisons: 100 })?.check).toBe(check);
});

test.each([
  ['160161', undefined],
  ['0c0161', 'name-constraints'],
])('a constrained e-mail address of a subject is an IA5String: %s', (content, check) => {
  const attribute = sequence(value('06', '2a864886f70d010901'), content);
  const subject = readName(readDerValue(bytes(sequence(value('31', attribute)))));
  const nameConstraints = { permitted: [], excluded: [{ kind: 'dns', value: 'x' } as const] };
  const certificate = { ...certificateWith({}), subject };
  const issuer = certificateWith({ nameConstraints });
  expect(nameConstraintFault(certificate, issuer, { comparisons: 100 })?.check).toBe(check);
});

describe('the parameters of an algorithm are those of its standard', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const [signed, salt] = [
    bytes('aa'),
    { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
  ];
  const sha256 = '06096086480165030402 01';
  const pss = (hash: string, ...more: readonly string[]) =>
    value(
      '30',
      ...[value('a0', sequence(hash)), value('a1', sequence(mgf1, sequence(sha256)))],
      ...['a203020120', ...more],
    );
  const mgf1 = '06092a864886f70d010108';
  test.each([
    ['Ed25519 without parameters', '06032b6570', undefined],
    ['Ed25519 with NULL', '06032b65700500', 'algorithm'],
    ['RSASSA-PSS', `06092a864886f70d01010a${pss(sha256)}`, undefined],
    [
      'RSASSA-PSS with NULL in its hash',
      `06092a864886f70d01010a${pss(`${sha256}0500`)}`,
      undefined,
    ],
    [
      'RSASSA-PSS with a trailer field of 1',
      `06092a864886f70d01010a${pss(sha256, 'a303020101')}`,
      undefined,
    ],
    [
      'RSASSA-PSS with another trailer field',
      `06092a864886f70d01010a${pss(sha256, 'a303020102')}`,
      'algorithm',
    ],
    [
      'RSASSA-PSS with an unknown member',
      `06092a864886f70d01010a${pss(sha256, 'a403020101')}`,
      'algorithm',
    ],
    [
      'RSASSA-PSS with a hash with a number',
      `06092a864886f70d01010a${pss(`${sha256}020100`)}`,
      'algorithm',
    ],
  ])('%s', (_, hex, check) => {
    const isRsa = hex.startsWith('0609');
    const signature = isRsa
      ? sign('sha256', signed, { key: rsa.privateKey, ...salt })
      : sign(null, signed, privateKey);
    const spki = (isRsa ? rsa.publicKey : publicKey).export({ type: 'spki', format: 'der' });
    const [keyAlgorithm, bits] = members(readDerValue(spki));
    if (!keyAlgorithm || !bits) throw new Error('the key has no members');
    const issuer = {
      ...certificateWith({}),
      publicKey: spki,
      keyAlgorithm: readAlgorithm(keyAlgorithm),
      keyBits: readOctetsOfBitString(bits),
    };
    const signatureAlgorithm = readAlgorithm(readDerValue(bytes(sequence(hex))));
    expect(signatureFault({ signed, signature, signatureAlgorithm }, issuer)?.check).toBe(check);
  });
});
