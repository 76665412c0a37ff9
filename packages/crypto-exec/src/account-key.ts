import type { KeyType, PrivateKey } from '@acmex/certificate';
import { readSubjectPublicKey } from '@acmex/certificate/structure';
import type { AccountKey, JwsAlgorithm, PublicJwk } from '@acmex/protocol';

const algorithms: Readonly<Record<KeyType, JwsAlgorithm>> = {
  'ec-p256': 'ES256',
  'ec-p384': 'ES384',
  'ec-p521': 'ES512',
  'rsa-2048': 'RS256',
  'rsa-3072': 'RS256',
  'rsa-4096': 'RS256',
  ed25519: 'EdDSA',
};
/** Bytes of each of the two numbers of a signature. RFC 7518 §3.4 */
const numberBytes: Readonly<Partial<Record<KeyType, number>>> = {
  'ec-p256': 32,
  'ec-p384': 48,
  'ec-p521': 66,
};

/** Returns the account key that signs with a private key, wherever that is. RFC 8555 §6.2 */
export function accountKeyOf(key: PrivateKey): AccountKey {
  const { type } = key;
  const spki = readSubjectPublicKey(key.publicKey);
  const size = numberBytes[type];
  return {
    algorithm: algorithms[type],
    jwk: spki.export({ format: 'jwk' }) as PublicJwk,
    async sign(data) {
      const signature = await key.sign(data);
      return size === undefined ? signature : sideBySide(signature, size);
    },
  };
}

/**
 * Returns the two numbers of an ECDSA signature side by side, as JWS has them.
 * @param signature SEQUENCE { r INTEGER, s INTEGER }, DER. RFC 3279 §2.2.3
 */
function sideBySide(signature: Uint8Array, size: number): Uint8Array {
  const numbers = Buffer.from(signature);
  // The longest, of P-521, has its length in two bytes.
  const first = numbers[1] === 0x81 ? 3 : 2;
  const second = first + 2 + (numbers[first + 1] ?? 0);
  const both = new Uint8Array(size * 2);
  for (const [at, end] of [
    [first, size],
    [second, size * 2],
  ] as const) {
    const number = numbers.subarray(at + 2, at + 2 + (numbers[at + 1] ?? 0));
    const digits = number.subarray(Math.max(0, number.length - size));
    both.set(digits, end - digits.length);
  }
  return both;
}
