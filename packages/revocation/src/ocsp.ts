import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import {
  type CertificateFields,
  contents,
  context,
  der,
  DerError,
  type DerValue,
  encoding,
  expectTag,
  explicit,
  type Extension,
  implicit,
  members,
  objectIdentifier,
  type OcspCertificateId,
  optionalMembers,
  purposes,
  readAlgorithm,
  readCertificateFields,
  readDerValue,
  readEnumerated,
  readExtensionList,
  readName,
  readNull,
  readObjectIdentifier,
  readOcspCertificateId,
  readOctetsOfBitString,
  readSmallInteger,
  readTime,
  repeatedExtension,
  type Signed,
  signatureFault,
  tags,
} from '@acmex/certificate/structure';
import { Temporal } from 'temporal-polyfill';
import {
  checkFreshness,
  proven,
  reasonName,
  type RevocationStatus,
  UnprovenError,
} from './status.ts';

const sha1 = '1.3.14.3.2.26';
const nonceExtension = '1.3.6.1.5.5.7.48.1.2';
const basicResponse = '1.3.6.1.5.5.7.48.1.1';
const noCheck = '1.3.6.1.5.5.7.48.1.5';
const sctList = '1.3.6.1.4.1.11129.2.4.5';

/** What was asked, to compare with the response. */
export interface OcspRequest {
  readonly der: Uint8Array;
  /** Absent in a request that caches may answer. */
  readonly nonce: Uint8Array | undefined;
}

/**
 * Writes an OCSP request for one certificate. The issuer is identified by SHA-1, which is what
 * responders know. RFC 6960 §4.1, RFC 5019
 */
export function ocspRequest(
  certificate: CertificateFields,
  issuer: CertificateFields,
  { hasNonce = true } = {},
): OcspRequest {
  const nonce = hasNonce ? randomBytes(32) : undefined;
  const entry = der(tags.sequence, certificateId(certificate, issuer));
  const extension =
    nonce &&
    der(
      tags.sequence,
      objectIdentifier(nonceExtension),
      der(tags.octetString, der(tags.octetString, nonce)),
    );
  const extensions = extension
    ? [der(context(2, { constructed: true }), der(tags.sequence, extension))]
    : [];
  return {
    der: der(tags.sequence, der(tags.sequence, der(tags.sequence, entry), ...extensions)),
    nonce,
  };
}

function certificateId(certificate: CertificateFields, issuer: CertificateFields): Uint8Array {
  const algorithm = der(tags.sequence, objectIdentifier(sha1), der(tags.null));
  return der(
    tags.sequence,
    algorithm,
    der(tags.octetString, digest(issuer.subject.encoded)),
    der(tags.octetString, digest(issuer.keyBits)),
    der(tags.integer, certificate.serialNumber),
  );
}

function digest(bytes: Uint8Array, hash = 'sha1'): Uint8Array {
  return createHash(hash).update(bytes).digest();
}

export interface OcspCheck {
  readonly certificate: CertificateFields;
  readonly issuer: CertificateFields;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The nonce of the request; without it, freshness alone counts. */
  readonly nonce?: Uint8Array | undefined;
  /** Refuses a response without the nonce of the request. RFC 9654 §2.1 */
  readonly isNonceRequired?: boolean;
  /**
   * Finds out whether the certificate of a delegated responder is revoked. It is called for one
   * without id-pkix-ocsp-nocheck; by default such a responder is trusted. RFC 6960 §4.2.2.2.1
   *
   * @throws UnprovenError when the responder must not be trusted
   */
  readonly checkDelegate?: (delegate: CertificateFields) => Promise<void>;
}

/** What an OCSP response proves. */
export interface OcspProof {
  readonly status: Exclude<RevocationStatus, { readonly status: 'unknown' }>;
  /** Since when the response is valid, in milliseconds since 1970. */
  readonly thisUpdate: number;
  /** Until when the response is valid, in milliseconds since 1970. */
  readonly nextUpdate: number;
}

const responseStatuses: Readonly<Record<number, string>> = {
  1: 'malformedRequest',
  2: 'internalError',
  3: 'tryLater',
  5: 'sigRequired',
  6: 'unauthorized',
};

/**
 * Reads an OCSP response and checks that it proves something about the certificate: the status, the
 * signature, who signed it, the certificate it is about, the nonce and its age. RFC 6960 §3.2
 *
 * @throws UnprovenError when it proves nothing; what `checkDelegate` throws
 */
export async function statusByOcsp(
  response: Uint8Array,
  check: OcspCheck,
): Promise<RevocationStatus> {
  return (await proofByOcsp(response, check)).status;
}

/** Does what `statusByOcsp` does, and returns what a cache needs too. */
export async function proofByOcsp(response: Uint8Array, check: OcspCheck): Promise<OcspProof> {
  return await proven(() => readBasic(basicOf(response), check));
}

/**
 * Returns the value of the extension with SCTs that a response has for a certificate. The response
 * is not verified, as each SCT has the signature of its log. RFC 6962 §3.3
 *
 * @param certificate DER
 * @param issuer DER
 * @returns `undefined` where the response has none, or cannot be read: `checkRevocation` says why
 */
export function ocspSctExtension(
  response: Uint8Array,
  certificate: Uint8Array,
  issuer: Uint8Array,
): Uint8Array | undefined {
  try {
    const names = {
      certificate: readCertificateFields(certificate),
      issuer: readCertificateFields(issuer),
    };
    const [data] = members(basicOf(response));
    const single = data && readData(data).responses.find((entry) => isAbout(entry, names));
    return single?.extensions.find(({ identifier }) => identifier === sctList)?.value;
  } catch (error) {
    if (isUnreadable(error)) return undefined;
    throw error;
  }
}

function isUnreadable(error: unknown): boolean {
  return error instanceof DerError || error instanceof RangeError || error instanceof UnprovenError;
}

/** Reads the BasicOCSPResponse of a successful response. RFC 6960 §4.2.1 */
function basicOf(response: Uint8Array): DerValue {
  const [code, ...rest] = members(readDerValue(response, tags.sequence));
  const [wrapper] = optionalMembers(rest, context(0, { constructed: true }));
  const status = code && readEnumerated(code);
  if (status !== 0 || !wrapper)
    throw new UnprovenError(
      `the responder answered ${responseStatuses[status ?? -1] ?? 'nothing'}`,
    );
  const [type, octets, ...more] = members(expectTag(explicit(wrapper), tags.sequence));
  if (!type || !octets || more.length > 0 || readObjectIdentifier(type) !== basicResponse)
    throw new UnprovenError('the response is of an unknown type');
  return readDerValue(contents(expectTag(octets, tags.octetString)), tags.sequence);
}

async function readBasic(basic: DerValue, check: OcspCheck): Promise<OcspProof> {
  const [data, algorithm, signature, ...rest] = members(basic);
  if (!data || !algorithm || !signature) throw new DerError('the response is cut off');
  const [certificates] = optionalMembers(rest, context(0, { constructed: true }));
  const fields = readData(data);
  const signed: Signed = {
    signed: encoding(data),
    signature: readOctetsOfBitString(signature),
    signatureAlgorithm: readAlgorithm(algorithm),
  };
  const delegate = checkSigner(signed, fields.responder, certificates, check);
  checkResponseExtensions(fields.extensions, check);
  const single = fields.responses.find((response) => isAbout(response, check));
  if (!single) throw new UnprovenError('it is about another certificate');
  const proof = proofOf(single, check.now);
  if (delegate && !delegate.extensions.some(({ identifier }) => identifier === noCheck))
    await check.checkDelegate?.(delegate);
  return proof;
}

/** Reads ResponseData. RFC 6960 §4.2.1 */
function readData(data: DerValue) {
  const fields = [...members(expectTag(data, tags.sequence))];
  const version = fields[0]?.tag === context(0, { constructed: true }) ? fields.shift() : undefined;
  if (version && readSmallInteger(explicit(version)) !== 0)
    throw new UnprovenError('it is of an unknown version');
  const [responder, producedAt, responses, ...rest] = fields;
  if (!responder || !producedAt || !responses) throw new DerError('the response is cut off');
  const [wrapper] = optionalMembers(rest, context(1, { constructed: true }));
  readGeneralizedTime(producedAt);
  return {
    responder,
    responses: members(expectTag(responses, tags.sequence)).map(readSingle),
    extensions: readExtensions(wrapper),
  };
}

function readExtensions(wrapper: DerValue | undefined): readonly Extension[] {
  const extensions = wrapper ? readExtensionList(wrapper) : [];
  const repeated = repeatedExtension(extensions);
  if (repeated !== undefined) throw new UnprovenError(`it has the extension ${repeated} twice`);
  return extensions;
}

/** Reads a time as OCSP has it. RFC 6960 §4.2.2.1 */
function readGeneralizedTime(value: DerValue): number {
  return readTime(expectTag(value, tags.generalizedTime));
}

/** What a response says of one certificate. RFC 6960 §4.2.1 */
interface SingleResponse {
  readonly certificate: OcspCertificateId;
  readonly revocation: Revocation | 'good' | 'unknown';
  /** Milliseconds since 1970. */
  readonly thisUpdate: number;
  readonly nextUpdate: number | undefined;
  readonly extensions: readonly Extension[];
}

interface Revocation {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly reason: number;
}

function readSingle(value: DerValue): SingleResponse {
  const [identifier, status, thisUpdate, ...rest] = members(expectTag(value, tags.sequence));
  if (!identifier || !status || !thisUpdate) throw new DerError('the response is cut off');
  const [nextUpdate, extensions] = optionalMembers(
    rest,
    context(0, { constructed: true }),
    context(1, { constructed: true }),
  );
  return {
    certificate: readOcspCertificateId(identifier),
    revocation: readStatus(status),
    thisUpdate: readGeneralizedTime(thisUpdate),
    nextUpdate: nextUpdate && readGeneralizedTime(explicit(nextUpdate)),
    extensions: readExtensions(extensions),
  };
}

function readStatus(status: DerValue): SingleResponse['revocation'] {
  if (status.tag === context(1, { constructed: true })) return readRevocation(status);
  if (status.tag !== context(0) && status.tag !== context(2))
    throw new DerError('the status of a certificate is not one of three');
  readNull(implicit(status, tags.null));
  return status.tag === context(0) ? 'good' : 'unknown';
}

function readRevocation(status: DerValue): Revocation {
  const [time, ...rest] = members(status);
  if (!time) throw new DerError('the revocation has no time');
  const [reason] = optionalMembers(rest, context(0, { constructed: true }));
  return {
    at: readGeneralizedTime(time),
    reason: reason ? readEnumerated(explicit(reason)) : 0,
  };
}

/**
 * Checks that the signer is the issuer itself, or a responder whose certificate the issuer has
 * signed for this purpose.
 *
 * @returns the certificate of the responder, if it is not the issuer
 */
function checkSigner(
  signed: Signed,
  responder: DerValue,
  wrapper: DerValue | undefined,
  { issuer, now }: OcspCheck,
): CertificateFields | undefined {
  const certificates = wrapper ? members(expectTag(explicit(wrapper), tags.sequence)) : [];
  // A response carries one certificate, or a short chain: more only costs time.
  if (certificates.length > mostDelegates)
    throw new UnprovenError(`it has more than ${mostDelegates} certificates`);
  const delegates = certificates.map((value) =>
    readCertificateFields(Uint8Array.from(encoding(value))),
  );
  const signer = [issuer, ...delegates].find((candidate) => isResponder(responder, candidate));
  if (!signer) throw new UnprovenError('the certificate of its signer is not in it');
  if (signer !== issuer) checkDelegate(signer, issuer, now);
  const fault = signatureFault(signed, signer);
  if (fault) throw new UnprovenError(`expected ${fault.expected}, found ${fault.actual}`);
  return signer === issuer ? undefined : signer;
}

const mostDelegates = 8;

/** Returns whether a ResponderID means a certificate. RFC 6960 §4.2.1 */
function isResponder(responder: DerValue, candidate: CertificateFields): boolean {
  if (responder.tag === context(1, { constructed: true }))
    return readName(explicit(responder)).key === candidate.subject.key;
  const key = explicit(expectTag(responder, context(2, { constructed: true })));
  return isEqual(contents(expectTag(key, tags.octetString)), digest(candidate.keyBits));
}

/** RFC 6960 §4.2.2.2 */
function checkDelegate(signer: CertificateFields, issuer: CertificateFields, now: number): void {
  if (signer.issuer.key !== issuer.subject.key || signatureFault(signer, issuer))
    throw new UnprovenError('its signer has no certificate of the issuer');
  if (signer.known.extendedKeyUsage?.includes(purposes.ocspSigning) !== true)
    throw new UnprovenError('its signer has a certificate that is not for OCSP');
  if (now < signer.notBefore || now > signer.notAfter)
    throw new UnprovenError('the certificate of its signer is not valid now');
}

function checkResponseExtensions(
  extensions: readonly Extension[],
  { nonce: expected, isNonceRequired = false }: OcspCheck,
): void {
  const unknown = extensions.find(
    ({ identifier, isCritical }) => isCritical && identifier !== nonceExtension,
  );
  if (unknown)
    throw new UnprovenError(`it has the unknown critical extension ${unknown.identifier}`);
  const nonce = extensions.find(({ identifier }) => identifier === nonceExtension);
  if (!expected) return;
  if (!nonce) {
    if (isNonceRequired) throw new UnprovenError('it has no nonce');
    return;
  }
  const octets = readDerValue(nonce.value);
  const received = octets.tag === tags.octetString ? contents(octets) : nonce.value;
  if (!isEqual(received, expected)) throw new UnprovenError('it has the nonce of another request');
}

const hashNames: Readonly<Record<string, string>> = {
  [sha1]: 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
};

function isAbout(
  { certificate: identifier }: SingleResponse,
  { certificate, issuer }: Pick<OcspCheck, 'certificate' | 'issuer'>,
): boolean {
  const hash = hashNames[identifier.hash];
  return (
    hash !== undefined &&
    isEqual(identifier.serialNumber, certificate.serialNumber) &&
    isEqual(identifier.issuerName, digest(issuer.subject.encoded, hash)) &&
    isEqual(identifier.issuerKey, digest(issuer.keyBits, hash))
  );
}

function isEqual(first: Uint8Array, second: Uint8Array): boolean {
  return first.length === second.length && timingSafeEqual(first, second);
}

function proofOf(single: SingleResponse, now: number): OcspProof {
  const { revocation, thisUpdate, nextUpdate: end, extensions } = single;
  const nextUpdate = end ?? thisUpdate + unlimitedMs;
  checkFreshness(thisUpdate, nextUpdate, now);
  const unknown = extensions.find(({ isCritical }) => isCritical);
  if (unknown)
    throw new UnprovenError(`it has the unknown critical extension ${unknown.identifier}`);
  return { status: statusOf(revocation, end), thisUpdate, nextUpdate };
}

function statusOf(
  revocation: SingleResponse['revocation'],
  until: number | undefined,
): OcspProof['status'] {
  if (revocation === 'unknown')
    throw new UnprovenError('the responder does not know the certificate');
  if (revocation === 'good')
    return {
      status: 'good',
      source: 'ocsp',
      until: until === undefined ? undefined : Temporal.Instant.fromEpochMilliseconds(until),
    };
  return {
    status: 'revoked',
    source: 'ocsp',
    at: Temporal.Instant.fromEpochMilliseconds(revocation.at),
    reason: reasonName(revocation.reason),
  };
}

/** How long a response without an end is valid. */
const unlimitedMs = 24 * 3_600_000;
