import { createHash, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { certificate, keysOf } from './chain.testing.ts';
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
