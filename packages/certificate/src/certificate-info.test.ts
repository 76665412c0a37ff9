import { createHash, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { certificate, keysOf } from './chain.testing.ts';
import { der as encode, objectIdentifier } from './der.ts';
import {
  ariCertificateId,
  type CertificateInfo,
  certificateErrors,
  parseCertificate,
  parseChain,
  parseCsr,
} from './index.ts';
import { statusRequest, tlsFeature } from './tls-feature.ts';
import { x509 } from './x509.ts';

let pem: string;
let der: Uint8Array;
beforeAll(async () => {
  const keys = await keysOf();
  const identifiers = [
    { type: 'dns', value: '*.A.test' },
    { type: 'ip', value: '192.0.2.1' },
    { type: 'ip', value: '2001:DB8::0:1' },
  ];
  pem = await certificate({
    subject: 'CN=a, O=Acme',
    issuer: 'CN=a, O=Acme',
    keys,
    signer: keys,
    identifiers,
    serialNumber: '00f7650a',
    extensions: [new x509.Extension(tlsFeature, false, statusRequest)],
  });
  der = Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
});
const refusal = (code: string, words: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(words) });

describe('parseCertificate', () => {
  it('reports the contents of a certificate, as Node reads it too', () => {
    const info = parseCertificate(pem);
    const node = new X509Certificate(pem);
    expect(info).toMatchObject({
      subject: 'CN=a, O=Acme',
      issuer: 'CN=a, O=Acme',
      keyType: 'ec-p256',
      isCa: false,
      mustStaple: true,
      otherNames: [],
      identifiers: [
        { type: 'dns', value: '*.a.test' },
        { type: 'ip', value: '192.0.2.1' },
        { type: 'ip', value: '2001:db8::1' },
      ],
      serialNumber: node.serialNumber.toLowerCase(),
      fingerprint: node.fingerprint256.replaceAll(':', '').toLowerCase(),
      pem: node.toString(),
    });
    expect([info.notBefore.epochMilliseconds, info.notAfter.epochMilliseconds]).toEqual([
      Date.parse(node.validFrom),
      Date.parse(node.validTo),
    ]);
    expect(
      Buffer.from(info.publicKey).equals(node.publicKey.export({ format: 'der', type: 'spki' })),
    ).toBe(true);
    expect(info.subjectKeyIdentifier).toMatch(/^[0-9a-f]{40}$/);
    expect(info.authorityKeyIdentifier).toBe(info.subjectKeyIdentifier);
  });
  it('reads DER, PEM, and PEM as bytes', () => {
    const info = parseCertificate(pem);
    expect(parseCertificate(Uint8Array.from(der))).toEqual(info);
    expect(parseCertificate(new TextEncoder().encode(`0 s:CN=a\n${pem}`))).toEqual(info);
    expect(info.fingerprint).toBe(createHash('sha256').update(der).digest('hex'));
  });
  it('refuses bytes behind the certificate, which would give it another fingerprint', () => {
    expect(() => parseCertificate(Buffer.concat([der, Buffer.from([0])]))).toThrow(
      refusal('ERR_CERTIFICATE_FORMAT', 'no certificate'),
    );
    expect(() =>
      parseCertificate(
        `-----BEGIN CERTIFICATE-----\n${Buffer.concat([der, Buffer.from([0])]).toString('base64')}\n-----END CERTIFICATE-----`,
      ),
    ).toThrow(refusal('ERR_CERTIFICATE_FORMAT', 'damaged'));
  });
});

describe('parseCertificate of what no CA makes', () => {
  const commonNames = (type: Uint8Array) =>
    encode(0x30, encode(0x31, encode(0x30, type, encode(0x0c, Buffer.from('a')))));
  const name = commonNames(objectIdentifier('2.5.4.3'));
  const algorithm = encode(0x30, objectIdentifier('1.2.840.10045.4.3.2'));
  const time = encode(0x17, Buffer.from('260501000000Z'));
  const made = (extensions: readonly Uint8Array[], subject = name) => {
    const spki = new X509Certificate(pem).publicKey.export({ format: 'der', type: 'spki' });
    const version = encode(0xa0, encode(0x02, Uint8Array.of(2)));
    const serial = encode(0x02, Uint8Array.of(1));
    const signed = encode(
      0x30,
      ...[version, serial, algorithm, name, encode(0x30, time, time), subject, spki],
      encode(0xa3, encode(0x30, ...extensions)),
    );
    return encode(0x30, signed, algorithm, encode(0x03, Uint8Array.of(0)));
  };
  const extension = (type: string, value: Uint8Array) =>
    encode(0x30, objectIdentifier(type), encode(0x04, value));

  it('reads 100,000 names', () => {
    const names = Array.from({ length: 100_000 }, (_, index) =>
      encode(0x82, Buffer.from(`a${index}.b`)),
    );
    const { identifiers } = parseCertificate(
      made([extension('2.5.29.17', encode(0x30, ...names))]),
    );
    expect(identifiers).toHaveLength(100_000);
    expect(identifiers.at(-1)).toEqual({ type: 'dns', value: 'a99999.b' });
  });
  it('refuses 10 MB', () => {
    expect(() => parseCertificate(encode(0x30, new Uint8Array(10_000_000)))).toThrow(
      refusal('ERR_CERTIFICATE_FORMAT', 'larger than 1 MiB'),
    );
  });
  it.each([
    [
      'an object identifier of 1 MB',
      () =>
        made([], commonNames(encode(0x06, new Uint8Array(1_000_000).fill(0x81), Uint8Array.of(1)))),
      'longer than 256 bytes',
    ],
    [
      'an extension twice',
      () => made(Array.from({ length: 2 }, () => extension('2.5.29.54', Uint8Array.of(2, 1, 0)))),
      'the extension 2.5.29.54 twice',
    ],
    [
      'an extension that is not DER',
      () => made([extension('2.5.29.15', Uint8Array.of(3, 2, 5, 0xff))]),
      'its keyUsage: an unused bit is not 0',
    ],
    ['a length that is indefinite', () => made([Uint8Array.of(0x30, 0x80, 0, 0)]), 'indefinite'],
  ])('refuses %s, and says why', (_, input, words) => {
    expect(() => parseCertificate(input())).toThrow(refusal('ERR_CERTIFICATE_FORMAT', words));
  });
});

describe('parseChain', () => {
  const begin = '-----BEGIN CERTIFICATE-----';
  it('passes over text and other blocks around the certificates', () => {
    expect(
      parseChain(
        `subject=a - b\n${pem}\n-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\nissuer\n${pem}`,
      ),
    ).toHaveLength(2);
  });
  it.each([
    [
      'a block that is not a certificate',
      () => `${pem}${begin}\nAAAA\n-----END CERTIFICATE-----`,
      'certificate 2 of 2',
    ],
    [
      'a block that is not base64',
      () => `${pem}${begin}\n!!!\n-----END CERTIFICATE-----\n${pem}`,
      'certificate 2 of 3',
    ],
    ['a block with a letter too many', () => pem.replace('\n', '\n#'), 'certificate 1 of 1'],
    ['a block that is cut off', () => `${pem}${pem.slice(0, 200)}`, 'certificate 2 of 2'],
    [
      'a block that ends as another',
      () => `${pem}${pem.replace('-----END', '-----END X509')}`,
      'certificate 2 of 2',
    ],
    ['a text without certificates', () => 'hello', 'no certificate'],
    ['more than 1 MiB', () => `${pem}${' '.repeat(1_048_576)}`, 'larger than 1 MiB'],
  ])('refuses %s', (_, text, words) => {
    expect(() => parseChain(text())).toThrow(refusal('ERR_CERTIFICATE_FORMAT', words));
  });
  it('reads a text of a thousand beginnings without an end in no time', () => {
    expect(() => parseChain(begin.repeat(38_000))).toThrow(
      refusal('ERR_CERTIFICATE_FORMAT', 'certificate 1 of 38000'),
    );
  });
});

describe('every reader', () => {
  it('ends for any bytes and any text with a code of its own', async () => {
    const changed = fc
      .array(fc.tuple(fc.nat(der.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 })
      .map((changes) => {
        const bytes = Uint8Array.from(der);
        for (const [at, value] of changes) bytes[at] = value;
        return bytes;
      });
    const wrapped = (bytes: Uint8Array) =>
      ['CERTIFICATE', 'CERTIFICATE REQUEST']
        .map(
          (label) =>
            `-----BEGIN ${label}-----\n${Buffer.from(bytes).toString('base64')}\n-----END ${label}-----`,
        )
        .join('\n');
    const input = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      changed,
      changed.map(wrapped),
      fc.string(),
    );
    await fc.assert(
      fc.asyncProperty(input, async (candidate) => {
        for (const read of [
          () => parseCertificate(candidate),
          () => parseChain(String(candidate)),
          () => parseCsr(candidate),
        ]) {
          const outcome = await (async () => await read())().then(
            () => 'read',
            ({ code }: { code?: string }) => code,
          );
          expect(['read', ...Object.keys(certificateErrors)]).toContain(outcome);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('ariCertificateId', () => {
  it('is made as RFC 9773 §4.1 shows it', () => {
    const info = {
      authorityKeyIdentifier: '69885B6B87464041E1B37B847BA0AE2CDE01C8D4',
      serialNumber: '87654321',
    } as CertificateInfo;
    expect(ariCertificateId(info)).toBe('aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE');
  });
  it('has the serial number with the zero that DER puts before a first bit of 1', () => {
    expect(
      Buffer.from(ariCertificateId(parseCertificate(pem)).split('.')[1]!, 'base64url').toString(
        'hex',
      ),
    ).toBe('00f7650a');
  });
  it('needs an authority key identifier', () => {
    expect(() =>
      ariCertificateId({ ...parseCertificate(pem), authorityKeyIdentifier: undefined }),
    ).toThrow(refusal('ERR_CERTIFICATE_FORMAT', 'authority key identifier'));
  });
});
