import type { KeyType, PrivateKey } from '@acmex/certificate';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier,
  Certificate,
  CertificateList,
  Extension,
  Extensions,
  type Name,
  SubjectPublicKeyInfo,
  type TBSCertList,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509';
import type { Temporal } from 'temporal-polyfill';
import type { ExtensionDer } from './extensions.ts';

// RFC 5758 §3.2, RFC 4055 §5 (with its NULL), RFC 8410 §3
const algorithms: Readonly<Record<KeyType, string>> = {
  'ec-p256': '1.2.840.10045.4.3.2',
  'ec-p384': '1.2.840.10045.4.3.3',
  'ec-p521': '1.2.840.10045.4.3.4',
  'rsa-2048': '1.2.840.113549.1.1.11',
  'rsa-3072': '1.2.840.113549.1.1.11',
  'rsa-4096': '1.2.840.113549.1.1.11',
  ed25519: '1.3.101.112',
};

/** How a key signs. */
export function signatureAlgorithm(type: KeyType): AlgorithmIdentifier {
  return new AlgorithmIdentifier({
    algorithm: algorithms[type],
    ...(type.startsWith('rsa') ? { parameters: null } : {}),
  });
}

/** How a key signs, as DER. */
export function signatureAlgorithmDer(type: KeyType): Uint8Array {
  return new Uint8Array(AsnConvert.serialize(signatureAlgorithm(type)));
}

export interface CertificateContent {
  /** Hexadecimal, of a positive number without bytes to spare. */
  readonly serialNumber: string;
  readonly issuer: Name;
  readonly subject: Name;
  readonly notBefore: Temporal.Instant;
  readonly notAfter: Temporal.Instant;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  readonly extensions: readonly ExtensionDer[];
}

/**
 * A certificate, signed through `key.sign` alone, so that the key may be anywhere. DER. RFC 5280
 * §4.1
 */
export async function signedCertificate(
  { serialNumber, publicKey, notBefore, notAfter, extensions, ...names }: CertificateContent,
  key: PrivateKey,
): Promise<Uint8Array> {
  const content = new TBSCertificate({
    ...names,
    version: Version.v3,
    serialNumber: Uint8Array.from(Buffer.from(serialNumber, 'hex')).buffer,
    signature: signatureAlgorithm(key.type),
    validity: new Validity({ notBefore: date(notBefore), notAfter: date(notAfter) }),
    subjectPublicKeyInfo: AsnConvert.parse(publicKey, SubjectPublicKeyInfo),
    extensions: new Extensions(
      extensions.map(
        ({ type, critical, value }) =>
          new Extension({ extnID: type, critical, extnValue: new OctetString(value) }),
      ),
    ),
  });
  const raw = AsnConvert.serialize(content);
  return new Uint8Array(
    AsnConvert.serialize(
      new Certificate({
        tbsCertificate: content,
        tbsCertificateRaw: raw,
        ...(await signature(raw, key)),
      }),
    ),
  );
}

/** A list of revoked certificates, signed in the same way. DER. RFC 5280 §5.1 */
export async function signedList(content: TBSCertList, key: PrivateKey): Promise<Uint8Array> {
  const raw = AsnConvert.serialize(content);
  const { signatureAlgorithm: algorithm, signatureValue } = await signature(raw, key);
  return new Uint8Array(
    AsnConvert.serialize(
      new CertificateList({
        tbsCertList: content,
        tbsCertListRaw: raw,
        signatureAlgorithm: algorithm,
        signature: signatureValue,
      }),
    ),
  );
}

async function signature(content: ArrayBuffer, key: PrivateKey) {
  return {
    signatureAlgorithm: signatureAlgorithm(key.type),
    signatureValue: Uint8Array.from(await key.sign(new Uint8Array(content))).buffer,
  };
}

/** RFC 7468 */
export function certificatePem(der: Uint8Array): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der)
    .toString('base64')
    .replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`;
}

/** Whole seconds, as certificates have them. */
export function date(moment: Temporal.Instant): Date {
  return new Date(
    moment.round({ smallestUnit: 'second', roundingMode: 'floor' }).epochMilliseconds,
  );
}
