import {
  type Algorithm,
  type CertificateFields,
  context,
  DerError,
  type DerValue,
  type DistinguishedName,
  expectTag,
  type Extension,
  implicit,
  keyUsages,
  members,
  nameText,
  optionalMembers,
  readAlgorithm,
  readBitString,
  readBoolean,
  readDerValue,
  readDistributionPointName,
  readEnumerated,
  readExtension,
  readExtensionList,
  readInteger,
  readKnownExtensions,
  readName,
  readOctetsOfBitString,
  readSmallInteger,
  readTime,
  repeatedExtension,
  type SignatureCheck,
  signatureCheck,
  tags,
  valueAt,
} from '@acmex/certificate/structure';
import { Temporal } from 'temporal-polyfill';
import { type ListBytes, type ListReader, listReader } from './list-reader.ts';
import {
  checkFreshness,
  proven,
  reasonName,
  type RevocationStatus,
  UnprovenError,
} from './status.ts';

/** The fields of a certificate revocation list before its entries. RFC 5280 §5.1 */
interface ListHead {
  readonly algorithm: Algorithm;
  readonly issuer: DistinguishedName;
  /** Milliseconds since 1970. */
  readonly thisUpdate: number;
  readonly nextUpdate: number | undefined;
}

const extensionNames = {
  reason: '2.5.29.21',
  certificateIssuer: '2.5.29.29',
  number: '2.5.29.20',
  deltaIndicator: '2.5.29.27',
  distributionPoint: '2.5.29.28',
  authorityKeyIdentifier: '2.5.29.35',
} as const;

export interface ListCheck {
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** What a list proves about a certificate. */
export interface ListProof {
  readonly status: RevocationStatus;
  /** The number of the list, hexadecimal: a later list has a higher one. RFC 5280 §5.2.3 */
  readonly number: string;
  /** Until when the list is valid, in milliseconds since 1970. */
  readonly nextUpdate: number;
}

/**
 * Looks up a certificate in a revocation list of its issuer, and checks the list: issuer,
 * signature, freshness, extensions. RFC 5280 §6.3.3
 *
 * @param list DER; what arrives in pieces is never held whole
 * @throws UnprovenError when the list proves nothing about the certificate; what the pieces throw
 */
export async function statusByList(
  list: ListBytes,
  certificate: CertificateFields,
  issuer: CertificateFields,
  check: ListCheck,
): Promise<RevocationStatus> {
  return (await proofByList(list, certificate, issuer, check)).status;
}

/** Does what `statusByList` does, and returns what a cache needs too. */
export async function proofByList(
  list: ListBytes,
  certificate: CertificateFields,
  issuer: CertificateFields,
  check: ListCheck,
): Promise<ListProof> {
  return await proven(() => readList(list, certificate, issuer, check));
}

async function readList(
  list: ListBytes,
  certificate: CertificateFields,
  issuer: CertificateFields,
  { now }: ListCheck,
): Promise<ListProof> {
  const reader = listReader(list);
  const length = await reader.enter(tags.sequence);
  const end = reader.position() + length;
  const { head, signature, entry, extensions } = await readSignedPart(reader, {
    begin: (read) => {
      checkHead(read, certificate, issuer, now);
      return signatureCheck(read.algorithm, issuer);
    },
    serialNumber: certificate.serialNumber,
  });
  await checkSignature(reader, head, signature);
  if (reader.position() !== end || (await reader.peek()) !== undefined)
    throw new DerError('the revocation list does not end where it says');
  const number = checkExtensions(extensions, certificate);
  // `checkHead` has refused a list without an end.
  const nextUpdate = head.nextUpdate ?? 0;
  if (!entry || entry.reason === 'removeFromCRL')
    return {
      number,
      nextUpdate,
      status: { status: 'good', source: 'crl', until: instant(nextUpdate) },
    };
  const { reason } = entry;
  return {
    number,
    nextUpdate,
    status: { status: 'revoked', source: 'crl', at: instant(entry.at), reason },
  };
}

interface SignedPartOptions {
  /** Called with the fields before the entries; returns the check of the signature. */
  readonly begin: (head: ListHead) => SignatureCheck;
  readonly serialNumber: Uint8Array;
}

/** Reads TBSCertList, and gives its bytes to the check of the signature. */
async function readSignedPart(reader: ListReader, { begin, serialNumber }: SignedPartOptions) {
  let pieces: Uint8Array[] = [];
  reader.onRead = (bytes) => {
    pieces.push(Uint8Array.from(bytes));
  };
  const length = await reader.enter(tags.sequence);
  const end = reader.position() + length;
  const head = await readHead(reader, end);
  const signature = begin(head);
  for (const bytes of pieces) signature.update(bytes);
  pieces = [];
  reader.onRead = (bytes) => signature.update(bytes);
  const hasNext = (tag: number) => async () =>
    reader.position() < end && (await reader.peek()) === tag;
  const entry = (await hasNext(tags.sequence)())
    ? await findEntry(reader, serialNumber, end)
    : undefined;
  const extensions = (await hasNext(context(0, { constructed: true }))())
    ? readExtensionList(await reader.value())
    : [];
  if (reader.position() !== end) throw new RangeError('the revocation list has an unknown member');
  reader.onRead = undefined;
  return { head, signature, entry, extensions };
}

/** Reads the fields before the entries. */
async function readHead(reader: ListReader, end: number): Promise<ListHead> {
  if ((await reader.peek()) === tags.integer && readSmallInteger(await reader.value()) !== 1)
    throw new RangeError('the version of the revocation list is not 2');
  const algorithm = readAlgorithm(await reader.value());
  const issuer = readName(await reader.value());
  const thisUpdate = readTime(await reader.value());
  const next = reader.position() < end ? await reader.peek() : undefined;
  const hasEnd = next === tags.utcTime || next === tags.generalizedTime;
  const nextUpdate = hasEnd ? readTime(await reader.value()) : undefined;
  return { algorithm, issuer, thisUpdate, nextUpdate };
}

function instant(milliseconds: number): Temporal.Instant {
  return Temporal.Instant.fromEpochMilliseconds(milliseconds);
}

function checkHead(
  head: ListHead,
  certificate: CertificateFields,
  issuer: CertificateFields,
  now: number,
): void {
  if (head.issuer.key !== certificate.issuer.key)
    throw new UnprovenError(`it is of ${nameText(head.issuer)}, another issuer`);
  const { keyUsage } = issuer.known;
  if (keyUsage && !keyUsage.has(keyUsages.cRLSign))
    throw new UnprovenError(
      'the issuer must not sign revocation lists: its key usage lacks cRLSign',
    );
  // RFC 5280 §5.1.2.5: every list says when the next one comes.
  if (head.nextUpdate === undefined) throw new UnprovenError('it has no end');
  checkFreshness(head.thisUpdate, head.nextUpdate, now);
}

async function checkSignature(
  reader: ListReader,
  { algorithm }: ListHead,
  signature: SignatureCheck,
): Promise<void> {
  if (readAlgorithm(await reader.value()).encoded !== algorithm.encoded)
    throw new UnprovenError('it names two different algorithms');
  const fault = signature.fault(readOctetsOfBitString(await reader.value()));
  if (fault) throw new UnprovenError(`expected ${fault.expected}, found ${fault.actual}`);
}

/** @returns the number of the list, hexadecimal */
function checkExtensions(extensions: readonly Extension[], certificate: CertificateFields): string {
  const repeated = repeatedExtension(extensions);
  if (repeated !== undefined) throw new UnprovenError(`it has the extension ${repeated} twice`);
  readKnownExtensions(extensions);
  const byIdentifier = new Map(extensions.map((extension) => [extension.identifier, extension]));
  if (byIdentifier.has(extensionNames.deltaIndicator))
    throw new UnprovenError('it is a delta list, which is not supported');
  const number = byIdentifier.get(extensionNames.number);
  // RFC 5280 §5.2.3: in every list, and not critical.
  if (!number || number.isCritical)
    throw new UnprovenError(number ? 'its number is critical' : 'it has no number');
  const digits = readInteger(readDerValue(number.value));
  // RFC 5280 §5.2.3: positive, and at most 20 bytes.
  if ((digits[0] ?? 0) >= 0x80 || digits.length > 20)
    throw new UnprovenError('its number is negative, or longer than 20 bytes');
  const scope = byIdentifier.get(extensionNames.distributionPoint);
  if (scope) checkScope(readDerValue(scope.value, tags.sequence), certificate);
  const known: readonly string[] = Object.values(extensionNames);
  const unknown = extensions.find(
    ({ identifier, isCritical }) => isCritical && !known.includes(identifier),
  );
  if (unknown)
    throw new UnprovenError(`it has the unknown critical extension ${unknown.identifier}`);
  return Buffer.from(digits).toString('hex');
}

/** The issuing distribution point: which certificates the list is about. RFC 5280 §5.2.5 */
function checkScope(scope: DerValue, certificate: CertificateFields): void {
  const isCa = certificate.known.basicConstraints?.isCa === true;
  const [point, users, authorities, reasons, indirect, attributes] = optionalMembers(
    members(scope),
    context(0, { constructed: true }),
    ...([1, 2, 3, 4, 5] as const).map((number) => context(number)),
  );
  if (point) readDistributionPointName(point);
  if (reasons) readBitString(implicit(reasons, tags.bitString));
  const isSet = (field: DerValue | undefined) =>
    field !== undefined && readBoolean(implicit(field, tags.boolean));
  if (isSet(users) && isCa) throw new UnprovenError('it is about the certificates of users alone');
  if (isSet(authorities) && !isCa)
    throw new UnprovenError('it is about the certificates of CAs alone');
  if (reasons) throw new UnprovenError('it has only some reasons');
  if (isSet(indirect)) throw new UnprovenError('it is an indirect list, which is not supported');
  if (isSet(attributes)) throw new UnprovenError('it is about attribute certificates');
}

interface Entry {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly reason: ReturnType<typeof reasonName>;
}

/** Reads all entries, and returns that of a serial number. */
async function findEntry(
  reader: ListReader,
  serialNumber: Uint8Array,
  end: number,
): Promise<Entry | undefined> {
  const length = await reader.enter(tags.sequence);
  const entriesEnd = reader.position() + length;
  if (entriesEnd > end) throw new DerError('the entries are longer than what contains them');
  let entry: Entry | undefined;
  await reader.visit(entriesEnd, (value) => {
    const serial = expectTag(valueAt(value.bytes, value.from, value.to), tags.integer);
    if (!entry && isSame(serial, serialNumber)) entry = readEntry(value);
  });
  return entry;
}

function isSame({ bytes, from, to }: DerValue, serialNumber: Uint8Array): boolean {
  if (to - from !== serialNumber.length) return false;
  for (let index = serialNumber.length - 1; index >= 0; index -= 1)
    if (bytes[from + index] !== serialNumber[index]) return false;
  return true;
}

function readEntry(entry: DerValue): Entry {
  const [serialNumber, date, ...rest] = members(entry);
  if (!serialNumber || !date) throw new DerError('an entry has no date');
  const [list] = optionalMembers(rest, tags.sequence);
  const extensions = (list ? members(list) : []).map(readExtension);
  const repeated = repeatedExtension(extensions);
  if (repeated !== undefined)
    throw new UnprovenError(`an entry has the extension ${repeated} twice`);
  const reason = extensions.map(reasonOf).find((number) => number !== undefined);
  return { at: readTime(date), reason: reasonName(reason ?? 0) };
}

function reasonOf(extension: Extension): number | undefined {
  if (extension.identifier === extensionNames.certificateIssuer)
    throw new UnprovenError('it has entries of other issuers, which is not supported');
  if (extension.identifier === extensionNames.reason)
    return readEnumerated(readDerValue(extension.value));
  if (extension.isCritical === true)
    throw new UnprovenError(`an entry has the unknown critical extension ${extension.identifier}`);
  return undefined;
}
