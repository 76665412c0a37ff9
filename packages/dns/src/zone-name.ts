import { domainToASCII, domainToUnicode } from 'node:url';

/** Returns a name in A-labels and lower case, without a final dot. */
export function canonicalName(name: string): string {
  const plain = name.toLowerCase().replace(/\.$/, '');
  // Of other names it would make something else: of `0/25.2.0.192.in-addr.arpa` an address.
  return /[^\x00-\x7f]/.test(plain) ? domainToASCII(plain) || plain : plain;
}

/** Returns a name with U-labels. */
export function unicodeName(name: string): string {
  return /(^|\.)xn--/.test(name) ? domainToUnicode(name) || name : name;
}

/** Returns a name and all names above it, longest first, without the root. */
export function namesAbove(name: string): readonly string[] {
  const labels = name.split('.');
  return labels.map((_, index) => labels.slice(index).join('.'));
}

/** The ways to write a name, the usual way of the host first. */
export function formsOf(name: string, writes: 'a-labels' | 'u-labels'): readonly string[] {
  const unicode = unicodeName(name);
  if (unicode === name) return [name];
  return writes === 'u-labels' ? [unicode, name] : [name, unicode];
}
