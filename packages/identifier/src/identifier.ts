import { canonicalDomain, isWildcard } from './domain-name.ts';
import { IdentifierError, type NameFault } from './errors.ts';
import { canonicalAddress, ipVersion, isPublicAddress } from './ip-address.ts';
import { type NameRule, privateCa } from './rules.ts';

/** A name that a certificate is for. RFC 8555 §9.7.7, RFC 8738 */
export interface Identifier {
  /** `dns` or `ip`; a CA may have further types. */
  readonly type: string;
  /**
   * In canonical form: A-labels in lower case without a final dot, or an address as in RFC 5952.
   */
  readonly value: string;
}

export interface ParseOptions {
  /** What the name is for; by default any certificate, also of a private CA. */
  readonly rule?: NameRule | undefined;
}

/**
 * Parses a name as a person writes it: `example.com`, `*.example.com`, `bücher.example`,
 * `192.0.2.1`, `2001:db8::1`, `[2001:db8::1]`. Unicode becomes A-labels (UTS 46), an address its
 * canonical text; spaces around the name and a final dot are removed.
 * @throws IdentifierError `ERR_ACME_IDENTIFIER`, with the name, what is wrong with it, and the cure
 */
export function identifier(text: string, { rule = privateCa }: ParseOptions = {}): Identifier {
  const parsed = parse(text.replace(/^ +| +$/g, ''), rule);
  if ('problem' in parsed) throw new IdentifierError(text, parsed);
  return parsed;
}

/**
 * Parses names, each once, in their order.
 * @throws IdentifierError `ERR_ACME_IDENTIFIER` for the first that no certificate can have
 */
export function identifiers(
  texts: readonly string[],
  options: ParseOptions = {},
): readonly Identifier[] {
  const unique = new Map<string, Identifier>();
  for (const text of texts) {
    const parsed = identifier(text, options);
    unique.set(key(parsed), parsed);
  }
  return [...unique.values()];
}

/**
 * Checks an identifier of a protocol message or a certificate, where only A-labels and plain
 * addresses are permitted. RFC 8555 §7.1.4
 * @returns the identifier in canonical form
 * @throws IdentifierError `ERR_ACME_IDENTIFIER`
 */
export function checkedIdentifier(
  { type, value }: Identifier,
  { rule = privateCa }: ParseOptions = {},
): Identifier {
  const refuse = (fault: NameFault): never => {
    throw new IdentifierError(value, fault);
  };
  if (type !== 'dns' && type !== 'ip')
    return refuse({ problem: `is of the type "${type}"`, remedy: 'use the type dns or ip' });
  if (type === 'dns' && /[^\0-\x7f]/.test(value))
    return refuse({
      problem: 'is not in A-labels',
      remedy: 'write each label in Unicode as xn--...',
    });
  const parsed = parse(value, rule);
  if ('problem' in parsed) return refuse(parsed);
  if (type === 'dns' && value.endsWith('.'))
    return refuse({ problem: 'ends with a dot', remedy: 'remove the dot' });
  if (parsed.type !== type || value.startsWith('['))
    return refuse(
      type === 'ip'
        ? {
            problem: 'is not a valid IP address',
            remedy: 'write it as 192.0.2.1 or 2001:db8::1, without port, zone and brackets',
          }
        : { problem: 'is an IP address', remedy: 'use the type ip for it' },
    );
  return parsed;
}

/**
 * Whether a text is a domain name in canonical form, and not a wildcard: A-labels in lower case,
 * without a final dot.
 */
export function isDomainName(text: string): boolean {
  const parsed = parse(text, privateCa);
  return 'value' in parsed && parsed.type === 'dns' && parsed.value === text && !isWildcard(text);
}

/** Returns an identifier in canonical form where it is valid; any other value in lower case. */
export function normalizedIdentifier({ type, value }: Identifier): Identifier {
  const isAddress = type === 'ip' && ipVersion(value) !== undefined;
  const address = isAddress ? canonicalAddress(value) : value.toLowerCase();
  return { type, value: typeof address === 'string' ? address : value.toLowerCase() };
}

/**
 * Compares two lists of identifiers, regardless of order and spelling.
 * @returns what `actual` lacks and what it has beyond `expected`, as `dns:example.com`
 */
export function compareIdentifiers(
  actual: readonly Identifier[],
  expected: readonly Identifier[],
): { readonly missing: readonly string[]; readonly extra: readonly string[] } {
  const present = new Set(actual.map((entry) => key(normalizedIdentifier(entry))));
  const wanted = new Set(expected.map((entry) => key(normalizedIdentifier(entry))));
  return {
    missing: [...wanted].filter((entry) => !present.has(entry)),
    extra: [...present].filter((entry) => !wanted.has(entry)),
  };
}

/**
 * Parses a pattern of names: `*` for all, `*.example.com` for all below example.com, or a name.
 * @returns the pattern in canonical form
 * @throws IdentifierError `ERR_ACME_IDENTIFIER`
 */
export function namePattern(text: string): string {
  return text === '*' ? text : identifier(text).value;
}

function key({ type, value }: Identifier): string {
  return `${type}:${value}`;
}

function parse(name: string, rule: NameRule): Identifier | NameFault {
  if (name === '')
    return { problem: 'is not a name', remedy: 'write example.com, *.example.com or 192.0.2.1' };
  const isAddress = name.includes(':') || /^\d[\d.]*$/.test(name);
  const value = isAddress ? canonicalAddress(name) : canonicalDomain(name, rule);
  if (typeof value !== 'string') return value;
  if (!isAddress) return { type: 'dns', value };
  return addressFault(value, rule) ?? { type: 'ip', value };
}

function addressFault(address: string, rule: NameRule): NameFault | undefined {
  if (!rule.allowsAddress)
    return { problem: 'is an IP address', remedy: 'write a domain name such as example.com' };
  return rule.isPublic && !isPublicAddress(address)
    ? {
        problem: 'is not a public address, and no public CA certifies it',
        remedy: 'use a private CA, or a public address',
      }
    : undefined;
}
