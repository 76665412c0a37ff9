import { backoffMs } from '@acmex/clock';

export interface Backoff {
  /** How often in a row it failed, from 1. */
  readonly failures: number;
  /** Milliseconds of the first pause, and of the longest. */
  readonly first: number;
  readonly most: number;
  /** What the other side asked for, in milliseconds. */
  readonly retryAfter?: number | undefined;
  /** From 0 to 1. */
  readonly random: number;
}

/** The other side is not obeyed for longer. */
const longestObeyed = 600_000;

/**
 * Milliseconds until the next try: doubled with each failure, and by chance between a half of that and all of it, so that many who
 * failed at one moment do not come back at one moment. No sooner than the other side asks for, of which ten minutes are obeyed.
 */
export function pauseAfter({ failures, first, most, retryAfter = 0, random }: Backoff): number {
  const backoff = { first: { milliseconds: first }, longest: { milliseconds: most } };
  const pause = backoffMs(backoff, failures, random);
  const requested = Math.min(retryAfter, longestObeyed);
  return Math.round(
    requested > pause ? requested + pause - backoffMs(backoff, failures, 0) : pause,
  );
}
