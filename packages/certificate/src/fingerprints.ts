import { createHash } from 'node:crypto';
import type { CertificateInfo } from './certificate-info.ts';

/** Returns the SHA-1 of a certificate, which old software shows. Lower-case hexadecimal. */
export function sha1Fingerprint({ der }: Pick<CertificateInfo, 'der'>): string {
  return createHash('sha1').update(der).digest('hex');
}

/**
 * Returns the pin of a public key: the SHA-256 of its SubjectPublicKeyInfo, in base64. RFC 7469
 * §2.4
 */
export function spkiPin({ publicKey }: Pick<CertificateInfo, 'publicKey'>): string {
  return createHash('sha256').update(publicKey).digest('base64');
}

/**
 * Returns whether a certificate is for a key.
 * @param key SubjectPublicKeyInfo, DER, such as a `PrivateKey` has
 */
export function isKeyOf(
  certificate: Pick<CertificateInfo, 'publicKey'>,
  key: { readonly publicKey: Uint8Array },
): boolean {
  return Buffer.from(certificate.publicKey).equals(key.publicKey);
}
