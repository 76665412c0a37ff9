import { createPublicKey, KeyObject, sign, type webcrypto as web } from 'node:crypto';
import { damaged, readPrivateKey } from './key-object.ts';
import type { KeyType } from './key-types.ts';
import type { CryptoBackend, PrivateKey } from './private-key.ts';

type EcdsaAlgorithm = web.EcKeyAlgorithm & { readonly hash: string };
type Algorithm = EcdsaAlgorithm | web.RsaHashedKeyGenParams | { readonly name: 'Ed25519' };

const ecdsa = (namedCurve: string, hash: string) => ({ name: 'ECDSA', namedCurve, hash });
const rsa = (modulusLength: number) => ({
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  modulusLength,
  publicExponent: new Uint8Array([1, 0, 1]),
});
const algorithms: Readonly<Record<KeyType, Algorithm>> = {
  'ec-p256': ecdsa('P-256', 'SHA-256'),
  'ec-p384': ecdsa('P-384', 'SHA-384'),
  'ec-p521': ecdsa('P-521', 'SHA-512'),
  'rsa-2048': rsa(2048),
  'rsa-3072': rsa(3072),
  'rsa-4096': rsa(4096),
  ed25519: { name: 'Ed25519' },
};

function isEcdsa(algorithm: Algorithm): algorithm is EcdsaAlgorithm {
  return 'namedCurve' in algorithm;
}

/** Returns the name of a digest that `node:crypto` has on every runtime: `sha256` for `SHA-256`. */
function digestOf({ hash }: EcdsaAlgorithm): string {
  return hash.replace('-', '').toLowerCase();
}

/** WebCrypto: the default backend. */
export function webcrypto(): CryptoBackend {
  const { subtle } = crypto;
  const wrap = async (
    type: KeyType,
    key: web.CryptoKey,
    publicKey: Uint8Array,
  ): Promise<PrivateKey> => {
    const algorithm = algorithms[type];
    return {
      type,
      publicKey,
      // ECDSA takes less time than a promise of `subtle`; RSA is left to another thread.
      sign: isEcdsa(algorithm)
        ? async (data) => new Uint8Array(sign(digestOf(algorithm), data, KeyObject.from(key)))
        : async (data) => new Uint8Array(await subtle.sign(algorithm, key, data)),
      export: async () => new Uint8Array(await subtle.exportKey('pkcs8', key)),
    };
  };
  return {
    name: 'webcrypto',
    async generate(type) {
      const pair = (await subtle.generateKey(algorithms[type] as web.EcKeyGenParams, true, [
        'sign',
        'verify',
      ])) as web.CryptoKeyPair;
      return await wrap(
        type,
        pair.privateKey,
        new Uint8Array(await subtle.exportKey('spki', pair.publicKey)),
      );
    },
    async import(pem, passphrase) {
      const { key, type } = readPrivateKey(pem, passphrase);
      const pkcs8 = key.export({ format: 'der', type: 'pkcs8' });
      try {
        const imported = await subtle.importKey(
          'pkcs8',
          pkcs8,
          algorithms[type] as web.EcKeyImportParams,
          true,
          ['sign'],
        );
        return await wrap(
          type,
          imported,
          new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' })),
        );
      } catch {
        throw damaged(type);
      } finally {
        pkcs8.fill(0);
      }
    },
  };
}
