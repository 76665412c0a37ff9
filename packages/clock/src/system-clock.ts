import { Temporal } from 'temporal-polyfill';
import { type Clock, type SleepOptions, milliseconds } from './clock.ts';

const longestTimer = 2 ** 31 - 1;

/** The machine's own clock. The default of every `clock` option. */
export const systemClock: Clock = {
  now: () => Temporal.Now.instant(),
  monotonic: () => performance.now(),
  async sleep(duration, options) {
    // One timer holds 24.8 days at most, so a longer sleep is several.
    for (let left = milliseconds(duration); left >= 0; left -= longestTimer)
      await timer(Math.min(left, longestTimer), options);
  },
};

function timer(length: number, { signal }: SleepOptions = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const end = () => {
      signal?.removeEventListener('abort', abort);
      resolve();
    };
    const abort = () => {
      clearTimeout(id);
      reject(signal?.reason);
    };
    const id = setTimeout(end, length);
    signal?.addEventListener('abort', abort, { once: true });
  });
}
