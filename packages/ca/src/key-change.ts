import type { PublicJwk } from '@acmex/protocol';
import { untilWritten } from '@acmex/storage';
import { accounts, accountsByKey } from './account-records.ts';
import { type Answer, json, parsedObject } from './answer.ts';
import {
  algorithmOf,
  checkStrength,
  readJwk,
  readJws,
  thumbprintHex,
  verifiedPayload,
} from './jws.ts';
import { checkNotCompromised } from './compromised-keys.ts';
import { refusal } from './problems.ts';
import { thumbprintOf } from './public-key.ts';
import type { Service } from './service.ts';
import { payloadOf, type SignedByAccount } from './signed-request.ts';

/**
 * Gives an account a new key: asked for with the old one, and signed inside with the new one. RFC
 * 8555 §7.3.5
 */
export async function keyChange(service: Service, request: SignedByAccount): Promise<Answer> {
  const { storage, urls } = service;
  const {
    account: { id },
  } = request;
  const newKey = await innerKey(request, urls.of(`/account/${id}`));
  checkStrength(newKey, service.weakKeyFault);
  await checkNotCompromised(storage, newKey);
  const [before, after] = [thumbprintHex(request.key), thumbprintHex(newKey)];
  return await untilWritten(async () => {
    const taken = await accountsByKey.read(storage, after);
    if (taken)
      throw refusal('malformed', 'an account has this key already', {
        status: 409,
        headers: { location: urls.of(`/account/${taken.record.account}`) },
      });
    const stored = await accounts.read(storage, id);
    if (!stored || thumbprintHex(stored.record.key) !== before)
      throw refusal('unauthorized', 'the account has another key by now');
    const { record } = stored;
    const formerThumbprints = [
      thumbprintOf(record.key).toString('base64url'),
      ...(record.formerThumbprints ?? []),
    ];
    await storage.write([
      accounts.changed(stored, { ...record, key: newKey, formerThumbprints }),
      accountsByKey.added(after, { account: id }),
      { remove: accountsByKey.key(before) },
    ]);
    return json(
      200,
      { status: record.status, contact: record.contact, orders: urls.of(`/account/${id}/orders`) },
      { headers: { location: urls.of(`/account/${id}`) } },
    );
  });
}

/** The new key, once all that the inner JWS says is right. */
async function innerKey(request: SignedByAccount, accountUrl: string): Promise<PublicJwk> {
  const read = readJws('the inner JWS', payloadOf(request));
  algorithmOf(read.header);
  if (read.header.jwk === undefined || read.header.kid !== undefined)
    throw refusal('malformed', 'the inner JWS has the new key as "jwk", and no "kid"');
  if (read.header.url !== request.url)
    throw refusal('malformed', 'the inner JWS has another "url" than the outer one');
  if (read.header.nonce !== undefined) throw refusal('malformed', 'the inner JWS has no nonce');
  const newKey = readJwk(read.header.jwk);
  const { account, oldKey } = parsedObject(verifiedPayload('the inner JWS', read, newKey)) ?? {};
  if (account !== accountUrl) throw refusal('malformed', 'the inner JWS is about another account');
  if (!isSame(oldKey, request.key))
    throw refusal('malformed', 'the "oldKey" of the inner JWS is another than the account\'s');
  return newKey;
}

function isSame(json: unknown, key: PublicJwk): boolean {
  return typeof json === 'object' && json !== null && thumbprintHex(json) === thumbprintHex(key);
}
