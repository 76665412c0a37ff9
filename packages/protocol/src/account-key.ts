import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  importPKCS8,
  type JWK,
  type CryptoKey,
} from 'jose';
import { readKey } from './account-key-file.ts';
import { ecdsaSigner } from './ecdsa-signature.ts';
import { AcmeError } from './errors.ts';
import { describePkcs8 } from './private-key-der.ts';

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

type Signer = (key: CryptoKey) => AccountKey['sign'];

/** RSA signatures take milliseconds: WebCrypto makes them on another thread. */
const webSigner =
  (name: string): Signer =>
  (key) =>
  async (data) =>
    new Uint8Array(await crypto.subtle.sign(name, key, data));

const signers: Readonly<Record<JwsAlgorithm, Signer>> = {
  ES256: (key) => ecdsaSigner('SHA-256', key),
  ES384: (key) => ecdsaSigner('SHA-384', key),
  ES512: (key) => ecdsaSigner('SHA-512', key),
  RS256: webSigner('RSASSA-PKCS1-v1_5'),
  EdDSA: webSigner('Ed25519'),
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
  return { key: await fromCryptoKey(algorithm, privateKey), pem: pem(pkcs8) };
}

function pem(pkcs8: Uint8Array): string {
  const lines = btoa(String.fromCharCode(...pkcs8)).replace(/.{1,64}/g, '$&\n');
  return `-----BEGIN PRIVATE KEY-----\n${lines}-----END PRIVATE KEY-----\n`;
}

export interface ImportKeyOptions {
  /** For a key that is encrypted. */
  readonly passphrase?: string | undefined;
}

/**
 * Imports an account key as ACME clients keep it: PKCS#8 (also encrypted, by PBES2 with AES), SEC1
 * and PKCS#1 as PEM with any text and other blocks around, or as DER; a private JWK, also as JSON
 * text, such as the private_key.json of certbot.
 * @throws AcmeError `ERR_ACME_KEY` when it is none of these, or of a kind that ACME has no algorithm
 * for; `ERR_ACME_KEY_PASSPHRASE` when it is encrypted and the passphrase is missing or wrong
 */
export async function importAccountKey(
  source: string | Uint8Array | JWK,
  { passphrase }: ImportKeyOptions = {},
): Promise<AccountKey> {
  const isText = typeof source === 'string' || source instanceof Uint8Array;
  const key = isText ? await readKey(source, passphrase) : { jwk: source };
  const pkcs8 = 'pkcs8' in key ? pem(key.pkcs8) : undefined;
  const wanted = 'jwk' in key ? key.jwk.alg : undefined;
  const candidates = jwsAlgorithms.filter((algorithm) => (wanted ?? algorithm) === algorithm);
  for (const algorithm of candidates) {
    try {
      const imported =
        'jwk' in key
          ? await importJWK(key.jwk, algorithm, { extractable: true })
          : await importPKCS8(pkcs8 ?? '', algorithm, { extractable: true });
      if (!(imported instanceof Uint8Array) && imported.type === 'private')
        return await fromCryptoKey(algorithm, imported);
    } catch {
      continue; // a key of another kind: the next algorithm is tried, and the error below says when none fits
    }
  }
  throw unusable('jwk' in key ? undefined : describePkcs8(key.pkcs8));
}

function unusable(kind: string | undefined): AcmeError {
  return new AcmeError(
    'ERR_ACME_KEY',
    `the account key is not a private key that ACME can use${kind === undefined ? '' : `: it is ${kind}`}; use P-256, P-384, P-521, RSA of 2048 bits or more, or Ed25519, as PEM or JWK`,
  );
}

/** Each challenge needs the thumbprint of the one account key. They end with the key. */
const thumbprints = new WeakMap<PublicJwk, Promise<string>>();

/** The name of a key that both sides can compute. RFC 7638. base64url */
export async function thumbprint({ jwk }: Pick<AccountKey, 'jwk'>): Promise<string> {
  const known = thumbprints.get(jwk) ?? calculateJwkThumbprint({ ...jwk });
  thumbprints.set(jwk, known);
  return await known;
}

async function fromCryptoKey(algorithm: JwsAlgorithm, key: CryptoKey): Promise<AccountKey> {
  const jwk = publicMembers(await exportJWK(key));
  return { algorithm, jwk, sign: signers[algorithm](key) };
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
