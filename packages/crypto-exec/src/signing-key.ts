import { constants, type KeyObject, verify } from 'node:crypto';
import { describePublicKey, type KeyType, keyTypes, type PrivateKey } from '@acmex/certificate';
import { readSubjectPublicKey } from '@acmex/certificate/structure';
import { SignerError } from './errors.ts';
import { hashOf, messageOf, type SignatureAlgorithm, type Signer } from './signer.ts';

/** A key that a signer has. It can only sign: its private numbers are nowhere in this process. */
export interface SigningKey extends PrivateKey {
  readonly reference: string;
  /**
   * Signs data, and verifies the signature with the public key before it is returned.
   * @param algorithm that of `PrivateKey.sign` by default
   * @throws SignerError
   */
  sign(data: Uint8Array, algorithm?: SignatureAlgorithm): Promise<Uint8Array>;
}

const algorithms: Readonly<Record<KeyType, SignatureAlgorithm>> = {
  'ec-p256': 'ecdsa-sha256',
  'ec-p384': 'ecdsa-sha384',
  'ec-p521': 'ecdsa-sha512',
  'rsa-2048': 'rsa-sha256',
  'rsa-3072': 'rsa-sha256',
  'rsa-4096': 'rsa-sha256',
  ed25519: 'ed25519',
};

/**
 * Opens a key by its reference: reads its public key.
 * @throws SignerError `ERR_SIGNER_KEY` for a type of key that certificates do not have,
 * `ERR_SIGNER_OUTPUT` for a public key that cannot be read; and what the signer throws
 */
export async function openSigningKey(signer: Signer, reference: string): Promise<SigningKey> {
  const publicKey = readPublicKey(await signer.publicKey(reference), signer);
  const spki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }));
  const words = describePublicKey(spki);
  const type = keyTypes.find((keyType) => keyType === words);
  if (type === undefined)
    throw new SignerError(
      'ERR_SIGNER_KEY',
      `${signer.name}: the key is of type ${words}, which is not supported: use EC P-256, P-384 or P-521, RSA of 2048, 3072 or 4096 bits, or Ed25519`,
    );
  return {
    type,
    publicKey: spki,
    reference,
    async sign(data, algorithm = algorithms[type]) {
      const signature = await signer.sign(reference, messageOf(data, algorithm), algorithm);
      await assertSigned(data, signature, { publicKey, algorithm, signer });
      return signature;
    },
  };
}

function readPublicKey(bytes: Uint8Array, { name }: Signer): KeyObject {
  const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  try {
    // Node would also derive a public key from a private one, which must never be printed.
    if (key.includes('PRIVATE KEY')) throw new RangeError('this is a private key');
    return readSubjectPublicKey(key);
  } catch {
    // What OpenSSL says may quote the output, which can be anything.
    throw new SignerError(
      'ERR_SIGNER_OUTPUT',
      `${name}: the output, ${key.length} bytes, is not a public key: it must be SubjectPublicKeyInfo as PEM or DER`,
    );
  }
}

interface SignedBy {
  readonly publicKey: KeyObject;
  readonly algorithm: SignatureAlgorithm;
  readonly signer: Signer;
}

async function assertSigned(
  data: Uint8Array,
  signature: Uint8Array,
  { publicKey, algorithm, signer }: SignedBy,
): Promise<void> {
  const isPss = algorithm === 'rsa-pss-sha256';
  const key = isPss
    ? {
        key: publicKey,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      }
    : publicKey;
  const isSigned = await new Promise<boolean>((resolve) => {
    verify(hashOf(algorithm), data, key, signature, (error, result) =>
      resolve(error === null && result),
    );
  });
  if (isSigned) return;
  throw new SignerError(
    'ERR_SIGNER_SIGNATURE',
    `${signer.name}: the signature of ${signature.length} bytes does not belong to the public key of the key, and was not used: check that the program signs with the same key, by ${algorithm}${algorithm.startsWith('ecdsa') ? ', and writes DER' : ''}`,
  );
}
