import { members, readDerValue, readSmallInteger, tags } from './verification/der-value.ts';

/** The TLS Feature extension. RFC 7633 */
export const tlsFeature = '1.3.6.1.5.5.7.1.24';

/** Asks for a certificate that is only valid with a stapled OCSP answer: SEQUENCE { INTEGER 5 }. */
export const statusRequest = Uint8Array.of(0x30, 0x03, 0x02, 0x01, 0x05);

/**
 * Returns whether status_request is among the features.
 * @param value the extension's; none asks for nothing
 * @throws DerError
 */
export function asksForStapling(value: Uint8Array | undefined): boolean {
  if (!value) return false;
  // RFC 6066 §1.1: status_request is 5.
  return members(readDerValue(value, tags.sequence)).some(
    (feature) => readSmallInteger(feature) === 5,
  );
}
