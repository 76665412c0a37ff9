import type { CertificateFields } from './certificate-fields.ts';

/** The rules that a chain is checked by. */
export type Profile =
  /** RFC 5280 in full, with what it asks of the certificates' issuers. */
  | 'rfc5280'
  /** RFC 5280 and the CA/Browser Forum's Baseline Requirements for public CAs, §7.1. */
  | 'webpki'
  /** What keeps a chain safe, without the rules of form that private CAs often break. */
  | 'private';

/** What a check found wrong. */
export interface Fault {
  readonly check: Check;
  readonly expected: string;
  readonly actual: string;
}

/** The checks, by the section of RFC 5280 or other document that they implement. */
export type Check =
  /** The certificate cannot be read. §4.1 */
  | 'format'
  /** Version, serial number, names, algorithms and extensions in general. §4.1, §4.2 */
  | 'form'
  /** The key or the algorithm of the signature is too weak, or not supported. */
  | 'algorithm'
  | 'signature'
  /** §4.1.2.5 */
  | 'validity'
  /** §4.2.1.1, §4.2.1.2 */
  | 'key-identifiers'
  /** §4.2.1.3 */
  | 'key-usage'
  /** §4.2.1.6 */
  | 'alternative-names'
  /** §4.2.1.9 */
  | 'basic-constraints'
  /** §4.2.1.9 */
  | 'path-length'
  /** §4.2.1.10 */
  | 'name-constraints'
  /** §6.1.5 */
  | 'policies'
  /** §4.2.1.12 */
  | 'extended-key-usage'
  /** RFC 9525 */
  | 'name'
  /** CA/Browser Forum Baseline Requirements §7.1 */
  | 'webpki'
  /** No certificate of the issuer is known, or none that ends at an anchor. */
  | 'issuer'
  /** The search has reached its limit of work. */
  | 'budget';

/** Where a certificate is in its path. */
export type Role = 'leaf' | 'intermediate' | 'anchor';

/** A rule about one certificate. Returns what is wrong. */
export type CertificateRule = (
  certificate: CertificateFields,
  context: { readonly role: Role; readonly profile: Profile },
) => Fault | undefined;

/** Returns the first fault that a list of rules finds. */
export function firstFault<T>(
  values: Iterable<T>,
  check: (value: T) => Fault | undefined,
): Fault | undefined {
  for (const value of values) {
    const fault = check(value);
    if (fault) return fault;
  }
  return undefined;
}

/** The most characters of a text, and the most entries of a list, that a result has. */
const longest = { text: 500, list: 10 };

/** Returns a text from a certificate as a result may have it: cut off where it is long. */
export function boundedText(text: string): string {
  if (text.length <= longest.text) return text;
  const beginning = text.slice(0, longest.text).replace(/[\uD800-\uDBFF]$/, '');
  return `${beginning}… (${text.length.toLocaleString('en')} characters)`;
}

/** Joins texts as a result may have them: the first ten, and how many more there are. */
export function boundedList(texts: readonly string[]): string {
  const more = texts.length - longest.list;
  const first = texts.slice(0, longest.list).map(boundedText).join(', ');
  return more > 0 ? `${first} and ${more.toLocaleString('en')} more` : first;
}
