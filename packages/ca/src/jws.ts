import { constants, type KeyObject, type SigningOptions, verify } from 'node:crypto';
import type { JsonObject, PublicJwk } from '@acmex/protocol';
import { LRUCache } from 'lru-cache';
import { parsedObject } from './answer.ts';
import { refusal } from './problems.ts';
import { keyFault, keyOfJwk, mostBits, thumbprintOf, type WeakKeyFault } from './public-key.ts';

/**
 * The signatures that accounts sign with. RFC 8555 §6.2 forbids `none` and those of shared keys.
 */
const algorithms = ['ES256', 'ES384', 'ES512', 'RS256', 'PS256', 'EdDSA'] as const;
type Algorithm = (typeof algorithms)[number];

/** How each is verified, and the type of its keys: RSA, or the curve. RFC 7518 §3, RFC 8037 §3.1 */
const verification: Readonly<Record<Algorithm, VerificationParameters>> = {
  ES256: { keyType: 'P-256', hash: 'sha256', dsaEncoding: 'ieee-p1363' },
  ES384: { keyType: 'P-384', hash: 'sha384', dsaEncoding: 'ieee-p1363' },
  ES512: { keyType: 'P-521', hash: 'sha512', dsaEncoding: 'ieee-p1363' },
  RS256: { keyType: 'RSA', hash: 'sha256', padding: constants.RSA_PKCS1_PADDING },
  PS256: {
    keyType: 'RSA',
    hash: 'sha256',
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: 32,
  },
  EdDSA: { keyType: 'Ed25519', hash: undefined },
};

interface VerificationParameters extends SigningOptions {
  readonly keyType: string;
  readonly hash: string | undefined;
}

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

/** Keys that are ready to verify with; undefined for a JWK that is not a key. */
export type ImportedKeys = (jwk: PublicJwk) => KeyObject | undefined;

/**
 * Keeps those that were used last: accounts come back, and to import a key costs as much as to
 * verify with it.
 */
export function importedKeys({ limit = 2000 }: { readonly limit?: number } = {}): ImportedKeys {
  const known = new LRUCache<string, KeyObject>({ max: limit });
  return (jwk) => {
    const name = JSON.stringify(jwk);
    const key = known.get(name) ?? keyOfJwk(jwk);
    if (key) known.set(name, key);
    return key;
  };
}

/**
 * The payload, once the signature is found to be the key's.
 * @throws Refusal `badSignatureAlgorithm` for another key's algorithm; `malformed` for a bad
 * signature
 */
export function verifiedPayload(
  what: string,
  { header, jws }: ReadJws,
  jwk: PublicJwk,
  keys: ImportedKeys = keyOfJwk,
): string {
  const algorithm = algorithmOf(header);
  const { keyType, ...parameters } = verification[algorithm];
  if (keyType !== (jwk.kty === 'RSA' ? 'RSA' : jwk.crv))
    throw refusal(
      'badSignatureAlgorithm',
      `${what} is signed with ${algorithm}, which is not for a key of this type`,
      { algorithms },
    );
  const [signature, payload] = [fromBase64url(jws.signature), fromBase64url(jws.payload)];
  if (!signature || !payload) throw refusal('malformed', `${what} is not a valid JWS`);
  const key = keys(jwk);
  const signed = Buffer.from(`${jws.protected}.${jws.payload}`, 'latin1');
  if (!key || !isSignedBy(key, { parameters, signed, signature }))
    throw refusal('malformed', `the signature of ${what} is not the key's`);
  const text = utf8Text(payload);
  if (text === undefined) throw refusal('malformed', `${what} is not a valid JWS`);
  return text;
}

/** RFC 7638, as lower-case hexadecimal, since keys of the storage have no upper case. */
export function thumbprintHex(jwk: object): string {
  return thumbprintOf(jwk).toString('hex');
}

function isSignedBy(
  key: KeyObject,
  {
    parameters: { hash, ...options },
    signed,
    signature,
  }: {
    readonly parameters: Omit<VerificationParameters, 'keyType'>;
    readonly signed: Uint8Array;
    readonly signature: Uint8Array;
  },
): boolean {
  try {
    return verify(hash, signed, { key, ...options }, signature);
  } catch {
    return false; // OpenSSL has no use for such a signature
  }
}

/** Undefined for what is not base64url without padding. RFC 7515 §2 */
function fromBase64url(text: string): Buffer | undefined {
  return /^[\w-]*$/.test(text) && text.length % 4 !== 1
    ? Buffer.from(text, 'base64url')
    : undefined;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function utf8Text(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
