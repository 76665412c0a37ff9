import {
  checkedIdentifier,
  type Identifier,
  ipVersion,
  normalizedIdentifier,
} from '@acmex/identifier';
import { AsnConvert } from '@peculiar/asn1-schema';
import { GeneralName } from '@peculiar/asn1-x509';
import { der } from './der.ts';
import { CertificateError } from './errors.ts';

export interface AlternativeNames {
  /** The DNS names and IP addresses, in canonical form. */
  readonly identifiers: readonly Identifier[];
  /** The names of other kinds, such as `email:someone@example.com`. */
  readonly otherNames: readonly string[];
}

// The public declarations must not need those of @peculiar/x509, which need the DOM's: this is the
// part of its type that is used.
interface NamesExtension {
  readonly names: { readonly items: readonly Identifier[] };
}

/** Returns the names in a subjectAltName. */
export function alternativeNames(extension: NamesExtension | null | undefined): AlternativeNames {
  const names = extension?.names.items ?? [];
  const isKnown = ({ type }: Identifier) => type === 'dns' || type === 'ip';
  return {
    identifiers: names
      .filter(isKnown)
      .map(({ type, value }) => normalizedIdentifier({ type, value })),
    otherNames: names.filter((name) => !isKnown(name)).map(({ type, value }) => `${type}:${value}`),
  };
}

/** Returns a common name as an identifier. */
export function commonNameIdentifier(value: string): Identifier {
  return normalizedIdentifier({ type: ipVersion(value) === undefined ? 'dns' : 'ip', value });
}

/** subjectAltName. RFC 5280 §4.2.1.6 */
export const subjectAltName = '2.5.29.17';

/**
 * Returns the value of a subjectAltName, with each identifier once.
 * @returns GeneralNames, DER
 * @throws CertificateError `ERR_CSR_NAMES` for an empty list
 * @throws IdentifierError `ERR_ACME_IDENTIFIER` for a name that no certificate can have
 */
export function alternativeNamesValue(identifiers: readonly Identifier[]): Uint8Array {
  if (identifiers.length === 0)
    throw new CertificateError(
      'ERR_CSR_NAMES',
      'a certificate signing request needs at least one name',
    );
  const names = new Map(
    identifiers.map((name) => checkedIdentifier(name)).map((name) => [name.value, name]),
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

/**
 * Returns a text of unknown origin as a JSON string of printable ASCII, cut after 300 characters.
 */
export function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 300)).replace(
    /[^ -~]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
