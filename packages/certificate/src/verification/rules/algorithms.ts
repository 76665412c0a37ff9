// Keys that are too weak, or of a kind that nothing verifies with. NIST SP 800-57 Part 1, §5.6.2
import type { CertificateFields } from '../certificate-fields.ts';
import type { CertificateRule, Fault } from '../fault.ts';
import { publicKeyOf } from '../public-key.ts';

const rsaKey = '1.2.840.113549.1.1.1';
const curves = ['prime256v1', 'secp384r1', 'secp521r1'];

const keyStrength: CertificateRule = (certificate) => {
  const key = publicKeyOf(certificate);
  if (!key) return fault('a key that can be read', 'a damaged one, or one of an unknown type');
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'rsa':
    case 'rsa-pss':
      return modulusLength >= 2048 && modulusLength <= 8192
        ? undefined
        : fault('an RSA key of 2048 to 8192 bits', `${modulusLength} bits`);
    case 'ec':
      return curves.includes(namedCurve ?? '')
        ? undefined
        : fault('the curve P-256, P-384 or P-521', namedCurve ?? 'explicit parameters');
    case 'ed25519':
    case 'ed448':
      return undefined;
    default:
      return fault('an RSA, EC, Ed25519 or Ed448 key', key.asymmetricKeyType ?? 'another');
  }
};

export const algorithmRules: readonly CertificateRule[] = [keyStrength];

function fault(expected: string, actual: string): Fault {
  return { check: 'algorithm', expected, actual };
}

/** Returns the bits of an RSA modulus, `undefined` for another key. */
export function rsaBits(certificate: CertificateFields): number | undefined {
  if (certificate.keyAlgorithm.identifier !== rsaKey) return undefined;
  return publicKeyOf(certificate)?.asymmetricKeyDetails?.modulusLength;
}
