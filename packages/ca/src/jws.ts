import type { JsonObject, PublicJwk } from '@acmex/protocol';
import { calculateJwkThumbprint, type CryptoKey, errors, flattenedVerify, importJWK } from 'jose';
import { LRUCache } from 'lru-cache';
import { parsedObject } from './answer.ts';
import { refusal } from './problems.ts';
import { keyFault, keyOfJwk, mostBits, type WeakKeyFault } from './public-key.ts';

/**
 * The signatures that accounts sign with. RFC 8555 §6.2 forbids `none` and those of shared keys.
 */
const algorithms = ['ES256', 'ES384', 'ES512', 'RS256', 'PS256', 'EdDSA'] as const;
type Algorithm = (typeof algorithms)[number];
const curveOf: Partial<Record<Algorithm, string>> = {
  ES256: 'P-256',
  ES384: 'P-384',
  ES512: 'P-521',
  EdDSA: 'Ed25519',
};

/** A flattened JWS, taken apart but not verified. RFC 7515 §7.2.2 */
export interface ReadJws {
  readonly header: JsonObject;
  readonly jws: {
    readonly protected: string;
    readonly payload: string;
    readonly signature: string;
  };
}

/**
 * Takes a flattened JWS apart: its three members and nothing else.
 * @param what in messages: `the request`, `the inner JWS`
 * @throws Refusal `malformed`
 */
export function readJws(what: string, json: JsonObject | undefined): ReadJws {
  const { protected: head, payload, signature, ...rest } = json ?? {};
  if (typeof head !== 'string' || typeof payload !== 'string' || typeof signature !== 'string')
    throw refusal(
      'malformed',
      `${what} is not a JWS in flattened JSON: it needs "protected", "payload" and "signature", all texts`,
    );
  if (Object.values(rest).some((value) => value !== null))
    throw refusal(
      'malformed',
      `${what} has other members than "protected", "payload" and "signature": one signature, and no unprotected header`,
    );
  const header = /^[\w-]+$/.test(head)
    ? parsedObject(Buffer.from(head, 'base64url').toString())
    : undefined;
  if (!header)
    throw refusal(
      'malformed',
      `${what} has no protected header that is a JSON object in base64url`,
    );
  if (header.crit !== undefined || header.b64 !== undefined)
    throw refusal(
      'malformed',
      `${what} has a header that must be understood, and no such is known here: leave "crit" and "b64" away`,
    );
  return { header, jws: { protected: head, payload, signature } };
}

/**
 * The algorithm that a header names.
 * @throws Refusal `badSignatureAlgorithm`, naming those that are taken
 */
export function algorithmOf(header: JsonObject): Algorithm {
  const algorithm = algorithms.find((algorithm) => algorithm === header.alg);
  if (algorithm === undefined)
    throw refusal(
      'badSignatureAlgorithm',
      `the signature algorithm is none of ${algorithms.join(', ')}`,
      { algorithms },
    );
  return algorithm;
}

/**
 * The public key of a JWK, with the members that its thumbprint is made of.
 * @throws Refusal `badPublicKey`
 */
export function readJwk(json: unknown): PublicJwk {
  if (typeof json !== 'object' || json === null)
    throw refusal('malformed', 'the "jwk" is not a JSON object');
  const suppliedKey = json as JsonObject;
  if (suppliedKey.d !== undefined || suppliedKey.k !== undefined)
    throw refusal(
      'badPublicKey',
      'the "jwk" holds a private key: it is no longer secret, make another',
    );
  const key = keyOfJwk(json);
  if (!key)
    throw refusal('badPublicKey', 'the "jwk" is not a valid public key of type EC, RSA or OKP');
  const fault = keyFault(key, { mostBits: mostBits.account });
  if (fault !== undefined) throw refusal('badPublicKey', `the account key ${fault}`);
  const jwk = key.export({ format: 'jwk' });
  // Zeros in front would give the same key another thumbprint, and so a second account.
  if (Object.entries(jwk).some(([name, value]) => suppliedKey[name] !== value))
    throw refusal(
      'badPublicKey',
      'the members of the "jwk" are not written as RFC 7518 §6 has them: all bytes and none to spare, in base64url without padding',
    );
  return jwk as PublicJwk;
}

/**
 * Refuses a key that can be broken. This takes more work than to verify a signature, so call it for
 * a key that has signed.
 * @throws Refusal `badPublicKey`
 */
export function checkStrength(jwk: PublicJwk, weakKeyFault: WeakKeyFault): void {
  const key = keyOfJwk(jwk);
  const fault = key && weakKeyFault(key);
  if (fault !== undefined) throw refusal('badPublicKey', `the account key ${fault}`);
}

/** Keys that are ready to verify with. */
export type ImportedKeys = (jwk: PublicJwk, algorithm: string) => Promise<CryptoKey>;

const importKey: ImportedKeys = async (jwk, algorithm) =>
  (await importJWK({ ...jwk }, algorithm)) as CryptoKey;

/**
 * Keeps those that were used last: accounts come back, and to import a key costs as much as to
 * verify with it.
 */
export function importedKeys({ limit = 2000 }: { readonly limit?: number } = {}): ImportedKeys {
  const known = new LRUCache<string, CryptoKey>({ max: limit });
  return async (jwk, algorithm) => {
    const name = JSON.stringify([algorithm, jwk]);
    const key = known.get(name) ?? (await importKey(jwk, algorithm));
    known.set(name, key);
    return key;
  };
}

/**
 * The payload, once the signature is found to be the key's.
 * @throws Refusal `badSignatureAlgorithm` for another key's algorithm; `malformed` for a bad
 * signature
 */
export async function verifiedPayload(
  what: string,
  { header, jws }: ReadJws,
  jwk: PublicJwk,
  keys: ImportedKeys = importKey,
): Promise<string> {
  const algorithm = algorithmOf(header);
  const fits =
    jwk.kty === 'RSA' ? curveOf[algorithm] === undefined : curveOf[algorithm] === jwk.crv;
  if (!fits)
    throw refusal(
      'badSignatureAlgorithm',
      `${what} is signed with ${algorithm}, which is not for a key of this type`,
      { algorithms },
    );
  try {
    const { payload } = await flattenedVerify(jws, await keys(jwk, algorithm), {
      algorithms: [algorithm],
    });
    return new TextDecoder('utf-8', { fatal: true }).decode(payload);
  } catch (error) {
    const code =
      typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
    if (code === errors.JWSSignatureVerificationFailed.code)
      throw refusal('malformed', `the signature of ${what} is not the key's`);
    if (code === errors.JWSInvalid.code || code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
      throw refusal('malformed', `${what} is not a valid JWS`);
    throw error;
  }
}

/** RFC 7638, as lower-case hexadecimal, since keys of the storage have no upper case. */
export async function thumbprintHex(jwk: PublicJwk): Promise<string> {
  return Buffer.from(await calculateJwkThumbprint({ ...jwk }), 'base64url').toString('hex');
}
