import {
  contents,
  context,
  DerError,
  type DerValue,
  expectTag,
  members,
  readBitString,
  readBoolean,
  readDerValue,
  readObjectIdentifier,
  readSmallInteger,
  tags,
} from './der-value.ts';
import { type GeneralName, readGeneralName } from './general-name.ts';

/** An extension of a certificate, not decoded. RFC 5280 §4.1.2.9 */
export interface Extension {
  readonly identifier: string;
  readonly isCritical: boolean;
  /** The DER in its extnValue. */
  readonly value: Uint8Array;
}

/** The bits of a key usage, by their number. RFC 5280 §4.2.1.3 */
export const keyUsages = {
  digitalSignature: 0,
  nonRepudiation: 1,
  keyEncipherment: 2,
  dataEncipherment: 3,
  keyAgreement: 4,
  keyCertSign: 5,
  cRLSign: 6,
} as const;

export interface BasicConstraints {
  readonly isCa: boolean;
  readonly pathLength: number | undefined;
}

export interface NameConstraints {
  readonly permitted: readonly GeneralName[];
  readonly excluded: readonly GeneralName[];
}

export interface AuthorityKeyIdentifier {
  /** Hexadecimal. */
  readonly keyIdentifier: string | undefined;
  readonly hasIssuer: boolean;
  readonly hasSerialNumber: boolean;
}

export interface PolicyConstraints {
  readonly requireExplicitPolicy: number | undefined;
  readonly inhibitPolicyMapping: number | undefined;
}

/** What the extensions say that verification knows. Absent ones are `undefined`. */
export interface KnownExtensions {
  readonly basicConstraints?: BasicConstraints;
  /** Numbers of `keyUsages`. */
  readonly keyUsage?: ReadonlySet<number>;
  /** Object identifiers. */
  readonly extendedKeyUsage?: readonly string[];
  readonly subjectAlternativeName?: readonly GeneralName[];
  readonly nameConstraints?: NameConstraints;
  readonly authorityKeyIdentifier?: AuthorityKeyIdentifier;
  /** Hexadecimal. */
  readonly subjectKeyIdentifier?: string;
  /** Object identifiers. */
  readonly certificatePolicies?: readonly string[];
  /** The issuer's policy and the subject's, as object identifiers. */
  readonly policyMappings?: readonly (readonly [string, string])[];
  readonly policyConstraints?: PolicyConstraints;
  readonly inhibitAnyPolicy?: number;
  readonly authorityInformationAccess?: number;
}

/** Reads Extensions, in their explicit tag. */
export function readExtensionList(wrapper: DerValue): readonly Extension[] {
  const [extensions, ...rest] = members(wrapper);
  if (!extensions || rest.length > 0) throw new DerError('the extensions are not one list');
  return members(expectTag(extensions, tags.sequence)).map(readExtension);
}

/** Reads one Extension. */
export function readExtension(value: DerValue): Extension {
  const fields = members(expectTag(value, tags.sequence));
  const [identifier, second, third] = fields;
  const octets = fields.length === 3 ? third : second;
  if (!identifier || !second || !octets || fields.length > 3)
    throw new DerError('an extension does not have two or three members');
  return {
    identifier: readObjectIdentifier(identifier),
    isCritical: fields.length === 3 && readBoolean(second),
    value: contents(expectTag(octets, tags.octetString)),
  };
}

type Name = keyof KnownExtensions;
type Reader<N extends Name> = (value: DerValue) => NonNullable<KnownExtensions[N]>;

/** The extensions that verification knows, by their object identifiers. */
export const extensionIdentifiers: Readonly<Record<Name, string>> = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAlternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  certificatePolicies: '2.5.29.32',
  policyMappings: '2.5.29.33',
  authorityKeyIdentifier: '2.5.29.35',
  policyConstraints: '2.5.29.36',
  extendedKeyUsage: '2.5.29.37',
  inhibitAnyPolicy: '2.5.29.54',
  authorityInformationAccess: '1.3.6.1.5.5.7.1.1',
};

const readers: { readonly [N in Name]: Reader<N> } = {
  basicConstraints: readBasicConstraints,
  keyUsage: readKeyUsage,
  extendedKeyUsage: (value) => list(value).map(readObjectIdentifier),
  subjectAlternativeName: (value) => list(value).map(readGeneralName),
  nameConstraints: readNameConstraints,
  authorityKeyIdentifier: readAuthorityKeyIdentifier,
  subjectKeyIdentifier: (value) => hexadecimal(expectTag(value, tags.octetString)),
  certificatePolicies: (value) => list(value).map(firstIdentifier),
  policyMappings: (value) => list(value).map(readMapping),
  policyConstraints: readPolicyConstraints,
  inhibitAnyPolicy: readSmallInteger,
  authorityInformationAccess: (value) => list(value).map(firstIdentifier).length,
};

const nameOf = new Map(
  Object.entries(extensionIdentifiers).map(([name, identifier]) => [identifier, name as Name]),
);

/**
 * Reads the extensions that verification knows.
 * @throws DerError when one of them is malformed
 */
export function readKnownExtensions(extensions: readonly Extension[]): KnownExtensions {
  const known: Partial<Record<Name, unknown>> = {};
  for (const { identifier, value } of extensions) {
    const name = nameOf.get(identifier);
    if (name !== undefined) known[name] = readKnown(name, value);
  }
  return known as KnownExtensions;
}

function readKnown(name: Name, value: Uint8Array): unknown {
  try {
    return readers[name](readDerValue(value));
  } catch (error) {
    if (error instanceof DerError)
      throw new DerError(`its ${name}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** Returns whether verification processes an extension, so that it may be critical. */
export function isKnownExtension(identifier: string): boolean {
  return nameOf.has(identifier);
}

/** A SEQUENCE SIZE (1..MAX). */
function list(value: DerValue): readonly DerValue[] {
  const values = members(expectTag(value, tags.sequence));
  if (values.length === 0) throw new DerError('the list is empty');
  return values;
}

function hexadecimal(value: DerValue): string {
  return Buffer.from(contents(value)).toString('hex');
}

function firstIdentifier(value: DerValue): string {
  const [identifier] = members(expectTag(value, tags.sequence));
  if (!identifier) throw new DerError('the entry is empty');
  return readObjectIdentifier(identifier);
}

function readBasicConstraints(value: DerValue): BasicConstraints {
  const [first, second, ...rest] = members(expectTag(value, tags.sequence));
  if (rest.length > 0) throw new DerError('the basic constraints have too many members');
  if (!first) return { isCa: false, pathLength: undefined };
  const isCa = first.tag === tags.boolean && readBoolean(first);
  const length = first.tag === tags.boolean ? second : first;
  return { isCa, pathLength: length && readSmallInteger(length) };
}

function readKeyUsage(value: DerValue): ReadonlySet<number> {
  const { bits } = readBitString(value);
  const set = new Set<number>();
  for (const [index, byte] of bits.entries())
    for (let bit = 0; bit < 8; bit += 1) if ((byte & (0x80 >> bit)) !== 0) set.add(index * 8 + bit);
  if (set.size === 0) throw new DerError('the key usage has no bit');
  return set;
}

function readNameConstraints(value: DerValue): NameConstraints {
  const fields = members(expectTag(value, tags.sequence));
  const subtrees = (number: number) => {
    const field = fields.find(({ tag }) => tag === context(number, { constructed: true }));
    return (field ? members(field) : []).map(readSubtree);
  };
  const isKnown = ({ tag }: DerValue) =>
    tag === context(0, { constructed: true }) || tag === context(1, { constructed: true });
  if (!fields.every(isKnown)) throw new DerError('the name constraints have an unknown member');
  const constraints = { permitted: subtrees(0), excluded: subtrees(1) };
  // RFC 5280 §4.2.1.10: "either the permittedSubtrees field or the excludedSubtrees MUST be present"
  if (constraints.permitted.length + constraints.excluded.length === 0)
    throw new DerError('the name constraints are empty');
  return constraints;
}

/** RFC 5280 §4.2.1.10: the minimum is 0, and the maximum absent, in every profile. */
function readSubtree(value: DerValue): GeneralName {
  const [base, ...bounds] = members(expectTag(value, tags.sequence));
  if (!base || bounds.length > 0) throw new DerError('a name constraint has a minimum or maximum');
  return readGeneralName(base);
}

function readAuthorityKeyIdentifier(value: DerValue): AuthorityKeyIdentifier {
  const fields = members(expectTag(value, tags.sequence));
  const identifier = fields.find(({ tag }) => tag === context(0));
  return {
    keyIdentifier: identifier && hexadecimal(identifier),
    hasIssuer: fields.some(({ tag }) => tag === context(1, { constructed: true })),
    hasSerialNumber: fields.some(({ tag }) => tag === context(2)),
  };
}

function readMapping(value: DerValue): readonly [string, string] {
  const [issuer, subject] = members(expectTag(value, tags.sequence));
  if (!issuer || !subject) throw new DerError('a policy mapping has fewer than two policies');
  return [readObjectIdentifier(issuer), readObjectIdentifier(subject)];
}

function readPolicyConstraints(value: DerValue): PolicyConstraints {
  const fields = members(expectTag(value, tags.sequence));
  const skip = (number: number) => {
    const field = fields.find(({ tag }) => tag === context(number));
    return field && readSmallInteger({ ...field, tag: tags.integer });
  };
  return { requireExplicitPolicy: skip(0), inhibitPolicyMapping: skip(1) };
}
