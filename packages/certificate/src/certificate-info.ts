import { createHash } from 'node:crypto';
import { Temporal } from 'temporal-polyfill';
import { CertificateError } from './errors.ts';
import { type Identifier, identifiersOf } from './identifier.ts';
import { describePublicKey } from './key-object.ts';
import { fromPem, toPem } from './pem.ts';
import { x509 } from './x509.ts';

/** What stands in a certificate. Its texts are data: a CA could have written anything into them. */
export interface CertificateInfo {
  readonly subject: string;
  readonly issuer: string;
  /** The DNS names and IP addresses of its subjectAltName. */
  readonly identifiers: readonly Identifier[];
  /** Lower-case hexadecimal, as the certificate has it. */
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
  readonly der: Uint8Array;
  readonly pem: string;
}

const largest = 1_048_576;

/**
 * Reads one certificate.
 * @param input DER, or PEM whose first certificate is read; 1 MiB at most
 * @throws CertificateError `ERR_CERTIFICATE_FORMAT`
 */
export function parseCertificate(input: string | Uint8Array): CertificateInfo {
  if (typeof input !== 'string') return describe(readCertificate(input, 'the certificate'));
  const [first] = parseChain(input);
  if (first) return first;
  throw new CertificateError('ERR_CERTIFICATE_FORMAT', 'this holds no certificate');
}

/**
 * Reads all certificates of a PEM text, in its order; text around them is passed over.
 * @throws CertificateError `ERR_CERTIFICATE_FORMAT`, saying which of them cannot be read
 */
export function parseChain(pem: string): readonly CertificateInfo[] {
  return readChain(pem).map(describe);
}

/** The same, as the library has them. */
export function readChain(pem: string): readonly x509.X509Certificate[] {
  if (pem.length > largest) throw new CertificateError('ERR_CERTIFICATE_FORMAT', 'this is larger than any chain of certificates');
  const blocks = fromPem(pem, /^(X509 |TRUSTED )?CERTIFICATE$/);
  if (blocks.length === 0) throw new CertificateError('ERR_CERTIFICATE_FORMAT', 'this holds no certificate: give PEM with a block "BEGIN CERTIFICATE"');
  return blocks.map((der, index) => readCertificate(der, `certificate ${index + 1} of ${blocks.length}`));
}

function readCertificate(der: Uint8Array, what: string): x509.X509Certificate {
  try {
    if (der.length > largest) throw new RangeError('too large');
    const certificate = new x509.X509Certificate(Uint8Array.from(der));
    describe(certificate);   // the library reads many parts only when they are asked for
    return certificate;
  } catch (cause) {
    throw new CertificateError('ERR_CERTIFICATE_FORMAT', `${what} cannot be read: it is damaged, or no certificate`, { cause });
  }
}

/** What stands in a certificate that could be read. */
export function describe(certificate: x509.X509Certificate): CertificateInfo {
  const der = new Uint8Array(certificate.rawData);
  const names = certificate.getExtension(x509.SubjectAlternativeNameExtension);
  const publicKey = new Uint8Array(certificate.publicKey.rawData);
  return {
    subject: certificate.subject,
    issuer: certificate.issuer,
    identifiers: names ? identifiersOf(names.names).identifiers : [],
    serialNumber: certificate.serialNumber,
    notBefore: instant(certificate.notBefore),
    notAfter: instant(certificate.notAfter),
    publicKey,
    keyType: describePublicKey(publicKey),
    fingerprint: createHash('sha256').update(der).digest('hex'),
    isCa: certificate.getExtension(x509.BasicConstraintsExtension)?.ca ?? false,
    authorityKeyIdentifier: certificate.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId,
    subjectKeyIdentifier: certificate.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId,
    mustStaple: certificate.getExtension('1.3.6.1.5.5.7.1.24') !== null,
    der,
    pem: new TextDecoder().decode(toPem('CERTIFICATE', der)),
  };
}

function instant(date: Date): Temporal.Instant {
  return Temporal.Instant.fromEpochMilliseconds(date.getTime());
}
