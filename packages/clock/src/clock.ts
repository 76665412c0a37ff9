import { Temporal } from 'temporal-polyfill';

/**
 * A length of time as callers write it: `{ seconds: 5 }`, `'PT5S'` or a `Temporal.Duration`.
 * A day has 24 hours; weeks, months and years are refused.
 */
export type DurationInput = Temporal.DurationLike | string;

/** A moment as callers write it: an RFC 3339 string or a `Temporal.Instant`. */
export type InstantInput = Temporal.Instant | string;

export interface SleepOptions {
  /** Ends the sleep at once; it rejects with the signal's own reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Reads the time and waits. A test replaces it with a clock that it controls. */
export interface Clock {
  /** The wall clock. It may jump. */
  now(): Temporal.Instant;
  /**
   * Milliseconds since an arbitrary moment; never goes back. For measuring how long something took.
   */
  monotonic(): number;
  /** Resolves after `duration`; rejects with the signal's reason when that aborts first. */
  sleep(duration: DurationInput, options?: SleepOptions): Promise<void>;
}

/**
 * Returns the length of a duration.
 *
 * @returns milliseconds, with fractions
 * @throws RangeError for weeks, months and years, whose length depends on the calendar
 */
export function milliseconds(duration: DurationInput): number {
  return Temporal.Duration.from(duration).total('milliseconds');
}
