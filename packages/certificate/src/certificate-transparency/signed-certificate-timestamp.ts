import { Temporal } from 'temporal-polyfill';
import { readCertificateFields } from '../verification/certificate-fields.ts';
import { contents, DerError, readDerValue, tags } from '../verification/der-value.ts';

/** The extension of a certificate that embeds SCTs. RFC 6962 §3.3 */
export const sctListExtension = '1.3.6.1.4.1.11129.2.4.2';

/** A log's promise to include a certificate (SCT), not verified yet. RFC 6962 §3.2 */
export interface SignedCertificateTimestamp {
  /** SHA-256 of the log's public key, lower-case hexadecimal. */
  readonly logId: string;
  readonly timestamp: Temporal.Instant;
  /** Extensions of the SCT, which version 1 does not define. */
  readonly extensions: Uint8Array;
  /** Numbers of TLS 1.2. RFC 5246 §7.4.1.4.1 */
  readonly hashAlgorithm: number;
  readonly signatureAlgorithm: number;
  readonly signature: Uint8Array;
}

/**
 * Reads the SCTs that a certificate embeds; none for a certificate without the extension.
 *
 * @param der the certificate
 * @throws DerError when the certificate or the list is not well-formed
 */
export function readEmbeddedScts(der: Uint8Array): readonly SignedCertificateTimestamp[] {
  const extension = readCertificateFields(der).extensions.find(
    ({ identifier }) => identifier === sctListExtension,
  );
  return extension ? readSctExtension(extension.value) : [];
}

/**
 * Reads the value of the extension of a certificate or of an OCSP response: an OCTET STRING with
 * the list. RFC 6962 §3.3
 * @throws DerError
 */
export function readSctExtension(value: Uint8Array): readonly SignedCertificateTimestamp[] {
  return readSctList(contents(readDerValue(value, tags.octetString)));
}

/**
 * Reads a list as TLS carries it. SCTs of later versions are left out, as RFC 6962 §3.3 intends.
 * @throws DerError when the list is empty, cut off, or has bytes after its end
 */
export function readSctList(list: Uint8Array): readonly SignedCertificateTimestamp[] {
  const reader = new TlsReader(list);
  const entries = new TlsReader(reader.vector());
  reader.expectEnd();
  if (entries.isAtEnd) throw new DerError('the list of SCTs is empty');
  const timestamps: SignedCertificateTimestamp[] = [];
  while (!entries.isAtEnd) {
    const bytes = entries.vector();
    if (bytes.length === 0) throw new DerError('an SCT is empty');
    if (bytes[0] === 0) timestamps.push(readSct(bytes));
  }
  return timestamps;
}

function readSct(bytes: Uint8Array): SignedCertificateTimestamp {
  const reader = new TlsReader(bytes.subarray(1));
  const logId = Buffer.from(reader.take(32)).toString('hex');
  const timestamp = readTimestamp(reader.take(8));
  const extensions = reader.vector();
  const [hashAlgorithm = 0, signatureAlgorithm = 0] = reader.take(2);
  const signature = reader.vector();
  reader.expectEnd();
  return { logId, timestamp, extensions, hashAlgorithm, signatureAlgorithm, signature };
}

function readTimestamp(bytes: Uint8Array): Temporal.Instant {
  const milliseconds = Buffer.from(bytes).readBigUInt64BE();
  if (milliseconds > 8_640_000_000_000_000n)
    throw new DerError('the time of an SCT is out of range');
  return Temporal.Instant.fromEpochMilliseconds(Number(milliseconds));
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
    if (end > this.#bytes.length) throw new DerError('the list of SCTs is cut off');
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
    if (!this.isAtEnd) throw new DerError('there are bytes after the end of the SCTs');
  }
}
