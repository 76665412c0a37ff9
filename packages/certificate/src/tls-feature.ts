import type { x509 } from './x509.ts';

/** The TLS Feature extension. RFC 7633 */
export const tlsFeature = '1.3.6.1.5.5.7.1.24';

/** Asks for a certificate that is only valid with a stapled OCSP answer: SEQUENCE { INTEGER 5 }. */
export const statusRequest = Uint8Array.of(0x30, 0x03, 0x02, 0x01, 0x05);

/** Whether status_request is among the features. */
export function asksForStapling(extension: x509.Extension | null): boolean {
  const value = extension === null ? Buffer.alloc(0) : Buffer.from(extension.value);
  return value.subarray(2).includes(Buffer.from(statusRequest.subarray(2)));
}
