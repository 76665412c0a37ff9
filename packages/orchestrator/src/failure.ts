import { Temporal } from 'temporal-polyfill';
import { type Clock, milliseconds } from '@acmex/clock';
import { errorText } from '@acmex/errors';
import type { CertificateSummary, Failure } from './certificate-record.ts';
import { expiryOf } from './expiry.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { randomOf, retryTime } from './renewal-time.ts';

/** What an error means for the next try. */
export interface ReadFailure {
  /** Stable; `ERR_UNKNOWN` for an error without a code. */
  readonly code: string;
  readonly message: string;
  /**
   * The CA's problem document, if it sent one; for several names one with subproblems. RFC 8555
   * §6.7.1
   */
  readonly problem?: JsonObject | undefined;
  /** When the CA allows another try. */
  readonly retryAfter?: Temporal.Instant | undefined;
  /** Whether each further try fails until a person changes something. */
  readonly permanent: boolean;
}

/**
 * Reads an error of any kind. The table of its code decides whether it is permanent: see `fixedBy`
 * of `@acmex/errors`.
 */
export function failureOf(error: unknown): ReadFailure {
  const {
    code: thrownCode,
    problem,
    failures,
    fixedBy,
  } = (typeof error === 'object' && error !== null ? error : {}) as Thrown;
  const code = typeof thrownCode === 'string' ? thrownCode : 'ERR_UNKNOWN';
  return {
    code,
    message: errorText(error).slice(0, 4000),
    problem: problemIn(problem, failures),
    retryAfter: retryAfterOf(error),
    permanent: fixedBy === 'person',
  };
}

/** Returns the moment from which on a server accepts another request, if an error names one. */
export function retryAfterOf(error: unknown): Temporal.Instant | undefined {
  const { retryAfter } = (typeof error === 'object' && error !== null ? error : {}) as Thrown;
  // Only an instant has `epochMilliseconds`.
  const { epochMilliseconds } = (retryAfter ?? {}) as { readonly epochMilliseconds?: unknown };
  return typeof epochMilliseconds === 'number' ? (retryAfter as Temporal.Instant) : undefined;
}

/** Orders that were held back together are retried at random times within this span. */
const spreadMs = 30_000;
const heldBack: ReadonlySet<string> = new Set([
  'ERR_ORCHESTRATOR_ACTION_REQUIRED',
  'ERR_ORCHESTRATOR_BUDGET',
  'ERR_ORCHESTRATOR_CA_UNAVAILABLE',
  'ERR_ORCHESTRATOR_HELD',
]);
/** Whether a failure is that of an order which was not sent to a CA. */
export function isHeldBack(code: string): boolean {
  return heldBack.has(code);
}

/** From this number of failures in a row the pause no longer grows. */
const failuresOfLongestPause = 12;

/** What decides when an order is tried again. */
export interface NextFailureOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** The id of the order. */
  readonly order: string;
  /** How many issued certificates in a row were not what was ordered; 0 by default. */
  readonly refused?: number | undefined;
  /**
   * When the issuer that does not work is tried again, which also ends the pause of this order: its
   * failure says nothing of the order.
   */
  readonly triedAgainAt?: Temporal.Instant | undefined;
}

/**
 * Returns the failure that is stored with a certificate: how often it failed in a row, and when it
 * is tried again.
 */
export function nextFailure(
  { current, failure }: Pick<CertificateSummary, 'current' | 'failure'>,
  { code, message, problem, retryAfter, permanent }: ReadFailure,
  { clock, order, refused = 0, triedAgainAt }: NextFailureOptions,
): Failure {
  const now = clock.now();
  // Being held back by the failure of others is not a failure of this order: it is tried again when
  // that is over.
  const lifetime = current
    ? { milliseconds: Date.parse(current.notAfter) - Date.parse(current.notBefore) }
    : { hours: 90 * 24 };
  const spread = (moment: Temporal.Instant) => {
    // A budget gives each order a time of its own.
    const widest = code === 'ERR_ORCHESTRATOR_BUDGET' ? 0 : spreadMs;
    const longest = Math.min(widest, milliseconds(lifetime) / 200);
    return moment.add({ milliseconds: Math.floor(randomOf(`${order} ${moment}`) * longest) });
  };
  if (isHeldBack(code) && retryAfter)
    return {
      ...{ code, message, at: now.toString() },
      failures: Math.max(code === 'ERR_ORCHESTRATOR_BUDGET' ? 0 : 1, failure?.failures ?? 0),
      retryAt: spread(retryAfter).toString(),
    };
  const failures = (failure?.failures ?? 0) + 1;
  const retryAt = retryTime({
    failures: permanent ? Math.max(failures, failuresOfLongestPause) : failures,
    refused: permanent ? refused : 0,
    lifetime,
    retryAfter,
    end: current && Temporal.Instant.from(expiryOf(current)),
    now,
    random: randomOf(`${order} ${failures}`),
  });
  return {
    code,
    message,
    ...(problem ? { problem } : {}),
    at: now.toString(),
    failures,
    retryAt: earlier(retryAt, triedAgainAt && spread(triedAgainAt)).toString(),
  };
}

function earlier(first: Temporal.Instant, second: Temporal.Instant | undefined): Temporal.Instant {
  return second && Temporal.Instant.compare(second, first) < 0 ? second : first;
}

/** What the errors of a client may have. */
interface Thrown {
  readonly code?: unknown;
  readonly retryAfter?: unknown;
  readonly fixedBy?: unknown;
  readonly problem?: unknown;
  readonly failures?: readonly { readonly identifier?: unknown; readonly problem?: unknown }[];
}

const largestProblem = 16_000;

function problemIn(problem: unknown, failures: Thrown['failures'] = []): JsonObject | undefined {
  const all = failures.map(({ identifier, problem: cause }) => ({
    ...plain(cause),
    ...(identifier === undefined ? {} : { identifier: plain(identifier) ?? null }),
  }));
  const whole =
    all.length > 1
      ? {
          type: 'urn:ietf:params:acme:error:compound',
          detail: 'Several names were not validated.',
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

/** Failures that say nothing of the order at the CA. */
const interruptions: ReadonlySet<string> = new Set([
  'ERR_ACME_ANSWER',
  'ERR_ACME_ANSWER_LOST',
  'ERR_ACME_BAD_NONCE',
  'ERR_ACME_NO_NONCE',
  'ERR_ACME_POLL_LIMIT',
  'ERR_ACME_PROXY',
  'ERR_ACME_RATE_LIMITED',
  'ERR_ACME_SERVER_INTERNAL',
  'ERR_ACME_STATUS',
  'ERR_ACME_TIMEOUT',
  'ERR_ACME_TLS',
  'ERR_ACME_UNREACHABLE',
]);

/**
 * Whether the CA may still issue after a failure: it has the request for the certificate, or was
 * at work when the wait for it ended.
 */
export function isAtWork(stepTypes: readonly string[], code: string): boolean {
  const hasRequest = stepTypes.lastIndexOf('finalized') > stepTypes.lastIndexOf('ordered');
  return code === 'ERR_ACME_POLL_LIMIT' || (hasRequest && interruptions.has(code));
}
