import { readCertificateFields } from './verification/certificate-fields.ts';
import type { CertificateInfo } from './certificate-info.ts';

/** Names of certificate extensions, as RFCs write them. RFC 5280 §4.2, RFC 6962 §3.3, RFC 7633 */
const names: Readonly<Record<string, string>> = {
  '2.5.29.9': 'subjectDirectoryAttributes',
  '2.5.29.14': 'subjectKeyIdentifier',
  '2.5.29.15': 'keyUsage',
  '2.5.29.17': 'subjectAltName',
  '2.5.29.18': 'issuerAltName',
  '2.5.29.19': 'basicConstraints',
  '2.5.29.30': 'nameConstraints',
  '2.5.29.31': 'cRLDistributionPoints',
  '2.5.29.32': 'certificatePolicies',
  '2.5.29.33': 'policyMappings',
  '2.5.29.35': 'authorityKeyIdentifier',
  '2.5.29.36': 'policyConstraints',
  '2.5.29.37': 'extKeyUsage',
  '2.5.29.46': 'freshestCRL',
  '2.5.29.54': 'inhibitAnyPolicy',
  '2.5.29.56': 'noRevAvail',
  '1.3.6.1.5.5.7.1.1': 'authorityInfoAccess',
  '1.3.6.1.5.5.7.1.11': 'subjectInfoAccess',
  '1.3.6.1.5.5.7.1.24': 'tlsfeature',
  '1.3.6.1.5.5.7.1.31': 'acmeIdentifier',
  '1.3.6.1.5.5.7.48.1.5': 'ocsp-nocheck',
  '1.3.6.1.4.1.11129.2.4.2': 'signedCertificateTimestamps',
  '1.3.6.1.4.1.11129.2.4.3': 'ctPoison',
};

/** An extension of a certificate, without its value. RFC 5280 §4.2 */
export interface NamedExtension {
  /** The object identifier. */
  readonly id: string;
  /** As its RFC writes it; undefined for one that is not known here. */
  readonly name: string | undefined;
  readonly critical: boolean;
}

/**
 * Returns the extensions of a certificate, in its order.
 * @throws DerError for what is not a certificate; never for one that was parsed
 */
export function namedExtensions({ der }: Pick<CertificateInfo, 'der'>): readonly NamedExtension[] {
  return readCertificateFields(der).extensions.map(({ identifier, isCritical }) => ({
    id: identifier,
    name: Object.hasOwn(names, identifier) ? names[identifier] : undefined,
    critical: isCritical,
  }));
}
