import { type KeyObject, verify } from 'node:crypto';
import { isOneSequence, requestedExtensions } from '@acmex/certificate';
import { CertificationRequest } from '@peculiar/asn1-csr';
import { AsnConvert } from '@peculiar/asn1-schema';
import { BasicConstraints, type GeneralName, SubjectAlternativeName } from '@peculiar/asn1-x509';
import { keyOfSpki } from './public-key.ts';

/** The contents of a certificate signing request, not checked. RFC 2986 */
export interface ReadCsr {
  readonly key: KeyObject;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  readonly commonNames: readonly string[];
  readonly extensions: readonly { readonly oid: string; readonly critical: boolean }[];
  /** Undefined without subjectAltName. */
  readonly alternativeNames: readonly GeneralName[] | undefined;
  readonly ca: boolean;
  readonly mustStaple: boolean;
  /** Whether who made it has the key. */
  isSigned(): boolean;
}

const oids = {
  commonName: '2.5.4.3',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  tlsFeature: '1.3.6.1.5.5.7.1.24',
};
/**
 * Which type of key signs with which hash: none of SHA-1. RFC 5758 §3.2, RFC 4055 §5, RFC 8410 §3
 */
const signatures: Readonly<Record<string, readonly [type: string, hash: string | null]>> = {
  '1.2.840.10045.4.3.2': ['ec', 'sha256'],
  '1.2.840.10045.4.3.3': ['ec', 'sha384'],
  '1.2.840.10045.4.3.4': ['ec', 'sha512'],
  '1.2.840.113549.1.1.11': ['rsa', 'sha256'],
  '1.2.840.113549.1.1.12': ['rsa', 'sha384'],
  '1.2.840.113549.1.1.13': ['rsa', 'sha512'],
  '1.3.101.112': ['ed25519', null],
};

/** @throws Error of any kind for an invalid request */
export function readCsr(der: Uint8Array): ReadCsr {
  if (!isOneSequence(der)) throw new RangeError('the bytes are not one DER SEQUENCE');
  const {
    certificationRequestInfo: info,
    certificationRequestInfoRaw: signed,
    signatureAlgorithm: { algorithm },
    signature,
  } = AsnConvert.parse(der, CertificationRequest);
  // "It SHALL be 0 for this version of the standard." RFC 2986 §4.1
  if (info.version !== 0) throw new RangeError('the version of the request is not 1');
  const publicKey = new Uint8Array(AsnConvert.serialize(info.subjectPKInfo));
  const key = keyOfSpki(publicKey);
  if (!key || !signed) throw new RangeError('there is no public key in it');
  const extensions = requestedExtensions(info.attributes ?? []);
  const value = (oid: string) => extensions.find(({ extnID }) => extnID === oid)?.extnValue.buffer;
  const [names, constraints, features] = [
    value(oids.subjectAltName),
    value(oids.basicConstraints),
    value(oids.tlsFeature),
  ];
  return {
    key,
    publicKey,
    commonNames: info.subject
      .flatMap((attributes) => [...attributes])
      .filter(({ type }) => type === oids.commonName)
      .map((attribute) => attribute.value.toString()),
    extensions: extensions.map(({ extnID, critical }) => ({ oid: extnID, critical })),
    alternativeNames:
      names === undefined ? undefined : [...AsnConvert.parse(names, SubjectAlternativeName)],
    ca: constraints !== undefined && AsnConvert.parse(constraints, BasicConstraints).cA,
    // SEQUENCE OF INTEGER, with 5 (status_request) among them. RFC 7633 §4
    mustStaple:
      features !== undefined &&
      Buffer.from(features)
        .subarray(2)
        .includes(Buffer.of(2, 1, 5)),
    isSigned() {
      const [type, hash = null] = signatures[algorithm] ?? [];
      return (
        key.asymmetricKeyType === type &&
        verify(hash, Buffer.from(signed), key, Buffer.from(signature))
      );
    },
  };
}
