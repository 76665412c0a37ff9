import { Temporal } from 'temporal-polyfill';
import { CertificateError } from './errors.ts';
import type { Identifier } from '@acmex/identifier';
import { alternativeNames } from './alternative-names.ts';
import { describePublicKey } from './key-object.ts';
import { asksForStapling, tlsFeature } from './tls-feature.ts';
import {
  type CertificateFields,
  readCertificateFields,
  serialText,
} from './verification/certificate-fields.ts';
import { DerError } from './verification/der-value.ts';
import { nameText } from './verification/distinguished-name.ts';
import { repeatedExtension } from './verification/rules/form.ts';
import { blocksOf, largestText, toPem } from './pem.ts';

/**
 * The contents of a certificate. Its texts are untrusted: a CA could have written anything into
 * them.
 */
export interface CertificateInfo {
  readonly subject: string;
  readonly issuer: string;
  /** The DNS names and IP addresses of its subjectAltName. */
  readonly identifiers: readonly Identifier[];
  /** The names of other kinds in it, such as `email:someone@example.com`. */
  readonly otherNames: readonly string[];
  /** Lower-case hexadecimal, without leading zero bytes. */
  readonly serialNumber: string;
  readonly notBefore: Temporal.Instant;
  readonly notAfter: Temporal.Instant;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  /** In words; one of `keyTypes` where it is supported. */
  readonly keyType: string;
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly fingerprint: string;
  readonly isCa: boolean;
  /** Hexadecimal. */
  readonly authorityKeyIdentifier: string | undefined;
  readonly subjectKeyIdentifier: string | undefined;
  readonly mustStaple: boolean;
  /** Object identifiers of what the key may be used for; undefined for anything. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  readonly der: Uint8Array;
  readonly pem: string;
}

/**
 * Reads one certificate.
 * @param input DER, or PEM whose first certificate is read; 1 MiB at most
 * @throws CertificateError `ERR_CERTIFICATE_FORMAT`
 */
export function parseCertificate(input: string | Uint8Array): CertificateInfo {
  const [first] = certificateBlocks(input);
  return readCertificate(first, 'the certificate');
}

/**
 * Reads all certificates of a PEM text, in its order; text around them is passed over.
 * @param pem 1 MiB at most
 * @throws CertificateError `ERR_CERTIFICATE_FORMAT`, saying which of them cannot be read
 */
export function parseChain(pem: string): readonly CertificateInfo[] {
  const blocks = certificateBlocks(pem);
  return blocks.map((der, index) =>
    readCertificate(der, `certificate ${index + 1} of ${blocks.length}`),
  );
}

/**
 * Returns the certificates of a file as PEM, in their order; whatever is around them is left out.
 * @param bytes PEM, or one certificate as DER; 1 MiB at most
 * @throws CertificateError `ERR_CERTIFICATE_FORMAT`
 */
export function certificatesPem(bytes: Uint8Array): string {
  const blocks = certificateBlocks(bytes);
  return blocks
    .map((der, index) => readCertificate(der, `certificate ${index + 1} of ${blocks.length}`).pem)
    .join('');
}

function certificateBlocks(input: string | Uint8Array): readonly (Uint8Array | undefined)[] {
  if (input.length > largestText)
    throw new CertificateError(
      'ERR_CERTIFICATE_FORMAT',
      'this is larger than 1 MiB, and so than any chain of certificates',
    );
  const blocks = blocksOf(input, /^(X509 |TRUSTED )?CERTIFICATE$/);
  if (blocks.length === 0)
    throw new CertificateError(
      'ERR_CERTIFICATE_FORMAT',
      'this holds no certificate: use PEM with a block "BEGIN CERTIFICATE", or one certificate as DER',
    );
  return blocks;
}

function readCertificate(der: Uint8Array | undefined, what: string): CertificateInfo {
  if (der === undefined) throw unreadable(what, 'the PEM block does not end, or is not base64');
  return withCertificateErrors(what, () => describe(readCertificateFields(Uint8Array.from(der))));
}

/**
 * Runs a reader of a certificate, so that it fails with a stable code.
 *
 * @param what the certificate, for the error: `the issuer`
 * @throws CertificateError `ERR_CERTIFICATE_FORMAT` in place of DerError
 */
export function withCertificateErrors<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DerError) throw unreadable(what, error.message, error);
    throw error;
  }
}

function unreadable(what: string, reason: string, cause?: DerError): CertificateError {
  return new CertificateError(
    'ERR_CERTIFICATE_FORMAT',
    `${what} cannot be read: it is damaged, or not a certificate in DER (${reason}); get it again`,
    { cause },
  );
}

function describe(certificate: CertificateFields): CertificateInfo {
  const { der, extensions, known, publicKey } = certificate;
  // RFC 5280 §4.2: "A certificate MUST NOT include more than one instance of a particular
  // extension."
  const repeated = repeatedExtension(extensions);
  if (repeated !== undefined) throw new DerError(`it has the extension ${repeated} twice`);
  return {
    subject: nameText(certificate.subject),
    issuer: nameText(certificate.issuer),
    ...alternativeNames(known.subjectAlternativeName ?? []),
    serialNumber: serialText(certificate),
    notBefore: Temporal.Instant.fromEpochMilliseconds(certificate.notBefore),
    notAfter: Temporal.Instant.fromEpochMilliseconds(certificate.notAfter),
    publicKey: Uint8Array.from(publicKey),
    keyType: describePublicKey(publicKey),
    fingerprint: certificate.fingerprint,
    isCa: known.basicConstraints?.isCa ?? false,
    authorityKeyIdentifier: known.authorityKeyIdentifier?.keyIdentifier,
    subjectKeyIdentifier: known.subjectKeyIdentifier,
    mustStaple: asksForStapling(
      extensions.find(({ identifier }) => identifier === tlsFeature)?.value,
    ),
    extendedKeyUsage: known.extendedKeyUsage,
    der,
    pem: new TextDecoder().decode(toPem('CERTIFICATE', der)),
  };
}
