import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { Temporal } from 'temporal-polyfill';
import { der } from '../der.ts';
import { readCertificateFields } from '../verification/certificate-fields.ts';
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
import {
  readEmbeddedScts,
  sctListExtension,
  type SignedCertificateTimestamp,
} from './signed-certificate-timestamp.ts';

/** What verification reads of a log list in version 3 of Google's schema. */
export interface LogList {
  readonly operators: readonly {
    readonly logs?: readonly LogEntry[];
    readonly tiled_logs?: readonly LogEntry[];
  }[];
}

/** A log of the list. */
export interface LogEntry {
  /** SHA-256 of the key, base64. */
  readonly log_id: string;
  /** SubjectPublicKeyInfo, base64 of DER. */
  readonly key: string;
  readonly state?: Readonly<Record<string, unknown>>;
}

/** `log-retired` also means that the log was rejected; its signature is right. */
export type SctStatus =
  'valid' | 'unknown-log' | 'wrong-signature' | 'timestamp-in-future' | 'log-retired';

export interface SctVerification {
  readonly sct: SignedCertificateTimestamp;
  readonly status: SctStatus;
}

/**
 * Verifies the SCTs that a certificate embeds. RFC 6962 §3.2
 *
 * @param certificate DER
 * @param issuer the certificate of its issuer, DER
 * @param at the instant that no SCT may be later than
 * @throws DerError when a certificate or the list of SCTs is not well-formed
 */
export function verifyEmbeddedScts(
  certificate: Uint8Array,
  issuer: Uint8Array,
  { logs, at }: { readonly logs: LogList; readonly at: Temporal.Instant },
): readonly SctVerification[] {
  const scts = readEmbeddedScts(certificate);
  if (scts.length === 0) return [];
  const entry = precertificateEntry(certificate, issuer);
  return scts.map((sct) => ({ sct, status: statusOf(sct, entry, { logs, at }) }));
}

function statusOf(
  sct: SignedCertificateTimestamp,
  entry: Uint8Array,
  { logs, at }: { readonly logs: LogList; readonly at: Temporal.Instant },
): SctStatus {
  const log = logs.operators
    .flatMap((operator) => [...(operator.logs ?? []), ...(operator.tiled_logs ?? [])])
    .find((candidate) => hasId(candidate, sct.logId));
  if (!log) return 'unknown-log';
  if (!isSignedBy(log, sct, entry)) return 'wrong-signature';
  if (Temporal.Instant.compare(sct.timestamp, at) > 0) return 'timestamp-in-future';
  const { retired, rejected } = log.state ?? {};
  return retired !== undefined || rejected !== undefined ? 'log-retired' : 'valid';
}

/** The id is computed from the key: a list that names a wrong one does not vouch for the log. */
function hasId({ log_id: id, key }: LogEntry, logId: string): boolean {
  if (Buffer.from(id, 'base64').toString('hex') !== logId) return false;
  return createHash('sha256').update(Buffer.from(key, 'base64')).digest('hex') === logId;
}

/** The only hash that logs use, and their two kinds of keys. RFC 6962 §2.1.4 */
const sha256 = 4;
const keyKinds: Readonly<Record<number, KeyObject['asymmetricKeyType']>> = { 1: 'rsa', 3: 'ec' };

function isSignedBy(log: LogEntry, sct: SignedCertificateTimestamp, entry: Uint8Array): boolean {
  if (sct.hashAlgorithm !== sha256) return false;
  try {
    const key = createPublicKey({
      key: Buffer.from(log.key, 'base64'),
      format: 'der',
      type: 'spki',
    });
    if (key.asymmetricKeyType !== keyKinds[sct.signatureAlgorithm]) return false;
    return verify('sha256', signedData(sct, entry), key, sct.signature);
  } catch {
    // OpenSSL cannot read the key: nothing is verified with it.
    return false;
  }
}

function signedData({ timestamp, extensions }: SignedCertificateTimestamp, entry: Uint8Array) {
  return Buffer.concat([
    // Version 1, and the signature type certificate_timestamp.
    Uint8Array.of(0, 0),
    bigEndian(timestamp.epochMilliseconds, 8),
    entry,
    bigEndian(extensions.length, 2),
    extensions,
  ]);
}

/** Rebuilds what the log has signed: the certificate as it was before SCTs. RFC 6962 §3.2 */
function precertificateEntry(certificate: Uint8Array, issuer: Uint8Array): Uint8Array {
  const { publicKey } = readCertificateFields(issuer);
  const signed = withoutScts(readCertificateFields(certificate).signed);
  return Buffer.concat([
    bigEndian(1, 2),
    createHash('sha256').update(publicKey).digest(),
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
