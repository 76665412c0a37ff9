import { type Challenge, readChallenge } from './challenge.ts';
import { type Identifier, readIdentifier } from './identifier.ts';
import { readMembers } from './members.ts';
import { type AcmeSession, type CallOptions } from './session.ts';

/** That an account may get certificates for a name, or how it can prove so. RFC 8555 §7.1.4 */
export interface Authorization {
  readonly url: string;
  readonly status: 'pending' | 'valid' | 'invalid' | 'deactivated' | 'expired' | 'revoked';
  /** Without `*.`: see `wildcard`. */
  readonly identifier: Identifier;
  /** For `*.` and the identifier's name; not for the name itself. */
  readonly wildcard: boolean;
  /** RFC 3339, as the CA sent it. */
  readonly expires?: string | undefined;
  /** Any one of them proves control. */
  readonly challenges: readonly Challenge[];
}

export async function getAuthorization(session: AcmeSession, url: string, options?: CallOptions): Promise<Authorization> {
  const members = readMembers('the authorization', await session.post(url, undefined, options));
  return {
    url,
    status: members.oneOf('status', ['pending', 'valid', 'invalid', 'deactivated', 'expired', 'revoked']),
    identifier: readIdentifier(`the identifier of the authorization ${url}`, members.optional('identifier')),
    wildcard: members.optional('wildcard') === true,
    expires: members.optionalString('expires'),
    challenges: members.list('challenges').map((one) => readChallenge(`a challenge of the authorization ${url}`, one)),
  };
}
