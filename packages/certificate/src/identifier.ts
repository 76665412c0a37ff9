import { isIPv4, isIPv6 } from 'node:net';
import { x509 } from './x509.ts';

/** What a certificate is for. The same shape as @acmex/protocol's. */
export interface Identifier {
  /** `dns` or `ip`. */
  readonly type: string;
  readonly value: string;
}

/** The names of a subjectAltName that an ACME order can have, in their canonical form; `other` counts the rest. */
export function identifiersOf(names: x509.GeneralNames): { readonly identifiers: readonly Identifier[]; readonly other: number } {
  const identifiers = names.items.flatMap(({ type, value }) => (type === 'dns' || type === 'ip' ? [canonical({ type, value })] : []));
  return { identifiers, other: names.items.length - identifiers.length };
}

/** Lower case for names, the shortest text for addresses. */
export function canonical({ type, value }: Identifier): Identifier {
  if (type === 'ip' && isIPv6(value)) return { type, value: new URL(`http://[${value}]/`).hostname.slice(1, -1) };
  return { type, value: type === 'ip' && isIPv4(value) ? value : value.toLowerCase() };
}

/** The subjectAltName of identifiers. RFC 5280 §4.2.1.6 */
export function subjectAltName(identifiers: readonly Identifier[]): x509.SubjectAlternativeNameExtension {
  return new x509.SubjectAlternativeNameExtension(identifiers.map(({ type, value }) => ({ type: type === 'ip' ? 'ip' : 'dns', value })));
}
