// RFC 5280 §4.2.1.12: what a key may be used for. CAs' certificates narrow it, as browsers and
// OpenSSL have it.
import type { CertificateFields } from '../certificate-fields.ts';
import { keyUsages } from '../extensions.ts';
import { boundedList, type Fault, type Profile, type Role } from '../fault.ts';

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

const { digitalSignature, nonRepudiation, keyEncipherment, keyAgreement } = keyUsages;

/** The key usages of which a purpose needs one. RFC 5280 §4.2.1.12 */
const consistentUsages: Readonly<Record<Purpose, readonly number[]>> = {
  serverAuth: [digitalSignature, keyEncipherment, keyAgreement],
  clientAuth: [digitalSignature, keyAgreement],
  codeSigning: [digitalSignature],
  emailProtection: [digitalSignature, nonRepudiation, keyEncipherment, keyAgreement],
  timeStamping: [digitalSignature, nonRepudiation],
  ocspSigning: [digitalSignature, nonRepudiation],
};

/**
 * RFC 5280 §4.2.1.12: "the certificate MUST only be used for a purpose consistent with both
 * extensions". This does not apply to CA certificates.
 *
 * @param purpose `undefined` for any
 */
export function keyUsageFault(
  { known: { keyUsage, basicConstraints } }: CertificateFields,
  purpose: Purpose | undefined,
): Fault | undefined {
  if (!keyUsage || purpose === undefined || basicConstraints?.isCa === true) return undefined;
  if (consistentUsages[purpose].some((usage) => keyUsage.has(usage))) return undefined;
  return {
    check: 'key-usage',
    expected: `a key usage for ${purpose}, such as digitalSignature`,
    actual: 'other key usages',
  };
}

export const anyExtendedKeyUsage = '2.5.29.37.0';

/**
 * Checks an extended key usage, also that of the anchor and of any purpose: OpenSSL refuses both.
 * RFC 5280 §4.2.1.12 leaves it to the application whether any purpose is enough; private CAs use it.
 *
 * @param purpose `undefined` for any
 */
export function extendedKeyUsageFault(
  { known: { extendedKeyUsage } }: CertificateFields,
  purpose: Purpose | undefined,
  { role, profile }: { readonly role: Role; readonly profile: Profile },
): Fault | undefined {
  if (!extendedKeyUsage || purpose === undefined) return undefined;
  if (extendedKeyUsage.includes(purposes[purpose])) return undefined;
  const isLenient = role === 'anchor' || extendedKeyUsage.includes(anyExtendedKeyUsage);
  if (profile === 'private' && isLenient) return undefined;
  return {
    check: 'extended-key-usage',
    expected: purpose,
    actual: boundedList(extendedKeyUsage.map(purposeName)),
  };
}

/** The bits of the Netscape certificate type; it has none for the other purposes. */
const netscapeBits: Readonly<Partial<Record<Purpose, number>>> = {
  clientAuth: 0,
  serverAuth: 1,
  emailProtection: 2,
  codeSigning: 3,
};

/**
 * Checks the Netscape certificate type of a leaf, which OpenSSL still reads.
 * @param purpose `undefined` for any
 */
export function netscapeTypeFault(
  { known: { netscapeCertificateType } }: CertificateFields,
  purpose: Purpose | undefined,
): Fault | undefined {
  const bit = purpose && netscapeBits[purpose];
  if (!netscapeCertificateType || bit === undefined || netscapeCertificateType.has(bit))
    return undefined;
  return {
    check: 'extended-key-usage',
    expected: `a Netscape certificate type for ${purpose}`,
    actual: 'another type',
  };
}

/** Returns the name of a purpose; an object identifier that has none is returned as it is written. */
export function purposeName(identifier: string): string {
  const known = Object.entries(purposes).find(([, value]) => value === identifier);
  return known?.[0] ?? identifier;
}
