import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { CertificateError } from './errors.ts';
import { type KeyType } from './private-key.ts';

const curves: Readonly<Record<string, KeyType>> = { prime256v1: 'ec-p256', secp384r1: 'ec-p384', secp521r1: 'ec-p521' };
const sizes: Readonly<Record<number, KeyType>> = { 2048: 'rsa-2048', 3072: 'rsa-3072', 4096: 'rsa-4096' };

/** The type of a key; undefined for one that is not supported. */
export function keyTypeOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): KeyType | undefined {
  if (asymmetricKeyType === 'ec') return curves[asymmetricKeyDetails?.namedCurve ?? ''];
  if (asymmetricKeyType === 'rsa') return sizes[asymmetricKeyDetails?.modulusLength ?? 0];
  return asymmetricKeyType === 'ed25519' ? 'ed25519' : undefined;
}

/** A key in words, also one that is not supported. */
export function describeKey(key: KeyObject): string {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  return keyTypeOf(key) ?? [key.asymmetricKeyType ?? 'unknown', namedCurve ?? modulusLength].filter((part) => part !== undefined).join(' ');
}

/** The type of a SubjectPublicKeyInfo in words. */
export function describePublicKey(spki: Uint8Array): string {
  try {
    return describeKey(createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }));
  } catch {
    return 'unknown';
  }
}

/** Reads a private key from PEM. @throws CertificateError `ERR_KEY_FORMAT`, `ERR_KEY_TYPE`, `ERR_KEY_PASSPHRASE` */
export function readPrivateKey(pem: Uint8Array, passphrase?: string): { readonly key: KeyObject; readonly type: KeyType } {
  const key = parse(pem, passphrase);
  const type = keyTypeOf(key);
  if (type === undefined) throw new CertificateError('ERR_KEY_TYPE', `a key of type ${describeKey(key)} is not supported: use EC P-256, P-384 or P-521, RSA of 2048, 3072 or 4096 bits, or Ed25519`);
  return { key, type };
}

function parse(pem: Uint8Array, passphrase: string | undefined): KeyObject {
  if (pem.length > 65_536) throw new CertificateError('ERR_KEY_FORMAT', 'the key is larger than any private key: give one private key as PEM');
  const text = Buffer.from(pem.buffer, pem.byteOffset, pem.length);
  const encrypted = text.includes('ENCRYPTED');
  if (encrypted && passphrase === undefined) throw new CertificateError('ERR_KEY_PASSPHRASE', 'the key is encrypted: give its passphrase');
  try {
    return createPrivateKey({ key: text, ...(passphrase === undefined ? {} : { passphrase }) });
  } catch {
    // What OpenSSL says depends on its version, and may quote the input: it is not passed on.
    if (encrypted) throw new CertificateError('ERR_KEY_PASSPHRASE', 'the key cannot be decrypted: the passphrase is wrong, or the file is damaged');
    const found = /-----BEGIN ([A-Z0-9 ]{1,60})-----/.exec(text.toString('latin1'))?.[1];
    throw new CertificateError('ERR_KEY_FORMAT', found === undefined ? 'the key is no PEM: give a private key that begins with "-----BEGIN"' : `the PEM block "${found}" holds no private key that can be read`);
  }
}
