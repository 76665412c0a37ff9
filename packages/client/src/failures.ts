import { printable } from '@acmex/errors';
import {
  AcmeError,
  acmeErrors,
  type Authorization,
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
  const failures = authorizations
    .filter(({ status }) => status !== 'valid' && status !== 'pending')
    .map(failureOf);
  if (failures.length > 0) {
    const each = failures.map(
      (failure) =>
        `${printable(nameOf(failure), 255)} (${printable(failure.challenge, 100)}): ${describeProblem(failure.problem)}. ${failure.hint}`,
    );
    return new ClientError(
      'ERR_CLIENT_VALIDATION_FAILED',
      `${failures.length} of ${authorizations.length} names could not be validated: ${each.join(' ')}`,
      { failures },
    );
  }
  const problem: Problem = order.error ?? { type: 'about:blank', detail: 'the CA says no more' };
  return new AcmeError(
    problemCode(problem),
    `the CA refused the order ${order.url}: ${describeProblem(problem)}`,
    { problem },
  );
}

function failureOf({ identifier, wildcard, status, challenges }: Authorization): ValidationFailure {
  const tried =
    challenges.find(({ error }) => error) ??
    challenges.find((challenge) => challenge.status === 'invalid');
  const problem = tried?.error ?? { type: 'about:blank', detail: `the authorization is ${status}` };
  const challenge = tried?.type ?? 'no challenge tried';
  return {
    identifier,
    wildcard,
    challenge,
    problem,
    hint: hint(challenge, problem, identifier.value),
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
