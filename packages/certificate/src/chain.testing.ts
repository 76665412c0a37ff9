import type { webcrypto as web } from 'node:crypto';
import type { Identifier } from '@acmex/identifier';
import { alternativeNamesValue, subjectAltName } from './alternative-names.ts';
import { x509 } from './x509.ts';

export const algorithms = {
  'ec-p256': { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  'ec-p384': { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' },
  'ec-p521': { name: 'ECDSA', namedCurve: 'P-521', hash: 'SHA-512' },
  'ec-p256 with SHA-384': { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-384' },
  'rsa-2048': {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-512',
    modulusLength: 2048,
    publicExponent: Uint8Array.of(1, 0, 1),
  },
  'rsa-2048 with SHA-1': {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-1',
    modulusLength: 2048,
    publicExponent: Uint8Array.of(1, 0, 1),
  },
  'rsa-2048 with PSS': {
    name: 'RSA-PSS',
    hash: 'SHA-256',
    saltLength: 32,
    modulusLength: 2048,
    publicExponent: Uint8Array.of(1, 0, 1),
  },
  ed25519: { name: 'Ed25519' },
} as const;

export type Algorithm = keyof typeof algorithms;

/** A pair of keys for a party of a chain. */
export async function keysOf(algorithm: Algorithm = 'ec-p256'): Promise<web.CryptoKeyPair> {
  return (await crypto.subtle.generateKey(algorithms[algorithm] as web.EcKeyGenParams, true, [
    'sign',
    'verify',
  ])) as web.CryptoKeyPair;
}

export interface Making {
  readonly subject?: string;
  readonly issuer?: string;
  /** Whose certificate it is. */
  readonly keys: web.CryptoKeyPair;
  /** Who signs it, and how. */
  readonly signer: web.CryptoKeyPair;
  readonly algorithm?: Algorithm;
  readonly identifiers?: readonly Identifier[];
  readonly ca?: boolean;
  readonly notBefore?: string;
  readonly notAfter?: string;
  readonly serialNumber?: string;
  readonly extensions?: readonly x509.Extension[];
}

/** A certificate as PEM. */
export async function certificate({
  subject = '',
  issuer = '',
  keys,
  signer,
  algorithm = 'ec-p256',
  identifiers = [],
  ca = false,
  notBefore = '2026-05-01T00:00:00Z',
  notAfter = '2026-08-01T00:00:00Z',
  serialNumber = '8765',
  extensions = [],
}: Making): Promise<string> {
  const made = await x509.X509CertificateGenerator.create({
    subject,
    issuer,
    serialNumber,
    publicKey: keys.publicKey,
    signingKey: signer.privateKey,
    signingAlgorithm: algorithms[algorithm],
    notBefore: new Date(notBefore),
    notAfter: new Date(notAfter),
    extensions: [
      new x509.BasicConstraintsExtension(ca, undefined, true),
      ...(identifiers.length > 0
        ? [
            new x509.Extension(
              subjectAltName,
              false,
              Uint8Array.from(alternativeNamesValue(identifiers)),
            ),
          ]
        : []),
      await x509.AuthorityKeyIdentifierExtension.create(signer.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ...extensions,
    ],
  });
  return `${made.toString('pem')}\n`;
}
