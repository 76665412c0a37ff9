import { retry } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import type { Temporal } from 'temporal-polyfill';
import { type AcmeOperation, watched, type WatchOptions } from './exchange-report.ts';
import { type AcmeResponse, exchange, type HttpCall, type HttpOptions } from './http.ts';
import { refusal } from './refusal.ts';
import { repeatAt } from './retry-after.ts';

/** What is sent, or how to make it again for each attempt: a signed request has a nonce of its own. */
export type CallToSend = HttpCall | (() => Promise<HttpCall>);

export interface SendOptions {
  readonly url: string;
  readonly operation: AcmeOperation;
  /** Whether to send it again when its answer was lost. */
  readonly repeatable: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Sends until there is a final response, or another attempt cannot help. */
export type Send = (call: CallToSend, options: SendOptions) => Promise<AcmeResponse>;

/** Waits until a request may be sent. */
export type RequestPace = (
  operation: AcmeOperation,
  options: { readonly signal: AbortSignal | undefined },
) => Promise<void>;

export interface SenderOptions extends Pick<WatchOptions, 'onExchange'> {
  readonly requestPace?: RequestPace | undefined;
  readonly http: HttpOptions;
  /** 0 ≤ random() < 1; for the pauses between attempts. */
  readonly random: () => number;
  /** Called with each response after which the request is sent again. */
  readonly onRepeat: (response: AcmeResponse) => void;
}

/** Pauses of a random part of 0.5, 1, 2 … seconds ("full jitter"). */
const backoff = { first: { milliseconds: 500 }, longest: { seconds: 60 }, jitter: 1 };

/** Returns what sends a request up to four times. */
export function sender({ http, random, onRepeat, onExchange, requestPace }: SenderOptions): Send {
  const { clock } = http;
  return async (call, { url, operation, repeatable, signal }) =>
    await retry<AcmeResponse>(
      clock,
      {
        attempts: 4,
        backoff,
        random,
        signal,
        again: (outcome) => {
          if (outcome.status === 'rejected') return mayRepeat(outcome.reason, repeatable);
          const next = nextAttempt(outcome.value, { repeatable, now: clock.now() });
          if (next !== false) onRepeat(outcome.value);
          return next;
        },
      },
      async () => {
        await requestPace?.(operation, { signal });
        const request = typeof call === 'function' ? await call() : call;
        return await watched(operation, { clock, onExchange }, async () =>
          exchange(http, url, request),
        );
      },
    );
}

/** When to send a request again after this answer; false for not at all. */
function nextAttempt(
  answer: AcmeResponse,
  { repeatable, now }: { readonly repeatable: boolean; readonly now: Temporal.Instant },
): boolean | Temporal.Instant {
  // 503 says that the request was not taken up; after another 5xx it may have been.
  if (answer.status !== 503 && !(answer.status >= 500 && repeatable)) return false;
  return repeatAt(refusal(answer, now).retryAfter, now);
}

function mayRepeat(error: unknown, repeatable: boolean): boolean {
  const code = errorCode(error);
  return (
    code === 'ERR_ACME_UNREACHABLE' ||
    (repeatable && (code === 'ERR_ACME_ANSWER_LOST' || code === 'ERR_ACME_TIMEOUT'))
  );
}
