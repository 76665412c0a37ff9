import { webcrypto } from 'node:crypto';
import { type Clock, systemClock } from '@acmex/clock';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  Certificate,
  Extension,
  Extensions,
  Name,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509';
import type { Identifier } from '@acmex/identifier';
import { alternativeNamesValue, subjectAltName } from './alternative-names.ts';
import { toPem } from './pem.ts';
import type { PrivateKey } from './private-key.ts';
import { signatureAlgorithm } from './signature-algorithm.ts';
import { x509 } from './x509.ts';

export interface ExtensionValue {
  /** Object identifier in dots. */
  readonly oid: string;
  readonly critical: boolean;
  /** DER */
  readonly value: Uint8Array;
}

export interface SelfSignedRequest {
  readonly identifiers: readonly Identifier[];
  readonly key: PrivateKey;
  /** Besides subjectAltName. */
  readonly extensions?: readonly ExtensionValue[];
  readonly clock?: Clock;
}

/**
 * Creates a certificate that its own key signs, valid for a week from an hour ago. It is for what
 * needs no trust, such as the response to tls-alpn-01.
 * @returns PEM
 * @throws CertificateError `ERR_CSR_NAMES` for no names, or one that no certificate can have
 */
export async function createSelfSigned({
  identifiers,
  key,
  extensions = [],
  clock = systemClock,
}: SelfSignedRequest): Promise<string> {
  const all = [
    { oid: subjectAltName, critical: false, value: alternativeNamesValue(identifiers) },
    ...extensions,
  ];
  const name = AsnConvert.parse(
    new x509.Name([{ CN: [{ utf8String: 'self-signed' }] }]).toArrayBuffer(),
    Name,
  );
  const moment = (hours: number) => new Date(clock.now().add({ hours }).epochMilliseconds);
  const certificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: positive(webcrypto.getRandomValues(new Uint8Array(16))),
    signature: signatureAlgorithm(key.type),
    issuer: name,
    subject: name,
    validity: new Validity({ notBefore: moment(-1), notAfter: moment(7 * 24) }),
    subjectPublicKeyInfo: AsnConvert.parse(key.publicKey, SubjectPublicKeyInfo),
    extensions: new Extensions(
      all.map(
        (extension) =>
          new Extension({
            extnID: extension.oid,
            critical: extension.critical,
            extnValue: new OctetString(Uint8Array.from(extension.value)),
          }),
      ),
    ),
  });
  const signed = AsnConvert.serialize(certificate);
  const signatureValue = Uint8Array.from(await key.sign(new Uint8Array(signed))).buffer;
  const der = AsnConvert.serialize(
    new Certificate({
      tbsCertificate: certificate,
      tbsCertificateRaw: signed,
      signatureAlgorithm: signatureAlgorithm(key.type),
      signatureValue,
    }),
  );
  return new TextDecoder().decode(toPem('CERTIFICATE', new Uint8Array(der)));
}

/** A serial number is a positive INTEGER, in as few bytes as it needs. RFC 5280 §4.1.2.2 */
function positive(bytes: Uint8Array<ArrayBuffer>): ArrayBuffer {
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.buffer;
}
