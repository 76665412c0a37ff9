import {
  contents,
  context,
  DerError,
  type DerValue,
  expectTag,
  expectWellFormed,
  explicit,
  implicit,
  members,
  optionalMembers,
  readBitString,
  readBoolean,
  readDerValue,
  readInteger,
  readObjectIdentifier,
  readSmallInteger,
  tags,
} from './der-value.ts';
import { readRelativeName } from './distinguished-name.ts';
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
  /** The names of the issuer's issuer. */
  readonly issuer: readonly GeneralName[] | undefined;
  /** That of the issuer's certificate, in two's complement. */
  readonly serialNumber: Uint8Array | undefined;
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
  /** What software before RFC 5280 reads in place of an extended key usage: numbers of bits. */
  readonly netscapeCertificateType?: ReadonlySet<number>;
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
  /** How many entries it has. */
  readonly authorityInformationAccess?: number;
  /** How many entries it has. */
  readonly cRLDistributionPoints?: number;
}

/** Reads Extensions, in their explicit tag. */
export function readExtensionList(wrapper: DerValue): readonly Extension[] {
  return members(expectTag(explicit(wrapper), tags.sequence)).map(readExtension);
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
  cRLDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  policyMappings: '2.5.29.33',
  authorityKeyIdentifier: '2.5.29.35',
  policyConstraints: '2.5.29.36',
  extendedKeyUsage: '2.5.29.37',
  netscapeCertificateType: '2.16.840.1.113730.1.1',
  inhibitAnyPolicy: '2.5.29.54',
  authorityInformationAccess: '1.3.6.1.5.5.7.1.1',
};

const readers: { readonly [N in Name]: Reader<N> } = {
  basicConstraints: readBasicConstraints,
  keyUsage: readKeyUsage,
  netscapeCertificateType: readBits,
  extendedKeyUsage: (value) => list(value).map(readObjectIdentifier),
  subjectAlternativeName: (value) => list(value).map(readGeneralName),
  nameConstraints: readNameConstraints,
  authorityKeyIdentifier: readAuthorityKeyIdentifier,
  subjectKeyIdentifier: (value) => hexadecimal(expectTag(value, tags.octetString)),
  certificatePolicies: (value) => list(value).map(readPolicy),
  policyMappings: (value) => list(value).map(readMapping),
  policyConstraints: readPolicyConstraints,
  inhibitAnyPolicy: readSmallInteger,
  authorityInformationAccess: (value) => countOf(value, readAccess),
  cRLDistributionPoints: (value) => countOf(value, readDistributionPoint),
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
export function isProcessedExtension(identifier: string): boolean {
  // Revocation is not a part of verification: of distribution points it knows the form alone.
  return nameOf.has(identifier) && identifier !== extensionIdentifiers.cRLDistributionPoints;
}

/** A SEQUENCE SIZE (1..MAX). */
function list(value: DerValue): readonly DerValue[] {
  const values = members(expectTag(value, tags.sequence));
  if (values.length === 0) throw new DerError('the list is empty');
  return values;
}

function countOf(value: DerValue, read: (entry: DerValue) => void): number {
  const entries = list(value);
  entries.forEach(read);
  return entries.length;
}

function hexadecimal(value: DerValue): string {
  return Buffer.from(contents(value)).toString('hex');
}

/** PolicyInformation; its qualifiers are not read. RFC 5280 §4.2.1.4 */
function readPolicy(value: DerValue): string {
  const [identifier, qualifiers, ...rest] = members(expectTag(value, tags.sequence));
  if (!identifier || rest.length > 0)
    throw new DerError('a policy does not have one or two members');
  if (qualifiers) list(expectWellFormed(qualifiers));
  return readObjectIdentifier(identifier);
}

/** AccessDescription. RFC 5280 §4.2.2.1 */
function readAccess(value: DerValue): void {
  const [method, location, ...rest] = members(expectTag(value, tags.sequence));
  if (!method || !location || rest.length > 0)
    throw new DerError('an access description does not have two members');
  readObjectIdentifier(method);
  readGeneralName(location);
}

/**
 * DistributionPoint. RFC 5280 §4.2.1.13: "either distributionPoint or cRLIssuer MUST be present."
 */
function readDistributionPoint(value: DerValue): void {
  const [point, reasons, issuer] = optionalMembers(
    members(expectTag(value, tags.sequence)),
    context(0, { constructed: true }),
    context(1),
    context(2, { constructed: true }),
  );
  if (!point && !issuer) throw new DerError('a distribution point has no name and no issuer');
  if (point) readDistributionPointName(point);
  if (reasons) readBitString(implicit(reasons, tags.bitString));
  if (issuer) readGeneralNames(issuer);
}

/** Reads a DistributionPointName, in its explicit tag. RFC 5280 §4.2.1.13 */
export function readDistributionPointName(wrapper: DerValue): void {
  const name = explicit(wrapper);
  if (name.tag === context(0, { constructed: true })) readGeneralNames(name);
  else readRelativeName(implicit(expectTag(name, context(1, { constructed: true })), tags.set));
}

/** Reads GeneralNames, with an implicit tag: one name or more. RFC 5280 §4.2.1.6 */
function readGeneralNames(value: DerValue): readonly GeneralName[] {
  return list(implicit(value, tags.sequence)).map(readGeneralName);
}

function readBasicConstraints(value: DerValue): BasicConstraints {
  const fields = members(expectTag(value, tags.sequence));
  const [isCa, pathLength] = optionalMembers(fields, tags.boolean, tags.integer);
  return {
    isCa: isCa !== undefined && readBoolean(isCa),
    pathLength: pathLength && readSmallInteger(pathLength),
  };
}

function readKeyUsage(value: DerValue): ReadonlySet<number> {
  const set = readBits(value);
  if (set.size === 0) throw new DerError('the key usage has no bit');
  return set;
}

/** Reads the numbers of the bits that are set. */
function readBits(value: DerValue): ReadonlySet<number> {
  const { bits } = readBitString(value);
  const set = new Set<number>();
  for (const [index, byte] of bits.entries())
    for (let bit = 0; bit < 8; bit += 1) if ((byte & (0x80 >> bit)) !== 0) set.add(index * 8 + bit);
  return set;
}

function readNameConstraints(value: DerValue): NameConstraints {
  const fields = members(expectTag(value, tags.sequence));
  const [permitted, excluded] = optionalMembers(
    fields,
    context(0, { constructed: true }),
    context(1, { constructed: true }),
  );
  const subtrees = (field: DerValue | undefined) =>
    field ? list(implicit(field, tags.sequence)).map(readSubtree) : [];
  const constraints = { permitted: subtrees(permitted), excluded: subtrees(excluded) };
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
  const [identifier, issuer, serialNumber] = optionalMembers(
    fields,
    context(0),
    context(1, { constructed: true }),
    context(2),
  );
  return {
    keyIdentifier: identifier && hexadecimal(identifier),
    issuer: issuer && readGeneralNames(issuer),
    serialNumber: serialNumber && readInteger(implicit(serialNumber, tags.integer)),
  };
}

function readMapping(value: DerValue): readonly [string, string] {
  const [issuer, subject, ...rest] = members(expectTag(value, tags.sequence));
  if (!issuer || !subject || rest.length > 0)
    throw new DerError('a policy mapping does not have two policies');
  return [readObjectIdentifier(issuer), readObjectIdentifier(subject)];
}

function readPolicyConstraints(value: DerValue): PolicyConstraints {
  const fields = members(expectTag(value, tags.sequence));
  const [explicit, mapping] = optionalMembers(fields, context(0), context(1));
  const skip = (field: DerValue | undefined) =>
    field && readSmallInteger(implicit(field, tags.integer));
  return { requireExplicitPolicy: skip(explicit), inhibitPolicyMapping: skip(mapping) };
}
