import { errorCode } from '@acmex/errors';
import type { Clock } from '@acmex/clock';
import type { Temporal } from 'temporal-polyfill';
import { problemTypeOf } from './errors.ts';
import type { AcmeResponse } from './http.ts';
import { refusal } from './refusal.ts';

/** What a request to a CA is for: the resources of RFC 8555 §7.1, and what is done with them. */
export type AcmeOperation =
  | 'directory'
  | 'newNonce'
  | 'newAccount'
  | 'account'
  | 'keyChange'
  | 'orders'
  | 'newOrder'
  | 'order'
  | 'finalize'
  | 'newAuthz'
  | 'authorization'
  | 'challenge'
  | 'certificate'
  | 'revokeCert'
  | 'renewalInfo'
  | 'other';

/** A request to a CA that has ended: each attempt is one. */
export interface AcmeExchange {
  readonly operation: AcmeOperation;
  /** The HTTP status; absent without an answer. */
  readonly status?: number | undefined;
  /**
   * What went wrong: the last word of a problem type of RFC 8555 §6.7, as `rateLimited`; `other` for
   * any other refusal; without an answer the code of the error.
   */
  readonly problem?: string | undefined;
  /** When the CA allows the next request, if its refusal says so. */
  readonly retryAfter?: Temporal.Instant | undefined;
  readonly milliseconds: number;
}

export interface WatchOptions {
  readonly clock: Clock;
  readonly onExchange: ((exchange: AcmeExchange) => void) | undefined;
}

/** Sends one request, and reports how it ended. */
export async function watched(
  operation: AcmeOperation,
  { clock, onExchange }: WatchOptions,
  send: () => Promise<AcmeResponse>,
): Promise<AcmeResponse> {
  if (!onExchange) return await send();
  const begun = clock.monotonic();
  const report = (outcome: Pick<AcmeExchange, 'status' | 'problem' | 'retryAfter'>) =>
    onExchange({ operation, ...outcome, milliseconds: clock.monotonic() - begun });
  try {
    const answer = await send();
    report({ status: answer.status, ...refusalOf(answer, clock) });
    return answer;
  } catch (error) {
    report({ problem: errorCode(error) ?? 'aborted' });
    throw error;
  }
}

function refusalOf(
  answer: AcmeResponse,
  clock: Clock,
): Pick<AcmeExchange, 'problem' | 'retryAfter'> {
  if (answer.status < 400) return {};
  const { problem, retryAfter } = refusal(answer, clock.now());
  return { problem: (problem && problemTypeOf(problem)) ?? 'other', retryAfter };
}
