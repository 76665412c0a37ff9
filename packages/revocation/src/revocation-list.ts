import {
  type Algorithm,
  type CertificateFields,
  contents,
  context,
  type DerValue,
  type DistinguishedName,
  encoding,
  expectTag,
  type Extension,
  keyUsages,
  members,
  nameText,
  readAlgorithm,
  readBoolean,
  readDerValue,
  readExtension,
  readExtensionList,
  readInteger,
  readName,
  readOctetsOfBitString,
  readSmallInteger,
  readTime,
  signatureFault,
  tags,
  valueAt,
} from '@acmex/certificate/structure';
import { Temporal } from 'temporal-polyfill';
import { checkFreshness, reasonName, type RevocationStatus, UnprovenError } from './status.ts';

/** A certificate revocation list; its entries are read when one is looked up. RFC 5280 §5.1 */
export interface RevocationList {
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
  readonly signatureAlgorithm: Algorithm;
  readonly signedAlgorithm: Algorithm;
  readonly issuer: DistinguishedName;
  /** Milliseconds since 1970. */
  readonly thisUpdate: number;
  readonly nextUpdate: number | undefined;
  /** The SEQUENCE of the entries; absent in an empty list. */
  readonly entries: DerValue | undefined;
  readonly extensions: readonly Extension[];
}

const extensionNames = {
  reason: '2.5.29.21',
  certificateIssuer: '2.5.29.29',
  number: '2.5.29.20',
  deltaIndicator: '2.5.29.27',
  distributionPoint: '2.5.29.28',
  authorityKeyIdentifier: '2.5.29.35',
} as const;

/**
 * Reads the frame of a revocation list.
 *
 * @throws DerError, RangeError for what is not one
 */
export function readRevocationList(der: Uint8Array): RevocationList {
  const [signed, algorithm, signature, ...rest] = members(readDerValue(der, tags.sequence));
  if (!signed || !algorithm || !signature || rest.length > 0)
    throw new RangeError('a revocation list has exactly three members');
  return {
    signed: encoding(signed),
    signature: readOctetsOfBitString(signature),
    signatureAlgorithm: readAlgorithm(algorithm),
    ...readSignedPart(expectTag(signed, tags.sequence)),
  };
}

/** Reads fields without their entries, which may be a million. */
function readSignedPart(signed: DerValue) {
  const fields = [...members(signed)];
  if (fields[0]?.tag === tags.integer && readSmallInteger(fields.shift() as DerValue) !== 1)
    throw new RangeError('the version of the revocation list is not 2');
  const [algorithm, issuer, thisUpdate, ...more] = fields;
  if (!algorithm || !issuer || !thisUpdate) throw new RangeError('the revocation list is cut off');
  const isTime = (value: DerValue | undefined) =>
    value?.tag === tags.utcTime || value?.tag === tags.generalizedTime;
  const nextUpdate = isTime(more[0]) ? more.shift() : undefined;
  const entries = more[0]?.tag === tags.sequence ? more.shift() : undefined;
  const wrapper = more[0]?.tag === context(0, { constructed: true }) ? more.shift() : undefined;
  if (more.length > 0) throw new RangeError('the revocation list has an unknown member');
  return {
    signedAlgorithm: readAlgorithm(algorithm),
    issuer: readName(issuer),
    thisUpdate: readTime(thisUpdate),
    nextUpdate: nextUpdate && readTime(nextUpdate),
    entries,
    extensions: wrapper ? readExtensionList(wrapper) : [],
  };
}

export interface ListCheck {
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * Looks up a certificate in a revocation list of its issuer. The list is checked first: issuer,
 * signature, freshness, extensions. RFC 5280 §6.3.3
 *
 * @throws UnprovenError, DerError, RangeError when the list proves nothing about the certificate
 */
export async function statusByList(
  list: RevocationList,
  certificate: CertificateFields,
  issuer: CertificateFields,
  { now }: ListCheck,
): Promise<RevocationStatus> {
  checkIssuer(list, certificate, issuer);
  checkExtensions(list, certificate);
  // RFC 5280 §5.1.2.5: every list says when the next one comes.
  if (list.nextUpdate === undefined) throw new UnprovenError('it has no end');
  checkFreshness(list.thisUpdate, list.nextUpdate, now);
  const entry = await findEntry(list, certificate.serialNumber);
  if (!entry || entry.reason === 'removeFromCRL')
    return { status: 'good', source: 'crl', until: instant(list.nextUpdate) };
  const at = Temporal.Instant.fromEpochMilliseconds(entry.at);
  return { status: 'revoked', source: 'crl', at, reason: entry.reason };
}

function instant(milliseconds: number | undefined): Temporal.Instant | undefined {
  return milliseconds === undefined
    ? undefined
    : Temporal.Instant.fromEpochMilliseconds(milliseconds);
}

function checkIssuer(
  list: RevocationList,
  certificate: CertificateFields,
  issuer: CertificateFields,
): void {
  if (list.issuer.key !== certificate.issuer.key)
    throw new UnprovenError(`it is of ${nameText(list.issuer)}, another issuer`);
  if (list.signatureAlgorithm.encoded !== list.signedAlgorithm.encoded)
    throw new UnprovenError('it names two different algorithms');
  const { keyUsage } = issuer.known;
  if (keyUsage && !keyUsage.has(keyUsages.cRLSign))
    throw new UnprovenError(
      'the issuer must not sign revocation lists: its key usage lacks cRLSign',
    );
  const fault = signatureFault(list, issuer);
  if (fault) throw new UnprovenError(`expected ${fault.expected}, found ${fault.actual}`);
}

function checkExtensions({ extensions }: RevocationList, certificate: CertificateFields): void {
  const byIdentifier = new Map(extensions.map((extension) => [extension.identifier, extension]));
  if (byIdentifier.has(extensionNames.deltaIndicator))
    throw new UnprovenError('it is a delta list, which is not supported');
  const number = byIdentifier.get(extensionNames.number);
  // RFC 5280 §5.2.3: in every list, and not critical.
  if (!number || number.isCritical)
    throw new UnprovenError(number ? 'its number is critical' : 'it has no number');
  readInteger(readDerValue(number.value));
  const scope = byIdentifier.get(extensionNames.distributionPoint);
  if (scope) checkScope(readDerValue(scope.value, tags.sequence), certificate);
  const known: readonly string[] = Object.values(extensionNames);
  const unknown = extensions.find(
    ({ identifier, isCritical }) => isCritical && !known.includes(identifier),
  );
  if (unknown)
    throw new UnprovenError(`it has the unknown critical extension ${unknown.identifier}`);
}

/** The issuing distribution point: which certificates the list is about. RFC 5280 §5.2.5 */
function checkScope(scope: DerValue, certificate: CertificateFields): void {
  const isCa = certificate.known.basicConstraints?.isCa === true;
  for (const field of members(scope)) {
    const isSet = () => readBoolean({ ...field, tag: tags.boolean });
    if (field.tag === context(1) && isSet() && isCa)
      throw new UnprovenError('it is about the certificates of users alone');
    if (field.tag === context(2) && isSet() && !isCa)
      throw new UnprovenError('it is about the certificates of CAs alone');
    if (field.tag === context(3)) throw new UnprovenError('it has only some reasons');
    if (field.tag === context(4) && isSet())
      throw new UnprovenError('it is an indirect list, which is not supported');
    if (field.tag === context(5) && isSet())
      throw new UnprovenError('it is about attribute certificates');
  }
}

/** How many entries are read before other work has its turn. */
const batch = 20_000;

interface Entry {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly reason: ReturnType<typeof reasonName>;
}

async function findEntry(
  { entries }: RevocationList,
  serialNumber: Uint8Array,
): Promise<Entry | undefined> {
  if (!entries) return undefined;
  let count = 0;
  for (let at = entries.from; at < entries.to;) {
    const entry = expectTag(valueAt(entries.bytes, at, entries.to), tags.sequence);
    const serial = expectTag(valueAt(entry.bytes, entry.from, entry.to), tags.integer);
    if (isSame(serial, serialNumber)) return readEntry(entry);
    at = entry.to;
    count += 1;
    if (count % batch === 0) await new Promise(setImmediate);
  }
  return undefined;
}

function isSame({ bytes, from, to }: DerValue, serialNumber: Uint8Array): boolean {
  if (to - from !== serialNumber.length) return false;
  for (let index = serialNumber.length - 1; index >= 0; index -= 1)
    if (bytes[from + index] !== serialNumber[index]) return false;
  return true;
}

function readEntry(entry: DerValue): Entry {
  const [, date, list] = members(entry);
  if (!date) throw new RangeError('an entry has no date');
  const extensions = list ? members(expectTag(list, tags.sequence)) : [];
  const reason = extensions.map(readReason).find((number) => number !== undefined);
  return { at: readTime(date), reason: reasonName(reason ?? 0) };
}

function readReason(value: DerValue): number | undefined {
  const extension = readExtension(value);
  if (extension.identifier === extensionNames.certificateIssuer)
    throw new UnprovenError('it has entries of other issuers, which is not supported');
  if (extension.identifier === extensionNames.reason)
    return contents(readDerValue(extension.value))[0];
  if (extension.isCritical === true)
    throw new UnprovenError(`an entry has the unknown critical extension ${extension.identifier}`);
  return undefined;
}
