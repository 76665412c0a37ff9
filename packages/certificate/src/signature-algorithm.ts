import { AlgorithmIdentifier } from '@peculiar/asn1-x509';
import { der, objectIdentifier } from './der.ts';
import type { KeyType } from './key-types.ts';

// RFC 5758 §3.2, RFC 4055 §5 (with its NULL), RFC 8410 §3
const identifiers: Readonly<Record<KeyType, string>> = {
  'ec-p256': '1.2.840.10045.4.3.2',
  'ec-p384': '1.2.840.10045.4.3.3',
  'ec-p521': '1.2.840.10045.4.3.4',
  'rsa-2048': '1.2.840.113549.1.1.11',
  'rsa-3072': '1.2.840.113549.1.1.11',
  'rsa-4096': '1.2.840.113549.1.1.11',
  ed25519: '1.3.101.112',
};

/** How `PrivateKey.sign` signs. */
export function signatureAlgorithm(type: KeyType): AlgorithmIdentifier {
  return new AlgorithmIdentifier({
    algorithm: identifiers[type],
    ...(type.startsWith('rsa') ? { parameters: null } : {}),
  });
}

/** Returns how `PrivateKey.sign` signs. AlgorithmIdentifier, DER. */
export function signatureAlgorithmDer(type: KeyType): Uint8Array {
  return der(
    0x30,
    objectIdentifier(identifiers[type]),
    ...(type.startsWith('rsa') ? [der(0x05)] : []),
  );
}
