import { webcrypto as web } from 'node:crypto';
import { virtualClock } from '@acmex/clock';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ariCertificateId, certificateErrors, type Identifier, parseCertificate, parseChain, parseCsr, verifyIssued } from './index.ts';
import { subjectAltName } from './identifier.ts';
import { x509 } from './x509.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const clock = virtualClock({ now: '2026-06-01T00:00:00Z' });
const keys = () => web.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<web.CryptoKeyPair>;
const names: readonly Identifier[] = [{ type: 'dns', value: 'a.test' }, { type: 'ip', value: '2001:db8::1' }];

let root: web.CryptoKeyPair;
let intermediate: web.CryptoKeyPair;
let other: web.CryptoKeyPair;
let leaf: web.CryptoKeyPair;
let publicKey: Uint8Array;
beforeAll(async () => {
  [root, intermediate, other, leaf] = await Promise.all([keys(), keys(), keys(), keys()]);
  publicKey = new Uint8Array(await web.subtle.exportKey('spki', leaf.publicKey));
});

interface Making {
  readonly identifiers?: readonly Identifier[];
  readonly subject?: web.CryptoKeyPair;
  readonly signer?: web.CryptoKeyPair;
  readonly issuer?: string;
  readonly ca?: boolean;
  readonly notBefore?: string;
  readonly notAfter?: string;
}

async function certificate(name: string, { identifiers = [], subject = leaf, signer = intermediate, issuer = 'CN=intermediate', ca = false, notBefore = '2026-05-01T00:00:00Z', notAfter = '2026-08-01T00:00:00Z' }: Making): Promise<string> {
  const made = await x509.X509CertificateGenerator.create({
    subject: name, issuer, publicKey: subject.publicKey, signingKey: signer.privateKey, signingAlgorithm: algorithm, serialNumber: '8765', notBefore: new Date(notBefore), notAfter: new Date(notAfter),
    extensions: [new x509.BasicConstraintsExtension(ca, undefined, true), ...(identifiers.length > 0 ? [subjectAltName(identifiers)] : []), await x509.AuthorityKeyIdentifierExtension.create(signer.publicKey)],
  });
  return `${made.toString('pem')}\n`;
}
const leafOf = (more: Making = {}) => certificate('', { identifiers: names, ...more });
const intermediateOf = (more: Making = {}) => certificate('CN=intermediate', { subject: intermediate, signer: root, issuer: 'CN=root', ca: true, ...more });
const verify = (chain: string) => verifyIssued(chain, { identifiers: names, publicKey }, { clock });

describe('verifyIssued', () => {
  it('takes what was asked for, in any order and writing of its names', async () => {
    const chain = await leafOf({ identifiers: [{ type: 'ip', value: '2001:db8:0:0::1' }, { type: 'dns', value: 'A.test' }] }) + await intermediateOf();
    const issued = await verify(`text before\n${chain}`);
    expect(issued.chain).toHaveLength(2);
    expect(issued.leaf).toMatchObject({ identifiers: [{ type: 'ip', value: '2001:db8::1' }, { type: 'dns', value: 'a.test' }], keyType: 'ec-p256', isCa: false, serialNumber: '8765' });
    expect(issued.pem).not.toContain('text before');
    expect(parseChain(issued.pem)).toHaveLength(2);
  });
  it.each<[string, () => Promise<string>, string, string]>([
    ['another key', () => leafOf({ subject: other }), 'ERR_CERTIFICATE_KEY', 'another key'],
    ['a name too few', () => leafOf({ identifiers: names.slice(0, 1) }), 'ERR_CERTIFICATE_NAMES', '2001:db8::1 missing'],
    ['a name too many', () => leafOf({ identifiers: [...names, { type: 'dns', value: 'evil.test' }] }), 'ERR_CERTIFICATE_NAMES', '"evil.test" not asked for'],
    ['a wildcard in place of the name', () => leafOf({ identifiers: [{ type: 'dns', value: '*.test' }, names[1]!] }), 'ERR_CERTIFICATE_NAMES', 'a.test missing'],
    ['no names at all', () => leafOf({ identifiers: [] }), 'ERR_CERTIFICATE_NAMES', 'missing'],
    ['a CA certificate', () => leafOf({ ca: true }), 'ERR_CERTIFICATE_CHAIN', 'a CA\'s'],
    ['an issuer with another name', async () => await leafOf({ issuer: 'CN=somebody' }) + await intermediateOf(), 'ERR_CERTIFICATE_CHAIN', 'the names differ'],
    ['an issuer with another key', async () => await leafOf({ signer: other }) + await intermediateOf(), 'ERR_CERTIFICATE_CHAIN', 'has not signed it'],
    ['an issuer that is no CA', async () => await leafOf() + await intermediateOf({ ca: false }), 'ERR_CERTIFICATE_CHAIN', 'no CA\'s'],
    ['an expired certificate', () => leafOf({ notAfter: '2026-06-01T00:00:00Z' }), 'ERR_CERTIFICATE_VALIDITY', 'expired'],
    ['a certificate of the future', () => leafOf({ notBefore: '2026-06-01T00:06:00Z' }), 'ERR_CERTIFICATE_VALIDITY', 'not valid yet'],
    ['nothing', async () => '', 'ERR_CERTIFICATE_FORMAT', 'no certificate'],
  ])('refuses %s', async (_, chain, code, words) => {
    await expect(verify(await chain())).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
  });
  it('forgives a clock that is some minutes behind', async () => {
    await expect(verify(await leafOf({ notBefore: '2026-06-01T00:04:00Z' }))).resolves.toBeDefined();
  });
});

describe('parseChain', () => {
  it('says which certificate is damaged', async () => {
    const damaged = (await intermediateOf()).replace(/\n[^-]{20}/, '\nAAAAAAAAAAAAAAAAAAAA');
    expect(() => parseChain(`${damaged}`)).toThrow(expect.objectContaining({ code: 'ERR_CERTIFICATE_FORMAT', message: expect.stringContaining('certificate 1 of 1') }));
  });
  it('ends for any bytes with a code of its own', async () => {
    const good = parseCertificate(await leafOf()).der;
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, value]) => Uint8Array.from(good, (byte, index) => (index === at ? value : byte))));
    await fc.assert(fc.asyncProperty(bytes, async (input) => {
      for (const read of [() => parseCertificate(input), () => parseCsr(input)]) {
        try {
          await read();
        } catch (error) {
          expect(Object.keys(certificateErrors)).toContain((error as { code?: string }).code);
        }
      }
    }), { numRuns: 300 });
  });
});

describe('ariCertificateId', () => {
  it('is made as RFC 9773 shows it', () => {
    const info = { ...parseless, authorityKeyIdentifier: '69885B6B87464041E1B37B847BA0AE2CDE01C8D4', serialNumber: '87654321' };
    expect(ariCertificateId(info)).toBe('aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE');
  });
  it('needs an authority key identifier', () => {
    expect(() => ariCertificateId({ ...parseless, authorityKeyIdentifier: undefined })).toThrow('authority key identifier');
  });
});

const parseless = { serialNumber: '01' } as ReturnType<typeof parseCertificate>;
