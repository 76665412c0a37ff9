import { base64url } from 'jose';
import { type AccountKey, thumbprint } from './account-key.ts';
import { AcmeError, type Problem } from './errors.ts';
import { isObject, type JsonObject, Members, readMembers } from './members.ts';
import { readProblem } from './problem.ts';
import { retryAfter } from './retry-after.ts';
import type { CallOptions } from './call-options.ts';
import type { AcmeSession } from './session.ts';

/** One way to prove control of a name. RFC 8555 §7.1.5 */
export interface Challenge {
  /** `http-01`, `dns-01`, `tls-alpn-01`, or one that is not known here. */
  readonly type: string;
  readonly url: string;
  readonly status: 'pending' | 'processing' | 'valid' | 'invalid';
  /** Absent in some newer types. Read it with `keyAuthorization`, which checks its characters. */
  readonly token?: string | undefined;
  readonly error?: Problem | undefined;
  /** When the CA wants to be asked again, by the answer to `challengeReady`; RFC 3339. */
  readonly retryAfter?: string | undefined;
  /** All of it as the CA sent it, unchecked: for types that have members of their own. */
  readonly members: JsonObject;
}

/**
 * A challenge as a CA sent it. Of a type that is not known here, everything but `type` and `url`
 * may be missing or odd.
 */
export function readChallenge(what: string, json: unknown): Challenge {
  const members = new Members(what, json);
  const status = members.optional('status');
  const error = members.optional('error');
  const token = members.optional('token');
  return {
    type: members.string('type'),
    url: members.url('url'),
    status:
      (['processing', 'valid', 'invalid'] as const).find((known) => known === status) ?? 'pending',
    token: typeof token === 'string' ? token : undefined,
    error: error === undefined ? undefined : readProblem(error),
    members: isObject(json) ? json : {},
  };
}

/**
 * Asks the CA to validate: the response is in place. RFC 8555 §7.5.1. Repeatable: a challenge under
 * way stays as it is.
 * @param payload the response's members; `{}` for all types of RFC 8555
 */
export async function challengeReady(
  session: AcmeSession,
  { url }: Pick<Challenge, 'url'>,
  options?: CallOptions & { readonly payload?: JsonObject },
): Promise<Challenge> {
  const answer = await session.post(url, options?.payload ?? {}, {
    signal: options?.signal,
    operation: 'challenge',
    repeatable: true,
  });
  readMembers('the challenge', answer);
  return {
    ...readChallenge(`the challenge ${url}`, JSON.parse(answer.text)),
    retryAfter: retryAfter(answer.headers, session.clock.now())?.toString(),
  };
}

/**
 * `token.thumbprint`, which only the account's key holder can know. RFC 8555 §8.1
 * @throws AcmeError `ERR_ACME_ANSWER` for a token that is missing or not base64url: it becomes part
 * of paths and records
 */
export async function keyAuthorization(
  key: Pick<AccountKey, 'jwk'>,
  { type, url, token }: Pick<Challenge, 'type' | 'url' | 'token'>,
): Promise<string> {
  if (token === undefined || !/^[\w-]{1,512}$/.test(token))
    throw new AcmeError(
      'ERR_ACME_ANSWER',
      `${url}: the ${type} challenge has no token, or one with other characters than base64url has`,
    );
  return `${token}.${await thumbprint(key)}`;
}

/**
 * SHA-256 of a text: the value that dns-01 (as base64url) and tls-alpn-01 (as bytes) show. RFC 8555
 * §8.4, RFC 8737 §3
 */
export async function keyAuthorizationDigest(
  keyAuthorization: string,
): Promise<{ readonly bytes: Uint8Array; readonly base64url: string }> {
  const bytes = new Uint8Array(
    await crypto.subtle.digest('SHA-256', new TextEncoder().encode(keyAuthorization)),
  );
  return { bytes, base64url: base64url.encode(bytes) };
}
