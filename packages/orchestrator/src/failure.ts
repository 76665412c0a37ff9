import type { Temporal } from 'temporal-polyfill';
import type { JsonObject, JsonValue } from './json.ts';

/** What a failure means for the next try. */
export interface ReadFailure {
  /** Stable; `ERR_UNKNOWN` for what has none. */
  readonly code: string;
  readonly message: string;
  /** The CA's own problem document, where it sent one; for several names one with subproblems. RFC 8555 §6.7.1 */
  readonly problem?: JsonObject | undefined;
  /** The CA's own word on when to come again. */
  readonly retryAfter?: Temporal.Instant | undefined;
  /** Whether the same again will fail the same until a person has changed something. */
  readonly hopeless: boolean;
}

/** What a person has to change: the request, the account, the configuration. All others may pass by themselves. */
const hopeless: ReadonlySet<string> = new Set([
  'ERR_ACME_REJECTED_IDENTIFIER',
  'ERR_ACME_UNSUPPORTED_IDENTIFIER',
  'ERR_ACME_BAD_CSR',
  'ERR_ACME_INVALID_PROFILE',
  'ERR_ACME_USER_ACTION_REQUIRED',
  'ERR_ACME_EXTERNAL_ACCOUNT_REQUIRED',
  'ERR_ACME_ACCOUNT_DOES_NOT_EXIST',
  'ERR_ACME_BAD_PUBLIC_KEY',
  'ERR_ACME_CAA',
  'ERR_CLIENT_NO_SOLVER',
  'ERR_ORCHESTRATOR_ISSUER',
  'ERR_ORCHESTRATOR_DUE_AT_ONCE',
  'ERR_ORCHESTRATOR_NO_KEY',
]);

/** The problem's code decides. */
export function failureOf(error: unknown): ReadFailure {
  const { code, retryAfter, problem, failures } = (
    typeof error === 'object' && error !== null ? error : {}
  ) as Thrown;
  const own = typeof code === 'string' ? code : 'ERR_UNKNOWN';
  return {
    code: own,
    message: (error instanceof Error ? error.message : String(error)).slice(0, 4000),
    problem: problemIn(problem, failures),
    retryAfter,
    hopeless: hopeless.has(own),
  };
}

/** What an error of a client may carry. */
interface Thrown {
  readonly code?: unknown;
  readonly retryAfter?: Temporal.Instant;
  readonly problem?: unknown;
  readonly failures?: readonly { readonly identifier?: unknown; readonly problem?: unknown }[];
}

const largestProblem = 16_000;

function problemIn(problem: unknown, failures: Thrown['failures'] = []): JsonObject | undefined {
  const all = failures.map(({ identifier, problem: own }) => ({
    ...plain(own),
    ...(identifier === undefined ? {} : { identifier: plain(identifier) ?? null }),
  }));
  const whole =
    all.length > 1
      ? {
          type: 'urn:ietf:params:acme:error:compound',
          detail: 'Several names were not proven.',
          subproblems: all,
        }
      : (all[0] ?? plain(problem));
  return whole && JSON.stringify(whole).length <= largestProblem ? whole : undefined;
}

function plain(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null
    ? (JSON.parse(JSON.stringify(value)) as Record<string, JsonValue>)
    : undefined;
}
