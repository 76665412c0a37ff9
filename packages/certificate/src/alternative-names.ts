import {
  checkedIdentifier,
  type Identifier,
  ipVersion,
  normalizedIdentifier,
} from '@acmex/identifier';
import { AsnConvert } from '@peculiar/asn1-schema';
import { GeneralName as AsnGeneralName } from '@peculiar/asn1-x509';
import { der } from './der.ts';
import { CertificateError } from './errors.ts';
import { type GeneralName, generalNameText } from './verification/general-name.ts';
import { addressText } from './verification/rules/subject-name.ts';

export interface AlternativeNames {
  /** The DNS names and IP addresses, in canonical form. */
  readonly identifiers: readonly Identifier[];
  /** The names of other kinds, such as `email:someone@example.com`. */
  readonly otherNames: readonly string[];
}

/** Returns the names of a subjectAltName, those of certificates apart from those of other kinds. */
export function alternativeNames(names: readonly GeneralName[]): AlternativeNames {
  const identifiers: Identifier[] = [];
  const otherNames: string[] = [];
  for (const name of names) {
    const known = identifierOf(name);
    if (known) identifiers.push(known);
    else otherNames.push(generalNameText(name));
  }
  return { identifiers, otherNames };
}

function identifierOf(name: GeneralName): Identifier | undefined {
  if (name.kind === 'dns') return normalizedIdentifier({ type: 'dns', value: name.value });
  const isAddress = name.kind === 'ip' && [4, 16].includes(name.value.length);
  return isAddress
    ? normalizedIdentifier({ type: 'ip', value: addressText(name.value) })
    : undefined;
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
  return der(0x30, ...[...names.values()].map(generalName));
}

/** Returns an identifier as a GeneralName. DER. RFC 5280 §4.2.1.6 */
export function generalName({ type, value }: Identifier): Uint8Array {
  return type === 'ip'
    ? new Uint8Array(AsnConvert.serialize(new AsnGeneralName({ iPAddress: value })))
    : der(0x82, Buffer.from(value, 'latin1'));
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
