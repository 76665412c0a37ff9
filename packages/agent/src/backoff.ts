import { backoffMs } from '@acmex/clock';

export interface PauseOptions {
  /** Failures in a row, from 1. */
  readonly failures: number;
  readonly firstMs: number;
  readonly longestMs: number;
  /** What the server requires, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** From 0 to 1. */
  readonly random: number;
}

/** A longer Retry-After is cut to this. */
const longestRetryAfterMs = 600_000;

/**
 * Returns the milliseconds until the next try. The pause doubles with each failure, and is spread
 * at random between half of that and all of it, so that hosts which failed together do not return
 * together. It is not shorter than Retry-After, of which ten minutes count at most.
 */
export function pauseAfterMs(options: PauseOptions): number {
  const { failures, firstMs, longestMs, retryAfterMs = 0, random } = options;
  const backoff = { first: { milliseconds: firstMs }, longest: { milliseconds: longestMs } };
  const pause = backoffMs(backoff, failures, random);
  const required = Math.min(retryAfterMs, longestRetryAfterMs);
  return Math.round(required > pause ? required + pause - backoffMs(backoff, failures, 0) : pause);
}
