import { Temporal } from 'temporal-polyfill';
import { type Clock, type InstantInput, milliseconds } from './clock.ts';
import { systemClock } from './system-clock.ts';

export interface ScaledClockOptions {
  /** The moment it shows when it is made. */
  readonly origin: InstantInput;
  /** Seconds that pass on it in one second of `clock`; more than 0. */
  readonly factor: number;
  /** The clock that is scaled; the machine's own by default. */
  readonly clock?: Clock;
}

/** A clock that runs faster or slower than another: years of renewals rehearsed in minutes. */
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
