import { CertificateError } from './errors.ts';
import type { CertificateInfo } from './certificate-info.ts';

/**
 * The name of a certificate in renewal information and in `replaces`: its authority key identifier
 * and its serial number. RFC 9773 §4.1
 * @throws CertificateError `ERR_CERTIFICATE_FORMAT` for a certificate without an authority key
 * identifier
 */
export function ariCertificateId({
  authorityKeyIdentifier,
  serialNumber,
}: CertificateInfo): string {
  if (authorityKeyIdentifier === undefined)
    throw new CertificateError(
      'ERR_CERTIFICATE_FORMAT',
      `the certificate ${serialNumber} has no authority key identifier, so it has no name in renewal information`,
    );
  // The serial number with all its bytes, a leading zero included, as DER has it.
  const even = serialNumber.length % 2 === 0 ? serialNumber : `0${serialNumber}`;
  const serial = Number.parseInt(even.slice(0, 2), 16) >= 0x80 ? `00${even}` : even;
  return [authorityKeyIdentifier, serial]
    .map((hex) => Buffer.from(hex, 'hex').toString('base64url'))
    .join('.');
}
