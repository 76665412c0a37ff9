import type { ChallengeToSolve } from '@acmex/client';
import type { Identifier } from '@acmex/identifier';
import { ChallengeError } from '../errors.ts';

/** What is shown for one http-01 challenge. */
export type Http01Response = { readonly token: string; readonly keyAuthorization: string };

/** http-01 proves names and addresses, never wildcards. RFC 8555 §8.3, RFC 8738 §4 */
export function supportsHttp01({ type }: Identifier, wildcard: boolean): boolean {
  return !wildcard && (type === 'dns' || type === 'ip');
}

/** @throws ChallengeError `ERR_CHALLENGE_TOKEN` */
export async function respondHttp01({
  token,
  keyAuthorization,
}: Pick<ChallengeToSolve, 'token' | 'keyAuthorization'>): Promise<Http01Response> {
  return { token: checkedToken(token), keyAuthorization };
}

/**
 * A token that may become part of a path: also a saved one, which could have been changed.
 * @throws ChallengeError `ERR_CHALLENGE_TOKEN`
 */
export function checkedToken(token: string): string {
  if (!/^[\w-]{1,512}$/.test(token))
    throw new ChallengeError(
      'ERR_CHALLENGE_TOKEN',
      'the token of the http-01 challenge has other characters than base64url has: report it to the CA',
    );
  return token;
}
