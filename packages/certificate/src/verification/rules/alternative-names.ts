// RFC 5280 §4.2.1.6: the names of the subject.
import { isEmptyName } from '../distinguished-name.ts';
import type { CertificateRule, Fault, Profile } from '../fault.ts';
import { boundedText, firstFault } from '../fault.ts';
import type { GeneralName } from '../general-name.ts';
import { isCritical } from './form.ts';

const fault = (expected: string, actual: string): Fault => ({
  check: 'alternative-names',
  expected,
  actual,
});

/** A subject without a name is named by a critical extension alone. */
const criticality: CertificateRule = (certificate, { profile }) => {
  if (!isEmptyName(certificate.subject) || profile === 'private') return undefined;
  return isCritical(certificate, 'subjectAlternativeName')
    ? undefined
    : fault('a critical subjectAltName beside an empty subject', 'none that is critical');
};

const syntax: CertificateRule = ({ known }, { profile }) =>
  firstFault(known.subjectAlternativeName ?? [], (name) => nameFault(name, profile));

export const alternativeNameRules: readonly CertificateRule[] = [criticality, syntax];

function nameFault(name: GeneralName, profile: Profile): Fault | undefined {
  switch (name.kind) {
    case 'dns':
      return isDnsName(name.value, profile)
        ? undefined
        : fault('a DNS name in A-labels', JSON.stringify(boundedText(name.value)));
    case 'email':
      return isMailbox(name.value)
        ? undefined
        : fault('an e-mail address', JSON.stringify(boundedText(name.value)));
    case 'ip':
      return name.value.length === 4 || name.value.length === 16
        ? undefined
        : fault('an address of 4 or 16 bytes', `${name.value.length} bytes`);
    case 'uri':
      return uri.test(name.value)
        ? undefined
        : fault('a URI with a scheme', JSON.stringify(boundedText(name.value)));
    default:
      return undefined;
  }
}

/** A scheme and what follows it, in the characters of RFC 3986 §2. */
const uri = /^[a-z][a-z0-9+.-]*:[\w!#$%&'()*+,./:;=?@[\]~-]+$/i;
const label = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/i;
const lenientLabel = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$/i;

/**
 * Returns whether a text is a DNS name in the preferred syntax, also a wildcard. RFC 1034 §3.5, RFC
 * 1123 §2.1
 */
function isDnsName(text: string, profile: Profile): boolean {
  const labels = text.split('.');
  const pattern = profile === 'private' ? lenientLabel : label;
  const fixed = labels[0] === '*' ? labels.slice(1) : labels;
  // A last label of digits alone is the end of an IPv4 address.
  return (
    text.length <= 253 &&
    fixed.length > 0 &&
    fixed.every((part) => part.length <= 63 && pattern.test(part)) &&
    !/^\d+$/.test(labels.at(-1) ?? '')
  );
}

/** Returns whether a text is one local part and one host. RFC 5321 §4.1.2 */
export function isMailbox(text: string): boolean {
  const [local = '', host = '', ...rest] = text.split('@');
  return local !== '' && host !== '' && rest.length === 0;
}
