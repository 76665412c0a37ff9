import { x509 } from './x509.ts';

/** The TLS Feature extension. RFC 7633 */
export const tlsFeature = '1.3.6.1.5.5.7.1.24';

const statusRequest = 5;

/** Asks for a certificate that is only valid with a stapled OCSP answer: SEQUENCE { INTEGER 5 }. */
export function mustStapleExtension(): x509.Extension {
  return new x509.Extension(tlsFeature, false, Uint8Array.from([0x30, 0x03, 0x02, 0x01, statusRequest]));
}

/** Whether status_request is among the features. */
export function asksForStapling(extension: x509.Extension | null): boolean {
  const value = extension === null ? Buffer.alloc(0) : Buffer.from(extension.value);
  return value.subarray(2).includes(Buffer.from([0x02, 0x01, statusRequest]));
}
