import type { Temporal } from 'temporal-polyfill';
import { type Clock, type DurationInput, milliseconds } from './clock.ts';

/** How the pauses between attempts grow. */
export interface Backoff {
  /** The pause after the first failure; it doubles with each further failure in a row. */
  readonly first: DurationInput;
  /** No pause is longer. */
  readonly longest: DurationInput;
  /**
   * The share of a pause that chance decides, from 0 (none) to 1 (all of it), so that many that
   * failed together do not come back together; 0.5 by default.
   */
  readonly jitter?: number;
}

/**
 * Returns the length of a pause.
 *
 * @param failures How many attempts in a row have failed, from 1.
 * @param random 0 ≤ random < 1.
 * @returns milliseconds, with fractions
 */
export function backoffMs(
  { first, longest, jitter = 0.5 }: Backoff,
  failures: number,
  random: number,
): number {
  const full = Math.min(
    milliseconds(first) * 2 ** Math.min(failures - 1, 30),
    milliseconds(longest),
  );
  return full * (1 - jitter + jitter * random);
}

/** When to try again, and when to stop. */
export interface RetryPolicy<T> {
  /** How many attempts to make at most. */
  readonly attempts: number;
  readonly backoff: Backoff;
  /**
   * Decides what the outcome of an attempt means: `true` for another attempt after the usual pause,
   * a moment for another attempt then, `false` to stop with this outcome. Not called after the last
   * attempt.
   */
  readonly again: (outcome: PromiseSettledResult<T>) => boolean | Temporal.Instant;
  /** For all attempts and pauses together: no attempt begins later. No limit by default. */
  readonly limit?: DurationInput | undefined;
  /** Ends a pause at once; it is for the attempt to obey it too. */
  readonly signal?: AbortSignal | undefined;
  /** 0 ≤ random() < 1; for the pauses. `Math.random` by default. */
  readonly random?: (() => number) | undefined;
}

/**
 * Makes attempts until one succeeds, or until another would not help.
 *
 * @param attempt Receives how many milliseconds of the limit are left; `Infinity` without a limit.
 * @returns what the last attempt returned
 * @throws what the last attempt threw; the signal's reason when it aborts during a pause
 */
export async function retry<T>(
  clock: Clock,
  policy: RetryPolicy<T>,
  attempt: (leftMs: number) => Promise<T>,
): Promise<T> {
  const { attempts, backoff, again, limit, signal, random = Math.random } = policy;
  const end = limit === undefined ? Infinity : clock.monotonic() + milliseconds(limit);
  for (let count = 1; ; count++) {
    const [outcome] = await Promise.allSettled([attempt(end - clock.monotonic())]);
    const next = count < attempts && again(outcome);
    const pause = pauseBefore(next, () => backoffMs(backoff, count, random()), clock);
    if (pause === undefined || clock.monotonic() + pause >= end) return valueOf(outcome);
    if (pause > 0) await clock.sleep({ milliseconds: Math.ceil(pause) }, { signal });
  }
}

/** Returns milliseconds; undefined for no further attempt. */
function pauseBefore(
  next: boolean | Temporal.Instant,
  usual: () => number,
  clock: Clock,
): number | undefined {
  if (next === false) return undefined;
  if (next === true) return usual();
  return Math.max(0, clock.now().until(next).total('milliseconds'));
}

function valueOf<T>(outcome: PromiseSettledResult<T>): T {
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}
