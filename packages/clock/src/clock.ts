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

const unitMs: Readonly<Record<string, number>> = {
  days: 86_400_000,
  hours: 3_600_000,
  minutes: 60_000,
  seconds: 1000,
  milliseconds: 1,
};

/**
 * Returns the length of a duration.
 *
 * @returns milliseconds, with fractions
 * @throws RangeError for weeks, months and years, whose length depends on the calendar
 */
export function milliseconds(duration: DurationInput): number {
  return usualLength(duration) ?? Temporal.Duration.from(duration).total('milliseconds');
}

/**
 * Returns the length of whole numbers of the usual units, without Temporal: in a fraction of its
 * time. Undefined for any other duration.
 */
function usualLength(duration: DurationInput): number | undefined {
  if (duration instanceof Temporal.Duration) return undefined;
  const entries = typeof duration === 'string' ? usualParts(duration) : Object.entries(duration);
  let length = 0;
  for (const [unit, count] of entries) {
    const unitLength = Object.hasOwn(unitMs, unit) ? unitMs[unit] : undefined;
    if (unitLength === undefined || !Number.isSafeInteger(count) || count < 0) return undefined;
    length += unitLength * count;
  }
  return entries.length > 0 && Number.isSafeInteger(length) ? length : undefined;
}

/** The form of `PT30S` and `P1DT12H`: a `T` is followed by a number. ISO 8601 */
const usualForm =
  /^P(?:(?<days>\d+)D)?(?:T(?=\d)(?:(?<hours>\d+)H)?(?:(?<minutes>\d+)M)?(?:(?<seconds>\d+)S)?)?$/;

/** Returns units and their numbers; none for a text of another form. */
function usualParts(text: string): readonly (readonly [string, number])[] {
  return Object.entries(usualForm.exec(text)?.groups ?? {})
    .filter(([, count]) => count !== undefined)
    .map(([unit, count]) => [unit, Number(count)]);
}
