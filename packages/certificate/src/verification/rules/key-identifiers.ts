// RFC 5280 §4.2.1.1 and §4.2.1.2: authority and subject key identifiers.
import { type CertificateFields, serialText } from '../certificate-fields.ts';
import { nameText } from '../distinguished-name.ts';
import type { AuthorityKeyIdentifier } from '../extensions.ts';
import type { CertificateRule, Fault, Profile } from '../fault.ts';
import { signatureFault } from '../signature.ts';
import { isCritical } from './form.ts';

const fault = (expected: string, actual: string): Fault => ({
  check: 'key-identifiers',
  expected,
  actual,
});

/** A certificate that its own key has signed needs none. */
const authority: CertificateRule = (certificate, { profile }) => {
  if (profile === 'private') return undefined;
  const identifier = certificate.known.authorityKeyIdentifier;
  if (isCritical(certificate, 'authorityKeyIdentifier'))
    return fault('an authority key identifier that is not critical', 'a critical one');
  if (identifier?.keyIdentifier === undefined && signatureFault(certificate, certificate))
    return fault('an authority key identifier', 'none');
  return undefined;
};

const subject: CertificateRule = (certificate, { profile }) => {
  if (profile === 'private') return undefined;
  const { subjectKeyIdentifier, basicConstraints } = certificate.known;
  if (isCritical(certificate, 'subjectKeyIdentifier'))
    return fault('a subject key identifier that is not critical', 'a critical one');
  if (basicConstraints?.isCa === true && subjectKeyIdentifier === undefined)
    return fault('a subject key identifier in a CA certificate', 'none');
  return undefined;
};

export const keyIdentifierRules: readonly CertificateRule[] = [authority, subject];

/**
 * RFC 5280 §4.2.1.2: the subject key identifier of a CA "MUST be the value placed in the key
 * identifier field of the authority key identifier extension" of the certificates that it issues.
 */
export function issuerKeyFault(
  certificate: CertificateFields,
  issuer: CertificateFields,
  profile: Profile,
): Fault | undefined {
  const authority = certificate.known.authorityKeyIdentifier;
  if (profile === 'private' || !authority) return undefined;
  const expected = authority.keyIdentifier;
  const actual = issuer.known.subjectKeyIdentifier;
  if (expected !== undefined && actual !== undefined && expected !== actual)
    return fault(`an issuer with the key identifier ${expected}`, actual);
  return issuerCertificateFault(authority, issuer);
}

/** RFC 5280 §4.2.1.1: the certificate of the issuer, by its own issuer and its serial number. */
function issuerCertificateFault(
  { issuer: names = [], serialNumber }: AuthorityKeyIdentifier,
  issuer: CertificateFields,
): Fault | undefined {
  for (const name of names)
    if (name.kind === 'directory' && name.value.key !== issuer.issuer.key)
      return fault(`an issuer that ${nameText(name.value)} has certified`, nameText(issuer.issuer));
  if (!serialNumber || Buffer.from(serialNumber).equals(issuer.serialNumber)) return undefined;
  const expected = serialText({ serialNumber });
  return fault(`an issuer with the serial number ${expected}`, serialText(issuer));
}
