import { type Challenge, readChallenge } from './challenge.ts';
import { AcmeError } from './errors.ts';
import type { AcmeResponse } from './http.ts';
import type { Identifier } from '@acmex/identifier';
import { readIdentifier } from './identifier.ts';
import { location } from './links.ts';
import { readMembers } from './members.ts';
import { retryAfter } from './retry-after.ts';
import type { CallOptions } from './call-options.ts';
import type { AcmeSession } from './session.ts';

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
  /** That it serves for the names below too. RFC 9444 §4.1 */
  readonly subdomainAuthAllowed: boolean;
  /** Any one of them proves control. */
  readonly challenges: readonly Challenge[];
  /** When the CA wants to be asked again, by the answer that this came with; RFC 3339. */
  readonly retryAfter?: string | undefined;
}

export interface NewAuthorization {
  readonly identifier: Identifier;
  /** Ask for one that serves for the names below too. RFC 9444 §4.2 */
  readonly subdomainAuthAllowed?: boolean;
}

export async function getAuthorization(
  session: AcmeSession,
  url: string,
  options?: CallOptions,
): Promise<Authorization> {
  return readAuthorization(
    session,
    url,
    await session.post(url, undefined, { ...options, operation: 'authorization' }),
  );
}

/**
 * Asks for an authorization before there is an order. RFC 8555 §7.4.1
 * @throws AcmeError `ERR_ACME_UNSUPPORTED` where the CA offers none, as most do
 */
export async function newAuthorization(
  session: AcmeSession,
  { identifier, subdomainAuthAllowed }: NewAuthorization,
  options?: CallOptions,
): Promise<Authorization> {
  const { newAuthz: url } = await session.directory(options);
  if (url === undefined)
    throw new AcmeError(
      'ERR_ACME_UNSUPPORTED',
      "the CA's directory offers no authorization before an order (newAuthz)",
    );
  const answer = await session.post(
    url,
    { identifier, subdomainAuthAllowed },
    { ...options, operation: 'newAuthz' },
  );
  return readAuthorization(session, location('the authorization', answer), answer);
}

/**
 * Gives an authorization up: the next order for the name needs a new one. RFC 8555 §7.5.2.
 * Repeatable.
 */
export async function deactivateAuthorization(
  session: AcmeSession,
  url: string,
  options?: CallOptions,
): Promise<Authorization> {
  return readAuthorization(
    session,
    url,
    await session.post(
      url,
      { status: 'deactivated' },
      { ...options, operation: 'authorization', repeatable: true },
    ),
  );
}

function readAuthorization(session: AcmeSession, url: string, answer: AcmeResponse): Authorization {
  const members = readMembers('the authorization', answer);
  return {
    url,
    status: members.oneOf('status', [
      'pending',
      'valid',
      'invalid',
      'deactivated',
      'expired',
      'revoked',
    ]),
    identifier: readIdentifier(
      `the identifier of the authorization ${url}`,
      members.optional('identifier'),
    ),
    wildcard: members.optional('wildcard') === true,
    subdomainAuthAllowed: members.optional('subdomainAuthAllowed') === true,
    expires: members.optionalString('expires'),
    challenges: members
      .optionalList('challenges')
      .map((challenge) => readChallenge(`a challenge of the authorization ${url}`, challenge)),
    retryAfter: retryAfter(answer.headers, session.clock.now())?.toString(),
  };
}
