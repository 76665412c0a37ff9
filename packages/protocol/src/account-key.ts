import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  importPKCS8,
  type JWK,
  type CryptoKey,
} from 'jose';
import { AcmeError } from './errors.ts';

/**
 * The signature algorithms of account keys. RFC 7518, RFC 8037. CAs take ES256 and RS256
 * everywhere, EdDSA rarely.
 */
export const jwsAlgorithms = ['ES256', 'ES384', 'ES512', 'RS256', 'EdDSA'] as const;
export type JwsAlgorithm = (typeof jwsAlgorithms)[number];

/** The public members of a key, those that its thumbprint is made of. RFC 7638 §3.2. */
export type PublicJwk =
  | { readonly kty: 'EC'; readonly crv: string; readonly x: string; readonly y: string }
  | { readonly kty: 'RSA'; readonly e: string; readonly n: string }
  | { readonly kty: 'OKP'; readonly crv: string; readonly x: string };

/** Signs for an account without revealing the key: in memory, in a KMS, in an HSM. */
export interface AccountKey {
  readonly algorithm: JwsAlgorithm;
  readonly jwk: PublicJwk;
  /**
   * The signature in the form of JWS: for ECDSA the two numbers side by side, not DER. RFC 7518
   * §3.4.
   */
  sign(data: Uint8Array): Promise<Uint8Array>;
}

const parameters: Record<JwsAlgorithm, { readonly name: string; readonly hash?: string }> = {
  ES256: { name: 'ECDSA', hash: 'SHA-256' },
  ES384: { name: 'ECDSA', hash: 'SHA-384' },
  ES512: { name: 'ECDSA', hash: 'SHA-512' },
  RS256: { name: 'RSASSA-PKCS1-v1_5' },
  EdDSA: { name: 'Ed25519' },
};

/**
 * A new account key.
 * @returns the key, and its PKCS#8 PEM for the caller to keep: the account is lost without it
 */
export async function generateAccountKey(
  algorithm: JwsAlgorithm = 'ES256',
): Promise<{ readonly key: AccountKey; readonly pem: string }> {
  const { privateKey } = await generateKeyPair(algorithm, {
    extractable: true,
    modulusLength: 2048,
  });
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey('pkcs8', privateKey));
  const lines = btoa(String.fromCharCode(...pkcs8)).replace(/.{1,64}/g, '$&\n');
  return {
    key: await fromCryptoKey(algorithm, privateKey),
    pem: `-----BEGIN PRIVATE KEY-----\n${lines}-----END PRIVATE KEY-----\n`,
  };
}

/**
 * An account key from PKCS#8 PEM or a private JWK.
 * @throws AcmeError `ERR_ACME_KEY` when it is neither, or of a kind that ACME has no algorithm for
 */
export async function importAccountKey(source: string | JWK): Promise<AccountKey> {
  for (const algorithm of typeof source === 'string' || source.alg === undefined
    ? jwsAlgorithms
    : jwsAlgorithms.filter((algorithm) => algorithm === source.alg)) {
    try {
      const key =
        typeof source === 'string'
          ? await importPKCS8(source, algorithm, { extractable: true })
          : await importJWK(source, algorithm, { extractable: true });
      if (!(key instanceof Uint8Array) && key.type === 'private')
        return await fromCryptoKey(algorithm, key);
    } catch {
      continue; // a key of another kind: the next algorithm is tried, and the error below says when none fits
    }
  }
  throw new AcmeError(
    'ERR_ACME_KEY',
    'the account key is not a private key that ACME can use: give PKCS#8 PEM ("BEGIN PRIVATE KEY") or a JWK of P-256, P-384, P-521, RSA of 2048 bits or more, or Ed25519',
  );
}

/** The name of a key that both sides can compute. RFC 7638. base64url */
export async function thumbprint({ jwk }: Pick<AccountKey, 'jwk'>): Promise<string> {
  return await calculateJwkThumbprint({ ...jwk });
}

async function fromCryptoKey(algorithm: JwsAlgorithm, key: CryptoKey): Promise<AccountKey> {
  const jwk = publicMembers(await exportJWK(key));
  return {
    algorithm,
    jwk,
    sign: async (data) =>
      new Uint8Array(await crypto.subtle.sign(parameters[algorithm], key, data)),
  };
}

function publicMembers({ kty, crv, x, y, e, n }: JWK): PublicJwk {
  if (kty === 'EC' && crv && x && y) return { kty: 'EC', crv, x, y };
  if (kty === 'RSA' && e && n && n.length >= 342) return { kty: 'RSA', e, n }; // 2048 bits are 342 characters of base64url
  if (kty === 'OKP' && crv && x) return { kty: 'OKP', crv, x };
  throw new AcmeError(
    'ERR_ACME_KEY',
    'the account key is of a kind that ACME cannot use, or an RSA key under 2048 bits',
  );
}
