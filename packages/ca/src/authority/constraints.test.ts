import { webcrypto } from '@acmex/certificate';
import { AsnConvert } from '@peculiar/asn1-schema';
import { GeneralName, GeneralSubtree, GeneralSubtrees, NameConstraints } from '@peculiar/asn1-x509';
import { describe, expect, it } from '@jest/globals';
import { createAuthority, issuerOf } from '../index.ts';
import { permits } from './constraints.ts';
import { x509 } from './x509.ts';

type Names = readonly Partial<GeneralName>[];
const dns = (value: string) => ({ type: 'dns', value });
const ip = (value: string) => ({ type: 'ip', value });

/** A CA's certificate of the user's own making. */
async function certificate(permitted: Names, excluded: Names) {
  const subtrees = (names: Names) =>
    names.length === 0
      ? undefined
      : new GeneralSubtrees(
          names.map((name) => new GeneralSubtree({ base: new GeneralName(name) })),
        );
  const [permittedSubtrees, excludedSubtrees] = [subtrees(permitted), subtrees(excluded)];
  const value = AsnConvert.serialize(
    new NameConstraints({
      ...(permittedSubtrees ? { permittedSubtrees } : {}),
      ...(excludedSubtrees ? { excludedSubtrees } : {}),
    }),
  );
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ]);
  return await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Own',
    keys,
    extensions: [new x509.Extension('2.5.29.30', true, value)],
  });
}

describe('name constraints', () => {
  it.each<
    [
      string,
      Names,
      Names,
      readonly { type: string; value: string }[],
      readonly { type: string; value: string }[],
    ]
  >([
    [
      'a domain',
      [{ dNSName: 'Corp.example' }],
      [],
      [dns('corp.example'), dns('a.corp.example'), ip('192.0.2.1')],
      [dns('evilcorp.example'), dns('example')],
    ],
    [
      'what is below a domain',
      [{ dNSName: '.corp.example' }],
      [],
      [dns('a.corp.example')],
      [dns('corp.example')],
    ],
    [
      'all but a domain',
      [],
      [{ dNSName: 'corp.example' }],
      [dns('a.example'), ip('::1')],
      [dns('corp.example'), dns('a.corp.example')],
    ],
    [
      'a domain without one below it',
      [{ dNSName: 'corp.example' }],
      [{ dNSName: 'secret.corp.example' }],
      [dns('corp.example'), dns('*.www.corp.example')],
      [
        dns('secret.corp.example'),
        dns('x.secret.corp.example'),
        dns('*.secret.corp.example'),
        dns('*.corp.example'),
      ],
    ],
    [
      'a domain below an excluded one, which a wildcard does not cover',
      [],
      [{ dNSName: 'a.secret.corp.example' }],
      [dns('*.corp.example'), dns('secret.corp.example')],
      [dns('*.secret.corp.example'), dns('*.a.secret.corp.example')],
    ],
    ['no names at all', [], [{ dNSName: '' }], [ip('192.0.2.1')], [dns('example')]],
    [
      'a range',
      [{ iPAddress: '10.0.0.0/8' }],
      [],
      [ip('10.255.255.255'), dns('example')],
      [ip('11.0.0.0'), ip('::ffff:a00:1'), ip('fd00::1')],
    ],
    [
      'all but a range',
      [],
      [{ iPAddress: '::/0' }],
      [ip('10.0.0.1')],
      [ip('fd00::1'), ip('::ffff:a00:1')],
    ],
  ])('for %s permit what OpenSSL would', async (_, permitted, excluded, good, bad) => {
    const allowed = permits(await certificate(permitted, excluded));
    expect(good.filter((text) => !allowed(text))).toEqual([]);
    expect(bad.filter(allowed)).toEqual([]);
  });
  it('of a CA made here exclude the kinds of names that were not given', async () => {
    const { issuing, issuingKey } = await createAuthority({
      name: 'Corp',
      passphrase: 'correct horse battery',
      keyType: 'ec-p256',
      constraints: { domains: [], addresses: ['10.0.0.0/8'] },
    });
    const issuer = issuerOf({ chain: issuing, key: await webcrypto().import(issuingKey) });
    expect(
      [dns('example'), ip('fd00::1'), ip('11.0.0.1'), ip('10.0.0.1')].map((text) =>
        issuer.permits(text),
      ),
    ).toEqual([false, false, false, true]);
  });
});
