import { createHash } from 'node:crypto';
import { generalName } from '@acmex/certificate';
import {
  der,
  members,
  readDerValue,
  readOctetsOfBitString,
  tags,
} from '@acmex/certificate/structure';
import type { Identifier } from '@acmex/identifier';
import { LRUCache } from 'lru-cache';
import { type Constraints, nameConstraints } from './constraints.ts';
import { extensionDer } from './signed.ts';
import { x509 } from './x509.ts';

export type Usage = 'serverAuth' | 'clientAuth';

const usageOids: Readonly<Record<Usage, string>> = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
};

/**
 * The name of a public key in certificates: SHA-1 of its bits, hexadecimal. RFC 5280 §4.2.1.2 (1)
 */
export function keyIdentifier(publicKey: Uint8Array): string {
  return hashOfBits(publicKey).toString('hex');
}

function hashOfBits(publicKey: Uint8Array): Buffer {
  const [, bits] = members(readDerValue(publicKey, tags.sequence));
  if (!bits) throw new RangeError('the public key is not a SubjectPublicKeyInfo');
  return createHash('sha1').update(readOctetsOfBitString(bits)).digest();
}

export interface CaContent {
  readonly publicKey: Uint8Array;
  /** Of the key that signs it. */
  readonly authorityKeyIdentifier: string;
  readonly constraints: Constraints | undefined;
  /** An issuing CA has no CA below it, and issues for TLS alone. */
  readonly issuing: boolean;
}

/** Returns the extensions of a CA certificate, DER. */
export function caExtensions({
  publicKey,
  authorityKeyIdentifier,
  constraints,
  issuing,
}: CaContent): readonly Uint8Array[] {
  return [
    new x509.BasicConstraintsExtension(true, issuing ? 0 : undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ...(issuing ? [new x509.ExtendedKeyUsageExtension(Object.values(usageOids))] : []),
    ...(constraints ? [nameConstraints(constraints)] : []),
    new x509.SubjectKeyIdentifierExtension(keyIdentifier(publicKey)),
    new x509.AuthorityKeyIdentifierExtension(authorityKeyIdentifier),
  ].map(extensionDer);
}

const ocspSigning = '1.3.6.1.5.5.7.3.9';
/** id-pkix-ocsp-nocheck, whose value is NULL. RFC 6960 §4.2.2.2.1 */
const noCheck = {
  type: '1.3.6.1.5.5.7.48.1.5',
  critical: false,
  value: Uint8Array.of(5, 0),
};

/**
 * Returns the extensions of a responder's certificate, DER. No one asks whether it is revoked: its life
 * is short.
 */
export function responderExtensions({
  publicKey,
  authorityKeyIdentifier,
}: Pick<CaContent, 'publicKey' | 'authorityKeyIdentifier'>): readonly Uint8Array[] {
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([ocspSigning]),
    noCheck,
    new x509.SubjectKeyIdentifierExtension(keyIdentifier(publicKey)),
    new x509.AuthorityKeyIdentifierExtension(authorityKeyIdentifier),
  ].map(extensionDer);
}

export interface LeafContent {
  readonly identifiers: readonly Identifier[];
  readonly publicKey: Uint8Array;
  readonly rsa: boolean;
  readonly usages: readonly Usage[];
  readonly mustStaple: boolean;
  /** Where the issuer's certificate and its list of revoked ones are; absent where at no URL. */
  readonly issuerUrl?: string | undefined;
  readonly crlUrl?: string | undefined;
  readonly ocspUrl?: string | undefined;
}

const oids = { subjectAltName: '2.5.29.17', subjectKeyIdentifier: '2.5.29.14' };

/**
 * What is each server certificate's own, DER. Its subject is empty, so its names are critical. RFC
 * 5280 §4.2.1.6
 */
export function namesAndKey({
  identifiers,
  publicKey,
}: Pick<LeafContent, 'identifiers' | 'publicKey'>): readonly Uint8Array[] {
  return [
    {
      type: oids.subjectAltName,
      critical: true,
      value: der(tags.sequence, ...identifiers.map(generalName)),
    },
    {
      type: oids.subjectKeyIdentifier,
      critical: false,
      value: der(tags.octetString, hashOfBits(publicKey)),
    },
  ].map(extensionDer);
}

/** What all server certificates of one kind have in common, DER: made once for each kind. */
export function constantExtensions({
  authorityKeyIdentifier,
}: {
  readonly authorityKeyIdentifier: string;
}): (leaf: Omit<LeafContent, 'identifiers' | 'publicKey'>) => readonly Uint8Array[] {
  const made = new LRUCache<string, readonly Uint8Array[]>({ max: 100 });
  return ({ rsa, usages, mustStaple, issuerUrl, crlUrl, ocspUrl }) => {
    const kind = JSON.stringify([rsa, usages, mustStaple, issuerUrl, crlUrl, ocspUrl]);
    const extensions =
      made.get(kind) ??
      [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(
          rsa
            ? x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment
            : x509.KeyUsageFlags.digitalSignature,
          true,
        ),
        new x509.ExtendedKeyUsageExtension(usages.map((usage) => usageOids[usage])),
        new x509.AuthorityKeyIdentifierExtension(authorityKeyIdentifier),
        ...(issuerUrl === undefined && ocspUrl === undefined
          ? []
          : [
              new x509.AuthorityInfoAccessExtension({
                ...url('ocsp', ocspUrl),
                ...url('caIssuers', issuerUrl),
              }),
            ]),
        ...(crlUrl === undefined ? [] : [new x509.CRLDistributionPointsExtension([crlUrl])]),
        // TLS Feature with status_request: SEQUENCE { INTEGER 5 }. RFC 7633
        ...(mustStaple
          ? [new x509.Extension('1.3.6.1.5.5.7.1.24', false, Uint8Array.of(0x30, 3, 2, 1, 5))]
          : []),
      ].map(extensionDer);
    made.set(kind, extensions);
    return extensions;
  };
}

function url(name: 'ocsp' | 'caIssuers', value: string | undefined) {
  return value === undefined ? {} : { [name]: new x509.GeneralName('url', value) };
}
