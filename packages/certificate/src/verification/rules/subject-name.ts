// RFC 9525 §6: whether a certificate is for the name that someone asks for. The common name is not
// looked at.
import type { Identifier } from '@acmex/identifier';
import type { CertificateFields } from '../certificate-fields.ts';
import { boundedList, type Fault } from '../fault.ts';
import type { GeneralName } from '../general-name.ts';

/**
 * Checks that a certificate is for a name.
 *
 * @param name of the type `dns`, `ip` or `email`; a DNS name in A-labels
 */
export function subjectNameFault(
  { known: { subjectAlternativeName = [] } }: CertificateFields,
  name: Identifier,
): Fault | undefined {
  if (subjectAlternativeName.some((presented) => isFor(presented, name))) return undefined;
  return {
    check: 'name',
    expected: name.value,
    actual: presentedNames(subjectAlternativeName),
  };
}

function isFor(presented: GeneralName, name: Identifier): boolean {
  switch (presented.kind) {
    case 'dns':
      return name.type === 'dns' && isSameHost(presented.value, name.value);
    case 'ip':
      return name.type === 'ip' && addressText(presented.value) === canonical(name.value);
    case 'email':
      return name.type === 'email' && isSameMailbox(presented.value, name.value);
    default:
      return false;
  }
}

/** A wildcard is the whole first label, and is for exactly one label. RFC 9525 §6.3 */
function isSameHost(presented: string, asked: string): boolean {
  const pattern = presented.toLowerCase();
  const host = asked.toLowerCase().replace(/\.$/, '');
  if (!pattern.startsWith('*.')) return pattern === host;
  const dot = host.indexOf('.');
  return dot > 0 && host.slice(dot + 1) === pattern.slice(2);
}

/** The local part with its case, the host without. RFC 5280 §7.5 */
function isSameMailbox(presented: string, asked: string): boolean {
  const [[local, host], [askedLocal, askedHost]] = [presented.split('@'), asked.split('@')];
  return local === askedLocal && host?.toLowerCase() === askedHost?.toLowerCase();
}

export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0)).toString(16),
  );
  return canonical(groups.join(':'));
}

/** RFC 5952; the URL parser of the platform writes IPv6 addresses so. */
function canonical(address: string): string {
  if (!address.includes(':')) return address;
  return URL.canParse(`http://[${address}]`)
    ? new URL(`http://[${address}]`).hostname.slice(1, -1)
    : address;
}

function presentedNames(names: readonly GeneralName[]): string {
  const texts = names.flatMap((name) => {
    if (name.kind === 'ip') return [addressText(name.value)];
    return name.kind === 'dns' || name.kind === 'email' ? [JSON.stringify(name.value)] : [];
  });
  return texts.length === 0 ? 'no names' : boundedList(texts);
}
