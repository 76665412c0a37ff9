import { Temporal } from 'temporal-polyfill';
import { type Clock, milliseconds } from './clock.ts';
import { millisecondTimer } from './millisecond-timer.ts';

/** The machine's own clock. The default of every `clock` option. */
export const systemClock: Clock = {
  now: () => Temporal.Now.instant(),
  monotonic: () => performance.now(),
  async sleep(duration, options) {
    await millisecondTimer.sleep({ milliseconds: milliseconds(duration) }, options);
  },
};
