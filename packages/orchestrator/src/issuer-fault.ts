import { errorCode } from '@acmex/errors';

/**
 * What a failed order says about its issuer:
 *
 * - `outage`: it did not answer, answered 5xx, or did not end its work in time. The next orders will
 *   fail too, whatever they are for.
 * - `budget`: its limits allow no order of this kind for a while, by what was counted here. Nothing
 *   was sent.
 * - `limit`: it accepts no order of this kind for a while. This includes an account that the CA has
 *   paused for a name: only the CA can say whether it issues, and a person must ask it, so that
 *   another CA is the only one that can issue meanwhile.
 * - `failed-validations`: a limit that the requester has reached with names that cannot be validated.
 *   Another CA would fail at the same names, and count the failures as well.
 * - `refusal`: this CA does not issue this certificate, and another may: a CAA record that names
 *   other CAs, a name or a kind of key that its policy forbids, a profile that it does not have.
 * - `action`: the CA wants a person to act for the account, most often to agree to new terms of
 *   service. Until then it issues nothing.
 * - `account`: the account or its settings here need a person. Another issuer has another account.
 * - `requester`: everything else, such as a name that could not be validated: it would fail at each
 *   CA, and moving on would only spread the failures.
 */
export type IssuerFault =
  | 'outage'
  | 'budget'
  | 'limit'
  | 'failed-validations'
  | 'refusal'
  | 'action'
  | 'account'
  | 'requester';

const faultOfCode: Readonly<Record<string, IssuerFault>> = {
  ERR_ACME_ANSWER: 'outage',
  ERR_ACME_ANSWER_LOST: 'outage',
  ERR_ACME_BAD_NONCE: 'outage',
  ERR_ACME_NOT_ACME: 'outage',
  ERR_ACME_NO_NONCE: 'outage',
  ERR_ACME_POLL_LIMIT: 'outage',
  ERR_ACME_PROXY: 'outage',
  ERR_ACME_SERVER_INTERNAL: 'outage',
  ERR_ACME_TIMEOUT: 'outage',
  ERR_ACME_TLS: 'outage',
  ERR_ACME_UNREACHABLE: 'outage',
  ERR_ACME_RATE_LIMITED: 'limit',
  ERR_ACME_BAD_PUBLIC_KEY: 'refusal',
  ERR_ACME_CAA: 'refusal',
  ERR_ACME_INVALID_PROFILE: 'refusal',
  ERR_ACME_REJECTED_IDENTIFIER: 'refusal',
  ERR_ACME_UNSUPPORTED_IDENTIFIER: 'refusal',
  ERR_ACME_ACCOUNT_DOES_NOT_EXIST: 'account',
  ERR_ACME_EXTERNAL_ACCOUNT_REQUIRED: 'account',
  ERR_ACME_NO_ACCOUNT: 'account',
  ERR_ACME_USER_ACTION_REQUIRED: 'action',
  ERR_MANAGER_EXTERNAL_ACCOUNT: 'account',
  ERR_MANAGER_ISSUER: 'account',
  ERR_MANAGER_TERMS: 'account',
  ERR_ORCHESTRATOR_BUDGET: 'budget',
  ERR_ORCHESTRATOR_ISSUER: 'account',
};

/** What the errors of a client may have. */
interface Thrown {
  readonly status?: unknown;
  readonly message?: unknown;
  readonly problem?: Problem;
  readonly failures?: readonly { readonly problem?: Problem }[];
}
interface Problem {
  readonly type?: unknown;
  readonly detail?: unknown;
  readonly subproblems?: readonly Problem[];
}

/** Returns what a failed order says about its issuer. */
export function issuerFault(error: unknown): IssuerFault {
  const code = errorCode(error) ?? '';
  const { status, message, problem, failures = [] } = (error ?? {}) as Thrown;
  if (code === 'ERR_ACME_RATE_LIMITED' && isOfFailures(problem?.detail ?? message))
    return 'failed-validations';
  const byCode = faultOfCode[code];
  if (byCode !== undefined) return byCode;
  const causes = [...failures.map((failure) => failure.problem), ...(problem?.subproblems ?? [])];
  if (causes.length > 0 && causes.every((cause) => isRefusal(cause))) return 'refusal';
  return typeof status === 'number' && status >= 500 ? 'outage' : 'requester';
}

/** Whether a CA has answered: a failure of this side alone says nothing of it. */
export function isAnswered(error: unknown): boolean {
  const { status } = (error ?? {}) as Thrown;
  return typeof status === 'number' || errorCode(error) === 'ERR_CLIENT_VALIDATION_FAILED';
}

function isOfFailures(detail: unknown): boolean {
  return /failed (authorizations|validations)/i.test(String(detail));
}

/** Whether a name was not validated because of this CA's policy. RFC 8555 §6.7 */
function isRefusal(problem: Problem | undefined): boolean {
  return /:(caa|rejectedIdentifier|unsupportedIdentifier)$/.test(String(problem?.type));
}
