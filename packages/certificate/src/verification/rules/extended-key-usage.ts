// RFC 5280 §4.2.1.12: what a key may be used for. CAs' certificates narrow it, as browsers and
// OpenSSL have it.
import type { CertificateFields } from '../certificate-fields.ts';
import type { Fault, Role } from '../fault.ts';

/** What a certificate is used for. RFC 5280 §4.2.1.12 */
export const purposes = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  emailProtection: '1.3.6.1.5.5.7.3.4',
  timeStamping: '1.3.6.1.5.5.7.3.8',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
} as const;
export type Purpose = keyof typeof purposes;

export const anyExtendedKeyUsage = '2.5.29.37.0';

/** @param purpose `undefined` for any */
export function extendedKeyUsageFault(
  { known: { extendedKeyUsage } }: CertificateFields,
  purpose: Purpose | undefined,
  role: Role,
): Fault | undefined {
  if (!extendedKeyUsage || purpose === undefined || role === 'anchor') return undefined;
  if (extendedKeyUsage.includes(purposes[purpose])) return undefined;
  if (extendedKeyUsage.includes(anyExtendedKeyUsage)) return undefined;
  return {
    check: 'extended-key-usage',
    expected: purpose,
    actual: extendedKeyUsage.map(purposeName).join(', '),
  };
}

/** Returns the name of a purpose; an object identifier that has none is returned as it is written. */
export function purposeName(identifier: string): string {
  const known = Object.entries(purposes).find(([, value]) => value === identifier);
  return known?.[0] ?? identifier;
}
