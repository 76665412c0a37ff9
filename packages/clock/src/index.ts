export {
  type Clock,
  type DurationInput,
  type InstantInput,
  type SleepOptions,
  milliseconds,
} from './clock.ts';
export { type ScaledClockOptions, scaledClock } from './scaled-clock.ts';
export { systemClock } from './system-clock.ts';
export { TimeLimitError, type TimeLimitOptions, withTimeLimit } from './time-limit.ts';
export { type VirtualClock, virtualClock } from './virtual-clock.ts';
