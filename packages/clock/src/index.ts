export {
  type Clock,
  type DurationInput,
  type InstantInput,
  type SleepOptions,
  milliseconds,
} from './clock.ts';
export { keyedMutex, type KeyedMutex } from './keyed-mutex.ts';
export { mapConcurrent } from './map-concurrent.ts';
export { type MillisecondTimer, millisecondTimer } from './millisecond-timer.ts';
export { type Backoff, backoffMs, retry, type RetryPolicy } from './retry.ts';
export { boundedRetryAfter, parseRetryAfter } from './retry-after.ts';
export { type ScaledClockOptions, scaledClock } from './scaled-clock.ts';
export { settledWithin } from './settled-within.ts';
export { systemClock } from './system-clock.ts';
export { TimeLimitError, type TimeLimitOptions, withTimeLimit } from './time-limit.ts';
export { timestamp } from './timestamp.ts';
export { type VirtualClock, virtualClock } from './virtual-clock.ts';
export { type Weekday, weekdays } from './weekdays.ts';
export {
  firstOccurrence,
  isInWindow,
  lastOccurrence,
  type Occurrence,
  parseWeeklyWindow,
  type WeeklyWindow,
  weeklyWindowForm,
} from './weekly-window.ts';
