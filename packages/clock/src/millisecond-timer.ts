import type { SleepOptions } from './clock.ts';

/** Waits like a `Clock`, for durations in milliseconds alone. */
export interface MillisecondTimer {
  /** Resolves after `duration`; rejects with the signal's reason when that aborts first. */
  sleep(duration: { readonly milliseconds: number }, options?: SleepOptions): Promise<void>;
}

const longestTimer = 2 ** 31 - 1;

/** The machine's timer. A bundle for a browser that only waits has no Temporal because of it. */
export const millisecondTimer: MillisecondTimer = {
  async sleep({ milliseconds }, options) {
    // One timer holds 24.8 days at most, so a longer sleep is several.
    for (let left = milliseconds; left >= 0; left -= longestTimer)
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
