import { parseCertificate } from '@acmex/certificate';

/**
 * The serial number of a certificate from anyone, in lower-case hexadecimal; undefined for what is
 * none.
 */
export function serialNumberOf(der: Uint8Array): string | undefined {
  try {
    const { serialNumber } = parseCertificate(der);
    return /^[0-9a-f]{1,40}$/.test(serialNumber) ? serialNumber : undefined;
  } catch {
    return undefined; // it is no certificate, so none of this CA
  }
}
