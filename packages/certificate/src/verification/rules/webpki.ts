// CA/Browser Forum, Baseline Requirements for TLS server certificates, §6.1.5, §6.1.6 and §7.1.
import type { CertificateFields } from '../certificate-fields.ts';
import { attributeTexts, commonName, isEmptyName } from '../distinguished-name.ts';
import { keyUsages } from '../extensions.ts';
import { boundedText, type CertificateRule, type Fault } from '../fault.ts';
import type { GeneralName } from '../general-name.ts';
import { rsaBits } from './algorithms.ts';
import { anyExtendedKeyUsage } from './extended-key-usage.ts';
import { isCritical } from './form.ts';
import { addressText } from './subject-name.ts';

const fault = (expected: string, actual: string): Fault => ({
  check: 'webpki',
  expected,
  actual,
});

/** Returns whether a domain is one below which independent people register names. */
export type IsPublicSuffix = (domain: string) => boolean;

const leafRules: readonly ((certificate: CertificateFields) => Fault | undefined)[] = [
  // §7.1.2.7.8
  ({ known }) =>
    known.basicConstraints?.isCa === true
      ? fault("a server's certificate", 'a CA certificate')
      : undefined,
  // §7.1.2.7.11
  ({ known: { keyUsage } }) =>
    keyUsage?.has(keyUsages.keyCertSign) === true
      ? fault('a key usage without keyCertSign', 'keyCertSign')
      : undefined,
  // §7.1.2.7.10
  (certificate) => {
    const { extendedKeyUsage } = certificate.known;
    if (!extendedKeyUsage) return fault('an extended key usage', 'none');
    if (extendedKeyUsage.includes(anyExtendedKeyUsage))
      return fault('named key usages', 'anyExtendedKeyUsage');
    return isCritical(certificate, 'extendedKeyUsage')
      ? fault('an extended key usage that is not critical', 'a critical one')
      : undefined;
  },
  // §7.1.2.7.12
  (certificate) => {
    const { subjectAlternativeName } = certificate.known;
    if (!subjectAlternativeName) return fault('a subjectAltName', 'none');
    const isNeeded = isEmptyName(certificate.subject);
    return !isNeeded && isCritical(certificate, 'subjectAlternativeName')
      ? fault('a subjectAltName that is not critical beside a subject', 'a critical one')
      : undefined;
  },
  // §7.1.4.3
  ({ subject, known: { subjectAlternativeName = [] } }) => {
    const names = new Set(subjectAlternativeName.map(writtenName));
    const strange = attributeTexts(subject, commonName).find((text) => !names.has(text));
    return strange === undefined
      ? undefined
      : fault(
          'a common name that is one of the subjectAltName',
          JSON.stringify(boundedText(strange)),
        );
  },
];

function writtenName(name: GeneralName): string {
  if (name.kind === 'ip') return addressText(name.value);
  return name.kind === 'directory' ? '' : name.value;
}

/** §7.1.2.1: what a root certificate must not have. */
function rootFault({ known, issuer, subject }: CertificateFields): Fault | undefined {
  if (known.extendedKeyUsage) return fault('no extended key usage in a root', 'one');
  const { authorityKeyIdentifier: authority, subjectKeyIdentifier } = known;
  if (!authority || issuer.key !== subject.key) return undefined;
  if (authority.issuer || authority.serialNumber)
    return fault('only a key identifier in the authority key identifier of a root', 'more');
  return authority.keyIdentifier === subjectKeyIdentifier
    ? undefined
    : fault('the same authority and subject key identifier in a root', 'different ones');
}

/** §6.1.5, §7.1.3.1: RSA of at least 2048 bits in whole bytes, or a named curve. */
function keyFault(certificate: CertificateFields): Fault | undefined {
  const bits = rsaBits(certificate);
  if (bits !== undefined)
    return bits % 8 === 0 ? undefined : fault('an RSA key of whole bytes', `${bits} bits`);
  const isEc = certificate.keyAlgorithm.identifier === '1.2.840.10045.2.1';
  const isNamed = certificate.keyAlgorithm.parameters?.tag === 0x06;
  return isEc && !isNamed ? fault('a named curve', 'explicit parameters') : undefined;
}

const webpkiRule: CertificateRule = (certificate, { role, profile }) => {
  if (profile !== 'webpki') return undefined;
  const weak = keyFault(certificate);
  if (weak) return weak;
  if (role === 'anchor') return rootFault(certificate);
  if (role !== 'leaf') return undefined;
  for (const rule of leafRules) {
    const leafFault = rule(certificate);
    if (leafFault) return leafFault;
  }
  return undefined;
};

export const webpkiRules: readonly CertificateRule[] = [webpkiRule];

/** §3.2.2.6: no wildcard directly below a public suffix. */
export function publicSuffixFault(
  { known: { subjectAlternativeName = [] } }: CertificateFields,
  isPublicSuffix: IsPublicSuffix,
): Fault | undefined {
  const wide = subjectAlternativeName.find(
    ({ kind, value }) =>
      kind === 'dns' && value.startsWith('*.') && isPublicSuffix(value.slice(2).toLowerCase()),
  );
  return wide && fault('a wildcard below a registered domain', String(wide.value));
}
