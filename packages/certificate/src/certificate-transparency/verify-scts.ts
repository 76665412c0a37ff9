import { createHash, type KeyObject, verify } from 'node:crypto';
import { Temporal } from 'temporal-polyfill';
import { withCertificateErrors } from '../certificate-info.ts';
import { der } from '../der.ts';
import { CertificateError } from '../errors.ts';
import { readCertificateFields } from '../verification/certificate-fields.ts';
import { readSubjectPublicKey } from '../openssl-key.ts';
import {
  context,
  DerError,
  type DerValue,
  encoding,
  members,
  readDerValue,
  readObjectIdentifier,
  tags,
} from '../verification/der-value.ts';
import type { Log, LogList } from './log-list.ts';
import {
  readEmbeddedScts,
  readSctExtension,
  readSctList,
  type SctEntry,
  sctListExtension,
  type SignedCertificateTimestamp,
} from './signed-certificate-timestamp.ts';

/** Where an SCT is: in the certificate, in an OCSP response, or in the TLS handshake. §3.3 */
export type SctSource = 'certificate' | 'ocsp' | 'tls';

/** Why an SCT is not verified. */
export type SctFault =
  /** The SCT, or the whole list, is damaged or of an unknown version. */
  | 'unreadable'
  | 'no-log-list'
  | 'unknown-log'
  /** An SCT in the certificate covers the key of the issuer, whose certificate is not there. */
  | 'no-issuer'
  /** The log list has a key that does not belong to the id of the log. */
  | 'log-id'
  /** The log has signed something else, or has not signed. */
  | 'signature'
  | 'timestamp-in-future'
  /** The log is `pending` or `rejected`, or was `retired` before the SCT. */
  | 'log-not-trusted';

/** What is known of one SCT, or of a list of them that cannot be read. */
export interface SctVerification {
  readonly source: SctSource;
  /** Absent for what cannot be read. */
  readonly sct: SignedCertificateTimestamp | undefined;
  /** The log, where a list names it. Its texts are untrusted. */
  readonly log: Log | undefined;
  /** Absent for a valid SCT. */
  readonly fault: SctFault | undefined;
  /** The fault in words; empty for a valid SCT. */
  readonly reason: string;
}

export interface VerifySctsOptions {
  /** The certificate of the issuer, DER; what is in the certificate cannot be verified without. */
  readonly issuer?: Uint8Array | undefined;
  /** An SCT is valid if it is so by every list that names its log. */
  readonly logs: readonly LogList[];
  /** The instant that no SCT may be later than. */
  readonly at: Temporal.Instant;
  /** The value of the TLS extension `signed_certificate_timestamp`. */
  readonly tls?: Uint8Array | undefined;
  /** The value of the extension 1.3.6.1.4.1.11129.2.4.5 in an OCSP response for the certificate. */
  readonly ocsp?: Uint8Array | undefined;
}

/**
 * Verifies the SCTs in a certificate, and those that a server sent in its handshake or in a stapled
 * OCSP response. Bad SCTs are results, not errors. Whether the log has kept its promise is not
 * checked. RFC 6962 §3.2, §3.3, §5.2
 *
 * @param certificate DER
 * @throws CertificateError `ERR_CERTIFICATE_FORMAT` when a certificate is not well-formed
 */
export function verifyScts(
  certificate: Uint8Array,
  { issuer, logs, at, tls, ocsp }: VerifySctsOptions,
): readonly SctVerification[] {
  const precertificate = issuer && precertificateEntry(certificate, issuer);
  const whole = certificateEntry(certificate);
  return [
    ...verifyList('certificate', () => readEmbeddedScts(certificate), {
      signed: precertificate,
      logs,
      at,
    }),
    ...verifyList('ocsp', () => (ocsp ? readSctExtension(ocsp) : []), { signed: whole, logs, at }),
    ...verifyList('tls', () => (tls ? readSctList(tls) : []), { signed: whole, logs, at }),
  ];
}

interface Verification extends Pick<VerifySctsOptions, 'logs' | 'at'> {
  /** The type of the entry and the entry, as the log signs them. */
  readonly signed: Uint8Array | undefined;
}

function verifyList(
  source: SctSource,
  read: () => readonly SctEntry[],
  verification: Verification,
): readonly SctVerification[] {
  return entriesOf(read).map((entry) => {
    if ('unreadable' in entry)
      return { source, ...unknown, fault: 'unreadable', reason: entry.unreadable };
    const logs = verification.logs.flatMap((list) => list.get(entry.sct.logId) ?? []);
    const { fault, reason } = problemOf(entry.sct, logs, verification) ?? valid;
    return { source, sct: entry.sct, log: logs[0], fault, reason };
  });
}

const unknown = { sct: undefined, log: undefined };
const valid = { fault: undefined, reason: '' };

/** Returns a list that cannot be read as one entry that cannot be read. */
function entriesOf(read: () => readonly SctEntry[]): readonly SctEntry[] {
  try {
    return read();
  } catch (error) {
    if (error instanceof CertificateError && error.code === 'ERR_CERTIFICATE_SCT')
      return [{ unreadable: error.message }];
    throw error;
  }
}

interface Problem {
  readonly fault: SctFault;
  readonly reason: string;
}

function problemOf(
  sct: SignedCertificateTimestamp,
  logs: readonly Log[],
  { signed, at, logs: lists }: Verification,
): Problem | undefined {
  if (lists.length === 0) return { fault: 'no-log-list', reason: 'there is no list of logs' };
  if (logs.length === 0)
    return { fault: 'unknown-log', reason: 'the list of logs does not have its log' };
  if (!signed)
    return { fault: 'no-issuer', reason: 'the certificate of the issuer is not included' };
  for (const log of logs) {
    const problem = problemWithLog(log, sct, signed) ?? problemWithTime(log, sct, at);
    if (problem) return problem;
  }
  return undefined;
}

/** The only hash that logs use, and their two kinds of keys. RFC 6962 §2.1.4 */
const sha256 = 4;
const keyKinds: Readonly<Record<number, KeyObject['asymmetricKeyType']>> = { 1: 'rsa', 3: 'ec' };

function problemWithLog(
  log: Log,
  sct: SignedCertificateTimestamp,
  signed: Uint8Array,
): Problem | undefined {
  if (digest(log.key).toString('base64') !== log.id)
    return { fault: 'log-id', reason: 'the list of logs has a key that is not that of its log' };
  const key = keyOf(log);
  if (!key) return { fault: 'log-id', reason: 'the list of logs has a key that cannot be read' };
  const isLogAlgorithm =
    sct.hashAlgorithm === sha256 && keyKinds[sct.signatureAlgorithm] === key.asymmetricKeyType;
  if (!isLogAlgorithm)
    return { fault: 'signature', reason: 'its algorithm is not the one of the log' };
  return isSigned(sct, signed, key)
    ? undefined
    : { fault: 'signature', reason: 'the log has not signed it for this certificate' };
}

function keyOf(log: Log): KeyObject | undefined {
  try {
    return readSubjectPublicKey(log.key);
  } catch {
    // OpenSSL does not know such a key.
    return undefined;
  }
}

function isSigned(sct: SignedCertificateTimestamp, signed: Uint8Array, key: KeyObject): boolean {
  try {
    return verify('sha256', signedData(sct, signed), key, sct.signature);
  } catch {
    // The signature is not of the form that the key needs.
    return false;
  }
}

/** A log that was retired later, or is only read, has kept its promise until then. */
function problemWithTime(
  { state }: Log,
  { timestamp }: SignedCertificateTimestamp,
  at: Temporal.Instant,
): Problem | undefined {
  if (Temporal.Instant.compare(timestamp, at) > 0)
    return { fault: 'timestamp-in-future', reason: 'its time is in the future' };
  const fault = 'log-not-trusted';
  if (state?.name === 'pending') return { fault, reason: 'its log is not accepted yet' };
  if (state?.name === 'rejected') return { fault, reason: 'its log was rejected' };
  const isTooLate =
    state?.name === 'retired' && Temporal.Instant.compare(timestamp, state.since) >= 0;
  return isTooLate ? { fault, reason: `its log was retired before, at ${state.since}` } : undefined;
}

function digest(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function signedData({ timestamp, extensions }: SignedCertificateTimestamp, signed: Uint8Array) {
  return Buffer.concat([
    // Version 1, and the signature type certificate_timestamp.
    Uint8Array.of(0, 0),
    bigEndian(timestamp.epochMilliseconds, 8),
    signed,
    bigEndian(extensions.length, 2),
    extensions,
  ]);
}

const entryTypes = { x509: 0, precertificate: 1 };

/** What a log signs for an SCT outside of the certificate: the certificate. RFC 6962 §3.2 */
function certificateEntry(certificate: Uint8Array): Uint8Array {
  return Buffer.concat([
    bigEndian(entryTypes.x509, 2),
    bigEndian(certificate.length, 3),
    certificate,
  ]);
}

/**
 * What a log signs for an SCT in the certificate: the key of the issuer, and the certificate as it
 * was before it had SCTs. RFC 6962 §3.2
 */
function precertificateEntry(certificate: Uint8Array, issuer: Uint8Array): Uint8Array {
  const { publicKey } = withCertificateErrors('the issuer', () => readCertificateFields(issuer));
  const signed = withCertificateErrors('the certificate', () =>
    withoutScts(readCertificateFields(certificate).signed),
  );
  return Buffer.concat([
    bigEndian(entryTypes.precertificate, 2),
    digest(publicKey),
    bigEndian(signed.length, 3),
    signed,
  ]);
}

function withoutScts(signed: Uint8Array): Uint8Array {
  const wrapperTag = context(3, { constructed: true });
  const fields = members(readDerValue(signed, tags.sequence)).map((field) =>
    field.tag === wrapperTag ? der(wrapperTag, extensionsWithoutScts(field)) : encoding(field),
  );
  return der(tags.sequence, ...fields);
}

function extensionsWithoutScts(wrapper: DerValue): Uint8Array {
  const [list] = members(wrapper);
  if (!list) throw new DerError('the extensions are missing');
  const extensions = members(list).filter((extension) => {
    const [identifier] = members(extension);
    return !identifier || readObjectIdentifier(identifier) !== sctListExtension;
  });
  return der(tags.sequence, ...extensions.map(encoding));
}

function bigEndian(number: number, length: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(number));
  return bytes.subarray(8 - length);
}
