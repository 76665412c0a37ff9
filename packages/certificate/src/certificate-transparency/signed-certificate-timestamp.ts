import { Temporal } from 'temporal-polyfill';
import { withCertificateErrors } from '../certificate-info.ts';
import { CertificateError } from '../errors.ts';
import { readCertificateFields } from '../verification/certificate-fields.ts';
import { contents, DerError, readDerValue, tags } from '../verification/der-value.ts';

/** The extension of a certificate that embeds SCTs. RFC 6962 §3.3 */
export const sctListExtension = '1.3.6.1.4.1.11129.2.4.2';

/** A log's promise to include a certificate (SCT), not verified yet. RFC 6962 §3.2 */
export interface SignedCertificateTimestamp {
  /** SHA-256 of the log's public key, base64, as log lists have it. */
  readonly logId: string;
  readonly timestamp: Temporal.Instant;
  /** Extensions of the SCT, which version 1 does not define. */
  readonly extensions: Uint8Array;
  /** Numbers of TLS 1.2. RFC 5246 §7.4.1.4.1 */
  readonly hashAlgorithm: number;
  readonly signatureAlgorithm: number;
  readonly signature: Uint8Array;
}

/** An entry of a list: an SCT of version 1, or why it is not readable as such. */
export type SctEntry =
  { readonly sct: SignedCertificateTimestamp } | { readonly unreadable: string };

/**
 * Reads the SCTs that a certificate embeds; none for a certificate without the extension.
 *
 * @param der the certificate
 * @throws CertificateError `ERR_CERTIFICATE_FORMAT`; `ERR_CERTIFICATE_SCT` when the list is not
 * well-formed
 */
export function readEmbeddedScts(der: Uint8Array): readonly SctEntry[] {
  const { extensions } = withCertificateErrors('the certificate', () => readCertificateFields(der));
  const [extension, ...repeated] = extensions.filter(
    ({ identifier }) => identifier === sctListExtension,
  );
  if (repeated.length > 0) throw unreadable('the certificate has two lists');
  return extension ? readSctExtension(extension.value) : [];
}

/**
 * Reads the list in the extension of a certificate or of an OCSP response, which wraps it in an OCTET
 * STRING. RFC 6962 §3.3
 *
 * @param value the value of the extension
 * @throws CertificateError `ERR_CERTIFICATE_SCT`
 */
export function readSctExtension(value: Uint8Array): readonly SctEntry[] {
  return readSctList(octetsOf(value));
}

function octetsOf(value: Uint8Array): Uint8Array {
  try {
    return contents(readDerValue(value, tags.octetString));
  } catch (cause) {
    if (cause instanceof DerError) throw unreadable(cause.message, cause);
    throw cause;
  }
}

/**
 * Reads a list as the TLS extension `signed_certificate_timestamp` carries it. Each SCT can be read
 * without the others: one that is damaged or of an unknown version does not hide them. RFC 6962 §3.3
 *
 * @throws CertificateError `ERR_CERTIFICATE_SCT` when the list is empty, cut off, or has bytes after
 * its end
 */
export function readSctList(list: Uint8Array): readonly SctEntry[] {
  const reader = new TlsReader(list);
  const entries = new TlsReader(reader.vector());
  reader.expectEnd();
  if (entries.isAtEnd) throw unreadable('the list is empty');
  const scts: SctEntry[] = [];
  while (!entries.isAtEnd) scts.push(readEntry(entries.vector()));
  return scts;
}

function readEntry(bytes: Uint8Array): SctEntry {
  const [version] = bytes;
  if (version === undefined) return { unreadable: 'it is empty' };
  if (version !== 0) return { unreadable: `it has the unknown version ${version + 1}` };
  try {
    return { sct: readSct(bytes) };
  } catch (error) {
    if (error instanceof CertificateError) return { unreadable: 'it is cut off, or damaged' };
    throw error;
  }
}

function readSct(bytes: Uint8Array): SignedCertificateTimestamp {
  const reader = new TlsReader(bytes.subarray(1));
  const logId = Buffer.from(reader.take(32)).toString('base64');
  const timestamp = readTimestamp(reader.take(8));
  const extensions = reader.vector();
  const [hashAlgorithm = 0, signatureAlgorithm = 0] = reader.take(2);
  const signature = reader.vector();
  reader.expectEnd();
  return { logId, timestamp, extensions, hashAlgorithm, signatureAlgorithm, signature };
}

function readTimestamp(bytes: Uint8Array): Temporal.Instant {
  const milliseconds = Buffer.from(bytes).readBigUInt64BE();
  if (milliseconds > latestMilliseconds) throw unreadable('a time is out of range');
  return Temporal.Instant.fromEpochMilliseconds(Number(milliseconds));
}

/** The last instant that Temporal has. */
const latestMilliseconds = 8_640_000_000_000_000n;

function unreadable(reason: string, cause?: unknown): CertificateError {
  return new CertificateError(
    'ERR_CERTIFICATE_SCT',
    `the list of SCTs cannot be read (${reason}); get the certificate again, or report it to the CA`,
    { cause },
  );
}

/** Reads the presentation language of TLS. RFC 5246 §4 */
class TlsReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw unreadable('it is cut off');
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  /** Reads bytes behind a length of two bytes. */
  vector(): Uint8Array {
    const [high = 0, low = 0] = this.take(2);
    return this.take(high * 256 + low);
  }

  expectEnd(): void {
    if (!this.isAtEnd) throw unreadable('there are bytes after its end');
  }
}
