import { printable } from '@acmex/errors';
import {
  AcmeError,
  acmeErrors,
  type Authorization,
  type Challenge,
  describeProblem,
  type Order,
  type Problem,
  problemCode,
} from '@acmex/protocol';
import { ClientError, type ValidationFailure } from './errors.ts';
import { nameOf } from './progress.ts';

/**
 * Why an order is invalid: each name that failed with the CA's detail and a hint, else the order's
 * own error.
 */
export function orderFailure(
  order: Order<'invalid'>,
  authorizations: readonly Authorization[],
): Error {
  const failed = authorizations.filter(hasFailed);
  if (failed.length > 0) return validationFailure(failed, authorizations.length);
  const problem: Problem = order.error ?? { type: 'about:blank' };
  return new AcmeError(
    problemCode(problem),
    `the CA refused the order ${order.url}: ${describeProblem(problem)}`,
    { problem },
  );
}

/** Returns the error for names that were not validated, with the CA's problem for each. */
export function validationFailure(failed: readonly Authorization[], names: number): ClientError {
  const failures = failed.map(failureOf);
  const each = failures.map(
    (failure) =>
      `${printable(nameOf(failure), 255)} (${printable(failure.challenge, 100)}): ${describeProblem(failure.problem)}. ${failure.hint}`,
  );
  return new ClientError(
    'ERR_CLIENT_VALIDATION_FAILED',
    `${failures.length} of ${names} names could not be validated: ${each.join(' ')}`,
    { failures },
  );
}

/**
 * Whether a name has failed: its authorization has ended, or a challenge of it has failed. Some CAs
 * leave the authorization pending then, until the client asks for another validation.
 */
export function hasFailed({ status, challenges }: Authorization): boolean {
  return status === 'pending' ? challenges.some(isFailed) : status !== 'valid';
}

/**
 * Whether the CA has tried a challenge, and does not try it again by itself: that is `processing`.
 * RFC 8555 §8.2
 */
export function isFailed({ status, error }: Pick<Challenge, 'status' | 'error'>): boolean {
  return status === 'invalid' || (status === 'pending' && error !== undefined);
}

/** What to say where the CA names no problem. */
const endings = {
  invalid: 'the CA refuses it without a reason',
  deactivated: 'its authorization was deactivated, by this account or the CA',
  expired: 'its authorization has expired before it was validated',
  revoked: 'the CA has revoked its authorization',
  pending: 'a challenge has failed, without a reason',
  valid: 'its authorization is valid, and the CA refuses the order',
} as const satisfies Record<Authorization['status'], string>;

function failureOf({ identifier, wildcard, status, challenges }: Authorization): ValidationFailure {
  const tried = challenges.find(({ error }) => error) ?? challenges.find(isFailed);
  const problem = tried?.error ?? { type: 'about:blank', detail: endings[status] };
  const challenge = tried?.type ?? 'no challenge tried';
  return {
    identifier,
    wildcard,
    challenge,
    problem,
    hint: tried?.error
      ? hint(challenge, problem, identifier.value)
      : 'Hint: try again: a new order has a new authorization for the name.',
  };
}

function hint(challenge: string, problem: Problem, name: string): string {
  const where = printable(name, 255);
  switch (`${challenge} ${problemCode(problem)}`) {
    case 'http-01 ERR_ACME_CONNECTION':
      return `Hint: http://${where}/ must lead to this machine, and its port 80 be open to the internet.`;
    case 'http-01 ERR_ACME_UNAUTHORIZED':
    case 'http-01 ERR_ACME_INCORRECT_RESPONSE':
      return `Hint: something else answers http://${where}/.well-known/acme-challenge/; check where the name leads and what proxies do.`;
    case 'tls-alpn-01 ERR_ACME_CONNECTION':
      return `Hint: port 443 of ${where} must lead to this machine, with no TLS proxy in between.`;
    case 'dns-01 ERR_ACME_UNAUTHORIZED':
    case 'dns-01 ERR_ACME_INCORRECT_RESPONSE':
      return `Hint: the CA saw no or another TXT record at _acme-challenge.${where}; wait longer for it to spread, and look for leftovers.`;
    case 'dns-account-01 ERR_ACME_UNAUTHORIZED':
    case 'dns-account-01 ERR_ACME_INCORRECT_RESPONSE':
      return `Hint: the CA saw no or another TXT record at the account's own name below _acme-challenge.${where}; wait longer for it to spread, and check that the CA follows the same draft.`;
    case 'dns-persist-01 ERR_ACME_MALFORMED':
    case 'dns-persist-01 ERR_ACME_UNAUTHORIZED':
      return `Hint: set the TXT record _validation-persist.${where} as acmex dns persist shows it, and check that the CA follows the same draft.`;
    default:
      return `Hint: ${acmeErrors[problemCode(problem)].cure}`;
  }
}
