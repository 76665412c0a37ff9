import { base64url } from 'jose';
import type { AccountKey } from './account-key.ts';

/** A flattened JSON Web Signature: the body of every ACME POST. RFC 7515 §7.2.2, RFC 8555 §6.2. */
export interface FlattenedJws {
  readonly protected: string;
  readonly payload: string;
  readonly signature: string;
}

const encoder = new TextEncoder();

/**
 * Signs a payload under a protected header; `alg` is added from the key.
 * @param payload text, most often JSON; the empty text makes a POST-as-GET (RFC 8555 §6.3)
 */
export async function signJws(
  key: AccountKey,
  header: Readonly<Record<string, unknown>>,
  payload: string,
): Promise<FlattenedJws> {
  const input = {
    protected: base64url.encode(JSON.stringify({ alg: key.algorithm, ...header })),
    payload: base64url.encode(payload),
  };
  const signature = await key.sign(encoder.encode(`${input.protected}.${input.payload}`));
  return { ...input, signature: base64url.encode(signature) };
}
