import { Temporal } from 'temporal-polyfill';
import { type Clock, milliseconds } from '@acmex/clock';
import { errorText } from '@acmex/errors';
import type { CertificateSummary, Failure } from './certificate-record.ts';
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
/** From this number of failures in a row the pause no longer grows. */
const failuresOfLongestPause = 12;

/**
 * Returns the failure that is stored with a certificate: how often it failed in a row, and when it
 * is tried again.
 * @param context `refused`: how many issued certificates in a row were not what was ordered
 */
export function nextFailure(
  { current, failure }: CertificateSummary,
  { code, message, problem, retryAfter, permanent }: ReadFailure,
  {
    clock,
    order,
    refused = 0,
  }: { readonly clock: Clock; readonly order: string; readonly refused?: number },
): Failure {
  const now = clock.now();
  // Being held back by the failure of others is not a failure of this order: it is tried again when
  // that is over.
  const lifetime = current
    ? { milliseconds: Date.parse(current.notAfter) - Date.parse(current.notBefore) }
    : { hours: 90 * 24 };
  if ((code === 'ERR_ORCHESTRATOR_HELD' || code === 'ERR_ORCHESTRATOR_BUDGET') && retryAfter) {
    // A budget gives each order a time of its own.
    const widest = code === 'ERR_ORCHESTRATOR_BUDGET' ? 0 : spreadMs;
    const spread = Math.min(widest, milliseconds(lifetime) / 200);
    const delay = Math.floor(randomOf(`${order} ${retryAfter}`) * spread);
    return {
      code,
      message,
      at: now.toString(),
      failures: Math.max(1, failure?.failures ?? 0),
      retryAt: retryAfter.add({ milliseconds: delay }).toString(),
    };
  }
  const failures = (failure?.failures ?? 0) + 1;
  const retryAt = retryTime({
    failures: permanent ? Math.max(failures, failuresOfLongestPause) : failures,
    refused: permanent ? refused : 0,
    lifetime,
    retryAfter,
    end: current && Temporal.Instant.from(current.notAfter),
    now,
    random: randomOf(`${order} ${failures}`),
  });
  return {
    code,
    message,
    ...(problem ? { problem } : {}),
    at: now.toString(),
    failures,
    retryAt: retryAt.toString(),
  };
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
