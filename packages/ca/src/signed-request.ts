import type { JsonObject, PublicJwk } from '@acmex/protocol';
import type { Stored } from '@acmex/storage';
import { type AccountRecord, accounts } from './account-records.ts';
import { parsedObject } from './answer.ts';
import {
  algorithmOf,
  checkStrength,
  type ImportedKeys,
  readJwk,
  readJws,
  verifiedPayload,
} from './jws.ts';
import type { Nonces } from './nonces.ts';
import { refusal } from './problems.ts';
import type { Service } from './service.ts';

/** Who signs: an account by its URL, a key that speaks for itself, or either. RFC 8555 §6.2 */
export type SignedBy = 'kid' | 'jwk' | 'either';

interface Signed {
  /** The URL that it was signed for, which is the one it came to. */
  readonly url: string;
  /** Undefined for a POST-as-GET. RFC 8555 §6.3 */
  readonly payload: JsonObject | undefined;
  readonly key: PublicJwk;
}

export type SignedByAccount = Signed & {
  readonly account: Stored<AccountRecord> & { readonly id: string };
};
export type SignedByKey = Signed & { readonly account?: never };
export type SignedRequest = SignedByAccount | SignedByKey;

/** What a server keeps between requests. */
export interface SignatureState {
  readonly nonces: Nonces;
  readonly keys: ImportedKeys;
}

interface Received {
  readonly url: string;
  readonly body: string;
  readonly signedBy: SignedBy;
}

/**
 * Returns a request that was signed for this URL by the right kind of signer, with a nonce that no
 * one has used before. RFC 8555 §6. The order limits what a request costs that is refused: the
 * nonce is checked before the signature, and used as soon as the signature is right, before the
 * key is tested and the payload is read.
 * @throws Refusal
 */
export async function signedRequest(
  service: Pick<Service, 'storage' | 'urls' | 'weakKeyFault'>,
  { nonces, keys }: SignatureState,
  { url, body, signedBy }: Received,
): Promise<SignedRequest> {
  const read = readJws('the request', parsedObject(body));
  const { header } = read;
  algorithmOf(header);
  if (typeof header.nonce !== 'string' || !(await nonces.plausible(header.nonce))) throw badNonce();
  if (header.url !== url)
    throw refusal('unauthorized', 'the request is signed for another URL than the one it came to', {
      status: 403,
    });
  if ((header.jwk === undefined) === (header.kid === undefined))
    throw refusal('malformed', 'the protected header has either "jwk" or "kid"');
  if (signedBy === 'jwk' && header.jwk === undefined)
    throw refusal(
      'malformed',
      'this is signed by a key that is not an account: use "jwk" instead of "kid"',
    );
  if (signedBy === 'kid' && header.kid === undefined)
    throw refusal(
      'malformed',
      'this is signed by an account: use its URL as "kid" instead of "jwk"',
    );
  const account = header.kid === undefined ? undefined : await accountOf(service, header.kid);
  const key = account?.record.key ?? readJwk(header.jwk);
  const payloadText = verifiedPayload('the request', read, key, keys);
  if (!(await nonces.use(header.nonce))) throw badNonce();
  // An account has a key that was tested when it was accepted.
  if (!account) checkStrength(key, service.weakKeyFault);
  const payload = readPayload(payloadText);
  return account ? { url, payload, key, account } : { url, payload, key };
}

function badNonce() {
  return refusal(
    'badNonce',
    'the nonce is missing, used, too old, or not from this CA: use the one of this answer',
  );
}

function readPayload(text: string): JsonObject | undefined {
  if (text === '') return undefined;
  const payload = parsedObject(text);
  if (!payload) throw refusal('malformed', 'the payload is neither empty nor a JSON object');
  return payload;
}

async function accountOf(
  { storage, urls }: Pick<Service, 'storage' | 'urls'>,
  kid: unknown,
): Promise<SignedByAccount['account']> {
  const prefix = urls.of('/account/');
  const id = typeof kid === 'string' && kid.startsWith(prefix) ? kid.slice(prefix.length) : '';
  const account = /^acc_[0-9a-z]{26}$/.test(id) ? await accounts.read(storage, id) : undefined;
  if (!account)
    throw refusal('accountDoesNotExist', 'the "kid" is the URL of no account of this CA');
  if (account.record.status !== 'valid')
    throw refusal('unauthorized', 'the account was deactivated', { status: 401 });
  return { ...account, id };
}

/** Makes sure that a request is a POST-as-GET: its payload is exactly empty. RFC 8555 §6.3 */
export function readsOnly({ payload }: Pick<Signed, 'payload'>): void {
  if (payload !== undefined)
    throw refusal('malformed', 'this is read by POST-as-GET: with an empty payload');
}

/** The payload of a request that is not a POST-as-GET. */
export function payloadOf({ payload }: Pick<Signed, 'payload'>): JsonObject {
  if (payload === undefined)
    throw refusal('malformed', 'the payload is empty, where a JSON object is wanted');
  return payload;
}
