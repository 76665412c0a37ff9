import { createPublicKey, generateKeyPair, getFips, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { CertificateError } from './errors.ts';
import { readPrivateKey } from './key-object.ts';
import type { KeyType } from './key-types.ts';
import type { CryptoBackend, PrivateKey } from './private-key.ts';

export interface NodeCryptoOptions {
  /** Refuse to start unless OpenSSL runs in FIPS mode. */
  readonly fips?: boolean;
  /** How to learn whether it does; Node's own answer by default. */
  readonly fipsMode?: () => boolean;
}

const hashes: Readonly<Record<KeyType, string | null>> = {
  'ec-p256': 'sha256',
  'ec-p384': 'sha384',
  'ec-p521': 'sha512',
  'rsa-2048': 'sha256',
  'rsa-3072': 'sha256',
  'rsa-4096': 'sha256',
  ed25519: null,
};
const curves = { 'ec-p256': 'prime256v1', 'ec-p384': 'secp384r1', 'ec-p521': 'secp521r1' } as const;
const sizes = { 'rsa-2048': 2048, 'rsa-3072': 3072, 'rsa-4096': 4096 } as const;

/** Node's own cryptography, which is OpenSSL's. @throws CertificateError `ERR_KEY_FIPS` */
export function nodeCrypto({
  fips = false,
  fipsMode = () => getFips() === 1,
}: NodeCryptoOptions = {}): CryptoBackend {
  if (fips && !fipsMode())
    throw new CertificateError(
      'ERR_KEY_FIPS',
      'FIPS mode is asked for, but this Node.js does not run in it: start it with --force-fips and an OpenSSL that has a FIPS provider',
    );
  return {
    name: fips ? 'node-crypto (FIPS)' : 'node-crypto',
    generate: async (type) => wrap(type, await generate(type)),
    import: async (pem, passphrase) => {
      const { key, type } = readPrivateKey(pem, passphrase);
      return wrap(type, key);
    },
  };
}

async function generate(type: KeyType): Promise<KeyObject> {
  const pair = promisify(generateKeyPair);
  if (type === 'ed25519') return (await pair('ed25519', undefined)).privateKey;
  if (type in curves)
    return (await pair('ec', { namedCurve: curves[type as keyof typeof curves] })).privateKey;
  return (await pair('rsa', { modulusLength: sizes[type as keyof typeof sizes] })).privateKey;
}

function wrap(type: KeyType, key: KeyObject): PrivateKey {
  return {
    type,
    publicKey: new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' })),
    sign: (data) =>
      new Promise((resolve, reject) => {
        sign(hashes[type], data, key, (error, signature) =>
          error ? reject(error) : resolve(new Uint8Array(signature)),
        );
      }),
    export: async () => key.export({ format: 'der', type: 'pkcs8' }),
  };
}
