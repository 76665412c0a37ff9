// RFC 5280 §4.2.1.1 and §4.2.1.2: authority and subject key identifiers.
import type { CertificateFields } from '../certificate-fields.ts';
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
  const expected = certificate.known.authorityKeyIdentifier?.keyIdentifier;
  const actual = issuer.known.subjectKeyIdentifier;
  if (profile === 'private' || expected === undefined || actual === undefined) return undefined;
  return expected === actual
    ? undefined
    : fault(`an issuer with the key identifier ${expected}`, actual);
}
