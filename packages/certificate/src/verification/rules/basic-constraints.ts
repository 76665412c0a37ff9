// RFC 5280 §4.2.1.3 and §4.2.1.9: who may sign certificates.
import { type CertificateFields, isSelfIssued } from '../certificate-fields.ts';
import { keyUsages } from '../extensions.ts';
import type { CertificateRule, Fault } from '../fault.ts';
import { isCritical } from './form.ts';

const basic = (expected: string, actual: string): Fault => ({
  check: 'basic-constraints',
  expected,
  actual,
});
const usage = (expected: string, actual: string): Fault => ({
  check: 'key-usage',
  expected,
  actual,
});

/** A certificate that signs others is a CA's, and says so. */
const issuerIsCa: CertificateRule = (certificate, { role, profile }) => {
  const { basicConstraints, keyUsage } = certificate.known;
  if (role === 'leaf') return undefined;
  if (basicConstraints?.isCa !== true)
    return basic('a CA certificate', basicConstraints ? 'cA is false' : 'no basic constraints');
  if (profile !== 'private' && !isCritical(certificate, 'basicConstraints'))
    return basic('critical basic constraints', 'ones that are not critical');
  if (keyUsage && !keyUsage.has(keyUsages.keyCertSign))
    return usage('the key usage keyCertSign', 'other key usages');
  return undefined;
};

/** The two extensions agree. */
const consistent: CertificateRule = ({ known: { basicConstraints, keyUsage } }) => {
  const maySign = keyUsage?.has(keyUsages.keyCertSign) === true;
  if (maySign && basicConstraints?.isCa !== true)
    return usage('keyCertSign only in a CA certificate', 'keyCertSign in another');
  if (basicConstraints?.pathLength !== undefined && keyUsage && !maySign)
    return basic('a path length only with keyCertSign', 'a path length without it');
  return undefined;
};

export const basicConstraintRules: readonly CertificateRule[] = [issuerIsCa, consistent];

/**
 * Checks how many CA certificates are below an issuer. Self-issued ones do not count.
 *
 * @param below the certificates below the issuer, the leaf first
 */
export function pathLengthFault(
  issuer: CertificateFields,
  below: readonly CertificateFields[],
): Fault | undefined {
  const limit = issuer.known.basicConstraints?.pathLength;
  const count = countIntermediates(below);
  if (limit === undefined || count <= limit) return undefined;
  return {
    check: 'path-length',
    expected: `at most ${limit} CA certificates below it`,
    actual: String(count),
  };
}

/** Returns how many of the certificates of a path are those of CAs that are not self-issued. */
export function countIntermediates(path: readonly CertificateFields[]): number {
  return path.slice(1).filter((certificate) => !isSelfIssued(certificate)).length;
}
