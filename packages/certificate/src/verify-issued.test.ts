import type { webcrypto as web } from 'node:crypto';
import { virtualClock } from '@acmex/clock';
import type { Identifier } from '@acmex/identifier';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { AsnConvert } from '@peculiar/asn1-schema';
import { Certificate } from '@peculiar/asn1-x509';
import { type Algorithm, algorithms, certificate, keysOf, type Making } from './chain.testing.ts';
import { parseChain, verifyIssued } from './index.ts';
import { x509 } from './x509.ts';

const clock = virtualClock({ now: '2026-06-01T00:00:00Z' });
const names: readonly Identifier[] = [
  { type: 'dns', value: 'a.test' },
  { type: 'ip', value: '2001:db8::1' },
];
const otherName = new x509.SubjectAlternativeNameExtension([
  { type: 'dns', value: 'a.test' },
  { type: 'ip', value: '2001:db8::1' },
  { type: 'email', value: 'a@evil.test' },
]);
const clientAuth = '1.3.6.1.5.5.7.3.2';
const addressAsName = new x509.SubjectAlternativeNameExtension([
  { type: 'dns', value: 'a.test' },
  { type: 'dns', value: '2001:db8::1' },
]);

let root: web.CryptoKeyPair;
let intermediate: web.CryptoKeyPair;
let otherKeys: web.CryptoKeyPair;
let leaf: web.CryptoKeyPair;
let publicKey: Uint8Array;
beforeAll(async () => {
  [root, intermediate, otherKeys, leaf] = await Promise.all([
    keysOf(),
    keysOf(),
    keysOf(),
    keysOf(),
  ]);
  publicKey = new Uint8Array(await crypto.subtle.exportKey('spki', leaf.publicKey));
});

const leafOf = (more: Partial<Making> = {}) =>
  certificate({
    issuer: 'CN=intermediate',
    identifiers: names,
    keys: leaf,
    signer: intermediate,
    ...more,
  });
const intermediateOf = (more: Partial<Making> = {}) =>
  certificate({
    subject: 'CN=intermediate',
    issuer: 'CN=root',
    keys: intermediate,
    signer: root,
    ca: true,
    ...more,
  });
const rootOf = (more: Partial<Making> = {}) =>
  certificate({
    subject: 'CN=root',
    issuer: 'CN=root',
    keys: root,
    signer: root,
    ca: true,
    ...more,
  });
const verify = (chain: string) => verifyIssued(chain, { identifiers: names, publicKey }, { clock });

const derOf = (pem: string) => Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
const pemOf = (der: Uint8Array) =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`;

/** A certificate whose last byte, which is of its signature, is another. */
function tampered(pem: string): string {
  const der = derOf(pem);
  der.writeUInt8(der.readUInt8(der.length - 1) ^ 1, der.length - 1);
  return pemOf(der);
}

/** A certificate that names its signature algorithm with parameters beside what is signed. */
function withParameters(pem: string): string {
  const read = AsnConvert.parse(derOf(pem), Certificate);
  read.signatureAlgorithm.parameters = Uint8Array.of(0x05, 0x00).buffer;
  return pemOf(new Uint8Array(AsnConvert.serialize(read)));
}

describe('verifyIssued', () => {
  it('takes what was asked for, in any order and writing of its names', async () => {
    const chain =
      (await leafOf({
        identifiers: [
          { type: 'ip', value: '2001:db8:0:0::1' },
          { type: 'dns', value: 'A.test' },
        ],
      })) +
      (await intermediateOf()) +
      (await rootOf());
    const issued = await verify(`text before\r\n${chain.replaceAll('\n', '\r\n')}`);
    expect(issued.leaf).toMatchObject({
      identifiers: [
        { type: 'ip', value: '2001:db8::1' },
        { type: 'dns', value: 'a.test' },
      ],
      keyType: 'ec-p256',
      isCa: false,
      serialNumber: '8765',
    });
    expect(issued.chain.map(({ subject }) => subject)).toEqual(['', 'CN=intermediate', 'CN=root']);
    expect(issued.chain[0]).toBe(issued.leaf);
    expect(issued.pem).toMatch(
      /^(-----BEGIN CERTIFICATE-----\n([\w+/=]{1,64}\n)+-----END CERTIFICATE-----\n){3}$/,
    );
    expect(parseChain(issued.pem)).toEqual(issued.chain);
  });
  it.each(Object.keys(algorithms) as Algorithm[])(
    'takes a chain signed with %s',
    async (algorithm) => {
      const signer = await keysOf(algorithm);
      await expect(
        verify((await leafOf({ signer, algorithm })) + (await intermediateOf({ keys: signer }))),
      ).resolves.toBeDefined();
      await expect(
        verify(
          tampered(await leafOf({ signer, algorithm })) + (await intermediateOf({ keys: signer })),
        ),
      ).rejects.toMatchObject({ code: 'ERR_CERTIFICATE_CHAIN' });
    },
  );
  it.each<[string, () => Promise<string>, string, string]>([
    ['another key', () => leafOf({ keys: otherKeys }), 'ERR_CERTIFICATE_KEY', 'another key'],
    [
      'a name too few',
      () => leafOf({ identifiers: names.slice(0, 1) }),
      'ERR_CERTIFICATE_NAMES',
      '"ip:2001:db8::1" missing',
    ],
    [
      'a name too many',
      () => leafOf({ identifiers: [...names, { type: 'dns', value: 'evil.test' }] }),
      'ERR_CERTIFICATE_NAMES',
      '"dns:evil.test" not asked for',
    ],
    [
      'a name of another kind too many',
      () => leafOf({ identifiers: [], extensions: [otherName] }),
      'ERR_CERTIFICATE_NAMES',
      '"email:a@evil.test" not asked for',
    ],
    [
      'an address that is written as a DNS name',
      () => leafOf({ identifiers: [], extensions: [addressAsName] }),
      'ERR_CERTIFICATE_NAMES',
      '"ip:2001:db8::1" missing; "dns:2001:db8::1" not asked for',
    ],
    [
      'a second list of names',
      () => leafOf({ extensions: [otherName] }),
      'ERR_CERTIFICATE_FORMAT',
      'certificate 1 of 1',
    ],
    [
      'a wildcard in place of the name',
      () => leafOf({ identifiers: [{ type: 'dns', value: '*.test' }, ...names.slice(1)] }),
      'ERR_CERTIFICATE_NAMES',
      '"dns:a.test" missing',
    ],
    ['no names at all', () => leafOf({ identifiers: [] }), 'ERR_CERTIFICATE_NAMES', 'missing'],
    ['a CA certificate', () => leafOf({ ca: true }), 'ERR_CERTIFICATE_CA', "a CA's"],
    [
      'an issuer with another name',
      async () => (await leafOf({ issuer: 'CN=somebody' })) + (await intermediateOf()),
      'ERR_CERTIFICATE_CHAIN',
      'certificate 2 of the chain is not the issuer of certificate 1: the names differ',
    ],
    [
      'an issuer with another key',
      async () => (await leafOf({ signer: otherKeys })) + (await intermediateOf()),
      'ERR_CERTIFICATE_CHAIN',
      'has not signed it',
    ],
    [
      'a signature algorithm that is not the signed one',
      async () => withParameters(await leafOf()) + (await intermediateOf()),
      'ERR_CERTIFICATE_CHAIN',
      'has not signed it',
    ],
    [
      'an issuer that is not a CA',
      async () => (await leafOf()) + (await intermediateOf({ ca: false })),
      'ERR_CERTIFICATE_CHAIN',
      "not a CA's",
    ],
    [
      'a root with another key',
      async () => (await leafOf()) + (await intermediateOf()) + (await rootOf({ keys: otherKeys })),
      'ERR_CERTIFICATE_CHAIN',
      'certificate 3 of the chain is not the issuer of certificate 2: it has not signed it',
    ],
    [
      'an expired certificate',
      () => leafOf({ notAfter: '2026-05-31T23:59:59Z' }),
      'ERR_CERTIFICATE_VALIDITY',
      'expired',
    ],
    [
      'a certificate of the future',
      () => leafOf({ notBefore: '2026-06-01T00:06:00Z' }),
      'ERR_CERTIFICATE_VALIDITY',
      'not valid yet',
    ],
    [
      'an expired issuer',
      async () => (await leafOf()) + (await intermediateOf({ notAfter: '2026-05-31T00:00:00Z' })),
      'ERR_CERTIFICATE_VALIDITY',
      'expired',
    ],
    [
      "a certificate for other purposes than a server's",
      () => leafOf({ extensions: [new x509.ExtendedKeyUsageExtension([clientAuth])] }),
      'ERR_CERTIFICATE_PURPOSE',
      'not for serverAuth, only for',
    ],
    ['nothing', async () => '', 'ERR_CERTIFICATE_FORMAT', 'no certificate'],
  ])('refuses %s', async (_, chain, code, words) => {
    await expect(verify(await chain())).rejects.toMatchObject({
      code,
      message: expect.stringContaining(words),
    });
  });
  const certificates = async () => ({
    leaf: await leafOf(),
    intermediate: await intermediateOf(),
    root: await rootOf(),
    stray: await certificate({
      subject: 'CN=stray',
      issuer: 'CN=none',
      keys: otherKeys,
      signer: otherKeys,
    }),
    strayRoot: await certificate({
      subject: 'CN=stray',
      issuer: 'CN=stray',
      keys: otherKeys,
      signer: otherKeys,
      ca: true,
    }),
  });
  type Part = keyof Awaited<ReturnType<typeof certificates>>;
  it.each<[readonly Part[], readonly string[], readonly RegExp[]]>([
    [['leaf', 'intermediate', 'root'], ['intermediate', 'root'], []],
    [['leaf', 'root', 'intermediate'], ['intermediate', 'root'], [/wrong order/]],
    [['root', 'intermediate', 'leaf'], ['intermediate', 'root'], [/wrong order/]],
    [['intermediate', 'leaf'], ['intermediate'], [/wrong order/]],
    [['leaf', 'intermediate', 'intermediate'], ['intermediate'], [/a certificate twice/]],
    [['leaf', 'leaf', 'intermediate', 'leaf'], ['intermediate'], [/2 certificates twice/]],
    [['leaf', 'intermediate', 'stray'], ['intermediate'], [/does not belong/]],
    [['leaf', 'stray', 'intermediate', 'root'], ['intermediate', 'root'], [/does not belong/]],
    [['strayRoot', 'leaf', 'intermediate'], ['intermediate'], [/wrong order/, /does not belong/]],
    [
      ['root', 'strayRoot', 'intermediate', 'leaf', 'root', 'leaf'],
      ['intermediate', 'root'],
      [/wrong order/, /2 certificates twice/, /does not belong/],
    ],
  ])('puts a chain of %j in order, with a warning', async (order, issuers, warnings) => {
    const all = await certificates();
    const issued = await verify(order.map((name) => all[name]).join(''));
    expect(issued.chain.map(({ subject }) => subject)).toEqual([
      '',
      ...issuers.map((name) => `CN=${name}`),
    ]);
    expect(issued.pem).toBe(issued.chain.map(({ pem }) => pem).join(''));
    expect(issued.warnings).toEqual(
      warnings.map((words) => expect.stringMatching(words) as unknown as string),
    );
  });
  it('uses the issuer that is valid of two with the same key', async () => {
    const expired = await intermediateOf({ notAfter: '2026-05-31T00:00:00Z', serialNumber: '01' });
    const issued = await verify((await leafOf()) + expired + (await intermediateOf()));
    expect(issued.chain[1]?.serialNumber).toBe('8765');
  });
  it('is content in the second in which a certificate ends, and no longer in the next', async () => {
    await expect(verify(await leafOf({ notAfter: '2026-06-01T00:00:00Z' }))).resolves.toBeDefined();
  });
  it.each([
    ['serverAuth', ['1.3.6.1.5.5.7.3.1'], undefined],
    ['any purpose', ['2.5.29.37.0'], undefined],
    ['the purpose that was asked for', [clientAuth], ['clientAuth'] as const],
  ])('takes a certificate for %s', async (_, usages, purposes) => {
    const extensions = [new x509.ExtendedKeyUsageExtension(usages)];
    const chain = await leafOf({ extensions });
    await expect(
      verifyIssued(chain, { identifiers: names, publicKey, purposes }, { clock }),
    ).resolves.toMatchObject({ leaf: { extendedKeyUsage: usages } });
  });
  it('forgives a clock that is some minutes behind', async () => {
    await expect(
      verify(await leafOf({ notBefore: '2026-06-01T00:04:00Z' })),
    ).resolves.toBeDefined();
  });
  it('forgives an expired root, with which CAs knowingly end a chain', async () => {
    await expect(
      verify(
        (await leafOf()) +
          (await intermediateOf()) +
          (await rootOf({ notAfter: '2026-05-31T00:00:00Z' })),
      ),
    ).resolves.toBeDefined();
  });
  it('lets nothing out of a certificate reach a terminal that would obey it', async () => {
    const identifiers = new x509.SubjectAlternativeNameExtension([
      { type: 'dns', value: `\u001b[2J\u009b${'a'.repeat(10_000)}` },
    ]);
    const { message } = await verify(
      await leafOf({ identifiers: [], extensions: [identifiers] }),
    ).then(
      () => new Error('taken'),
      (error: Error) => error,
    );
    expect(message).toMatch(/^[ -~]{1,1000}$/);
  });
});
