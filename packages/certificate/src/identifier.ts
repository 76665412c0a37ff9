import { isIPv4, isIPv6 } from 'node:net';
import { AsnConvert } from '@peculiar/asn1-schema';
import { GeneralName } from '@peculiar/asn1-x509';
import { der } from './der.ts';
import { CertificateError } from './errors.ts';

/** What a certificate is for. The same shape as @acmex/protocol's. */
export interface Identifier {
  /** `dns` or `ip`. */
  readonly type: string;
  readonly value: string;
}

export interface AlternativeNames {
  /** The DNS names and IP addresses, in their canonical form. */
  readonly identifiers: readonly Identifier[];
  /** The names of other kinds, such as `email:someone@example.com`. */
  readonly otherNames: readonly string[];
}

// As @peculiar/x509 has it, in words of our own: the declarations of this file are public, and must not need that package's, which need the DOM's.
interface NamesExtension {
  readonly names: { readonly items: readonly Identifier[] };
}

/** What stands in a subjectAltName. */
export function alternativeNames(extension: NamesExtension | null | undefined): AlternativeNames {
  const names = extension?.names.items ?? [];
  const known = ({ type }: Identifier) => type === 'dns' || type === 'ip';
  return {
    identifiers: names.filter(known).map(({ type, value }) => canonical({ type, value })),
    otherNames: names.filter((name) => !known(name)).map(({ type, value }) => `${type}:${value}`),
  };
}

/** Lower case for names, the shortest text for addresses (RFC 5952). */
export function canonical({ type, value }: Identifier): Identifier {
  return {
    type,
    value:
      type === 'ip' && isAddress(value) && !isIPv4(value)
        ? new URL(`http://[${value}]/`).hostname.slice(1, -1)
        : value.toLowerCase(),
  };
}

/** Whether two lists name the same things, in whatever order and writing; what is missing and what is too much otherwise. */
export function compare(
  issued: readonly Identifier[],
  asked: readonly Identifier[],
): { readonly missing: readonly string[]; readonly extra: readonly string[] } {
  const text = (one: Identifier) => `${one.type}:${canonical(one).value}`;
  const [have, want] = [new Set(issued.map(text)), new Set(asked.map(text))];
  return {
    missing: [...want].filter((name) => !have.has(name)),
    extra: [...have].filter((name) => !want.has(name)),
  };
}

/** subjectAltName. RFC 5280 §4.2.1.6 */
export const subjectAltName = '2.5.29.17';

/**
 * The value of the subjectAltName of identifiers, each once.
 * @returns GeneralNames, DER
 * @throws CertificateError `ERR_CSR_NAMES` for what is neither a DNS name in A-labels nor an IP address, and for none at all
 */
export function alternativeNamesValue(identifiers: readonly Identifier[]): Uint8Array {
  if (identifiers.length === 0)
    throw new CertificateError(
      'ERR_CSR_NAMES',
      'a certificate signing request needs one name at least',
    );
  const names = new Map(
    identifiers.map((one) => checked(canonical(one))).map((one) => [one.value, one]),
  );
  return der(
    0x30,
    ...[...names.values()].map(({ type, value }) =>
      type === 'ip'
        ? new Uint8Array(AsnConvert.serialize(new GeneralName({ iPAddress: value })))
        : der(0x82, Buffer.from(value, 'latin1')),
    ),
  );
}

function checked(one: Identifier): Identifier {
  if (one.type === 'ip' ? isAddress(one.value) : one.type === 'dns' && isName(one.value))
    return one;
  const wanted =
    one.type === 'ip'
      ? 'no IP address'
      : one.type === 'dns'
        ? 'no DNS name: give A-labels, without a final dot'
        : `a name of type ${quoted(one.type)}: only dns and ip are supported`;
  throw new CertificateError('ERR_CSR_NAMES', `${quoted(one.value)} is ${wanted}`);
}

/** An address of one host anywhere: without a zone (`%eth0`), which Node takes as well. */
function isAddress(value: string): boolean {
  return (isIPv4(value) || isIPv6(value)) && !value.includes('%');
}

function isName(value: string): boolean {
  const labels = (value.startsWith('*.') ? value.slice(2) : value).split('.');
  return (
    value.length <= 253 &&
    !isIPv4(value) &&
    labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label))
  );
}

/** A text of someone else's in a message: not too long, and with nothing in it that a terminal would obey. */
export function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 300)).replace(
    /[^ -~]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
