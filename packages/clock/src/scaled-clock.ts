import { Temporal } from 'temporal-polyfill';
import { type Clock, type InstantInput, milliseconds } from './clock.ts';
import { systemClock } from './system-clock.ts';

export interface ScaledClockOptions {
  /** The time that the clock shows at first. */
  readonly origin: InstantInput;
  /** How many seconds pass in one second of `clock`; more than 0. */
  readonly factor: number;
  /** The clock to scale; the machine's own by default. */
  readonly clock?: Clock;
}

/**
 * Creates a clock that runs faster or slower than another clock, to rehearse years of renewals in
 * minutes.
 *
 * @throws RangeError for a factor that is not above 0
 */
export function scaledClock({ origin, factor, clock = systemClock }: ScaledClockOptions): Clock {
  if (!(factor > 0 && Number.isFinite(factor)))
    throw new RangeError(`scaledClock: factor must be a number above 0, not ${factor}`);
  const first = Temporal.Instant.from(origin);
  const start = clock.monotonic();
  const elapsed = () => (clock.monotonic() - start) * factor;
  return {
    now: () => first.add({ nanoseconds: Math.round(elapsed() * 1e6) }),
    monotonic: elapsed,
    sleep: (duration, options) =>
      clock.sleep({ nanoseconds: Math.round((milliseconds(duration) / factor) * 1e6) }, options),
  };
}
