import { type Clock, systemClock } from '@acmex/clock';
import { SharedWatches } from '../waiting/shared-watches.ts';

/** Milliseconds between two reads of one certificate. */
const pauseMs = 500;
/** Seconds. */
const longest = 60;

export interface LongPollRequest {
  readonly tenant: string;
  readonly id: string;
  /** What there is now, whichever process wrote it; undefined where there is nothing. */
  readonly read: () => Promise<string | undefined>;
  readonly isKnown: (version: string | undefined) => boolean;
  readonly seconds: number;
  readonly signal: AbortSignal;
}

/** Those who wait for another certificate. All who wait for the same one share each read. */
export class LongPoll {
  readonly #clock: Clock;
  readonly #watches: SharedWatches<string | undefined>;

  /** @param options `maxWaiting` for each tenant at once; 1,000 by default */
  constructor({
    clock = systemClock,
    maxWaiting = 1000,
  }: { readonly clock?: Clock; readonly maxWaiting?: number } = {}) {
    this.#clock = clock;
    this.#watches = new SharedWatches({
      clock,
      pauseMs,
      maxPerTenant: maxWaiting,
      activity: 'wait for certificates',
    });
  }

  /**
   * Waits until there is a version that the caller does not know, the time is over, or the signal
   * aborts.
   * @throws ServerError `ERR_SERVER_BUSY`
   */
  async until({ isKnown, seconds, ...watched }: LongPollRequest): Promise<void> {
    const { signal } = watched;
    using watch = this.#watches.begin(watched);
    const endMs = this.#clock.monotonic() + seconds * 1000;
    while (!signal.aborted) {
      const remainingMs = endMs - this.#clock.monotonic();
      if (remainingMs <= 0 || !isKnown(await watch.read())) return;
      await watch.pause(remainingMs);
    }
  }
}

/**
 * Seconds that a request says it waits: `?wait=`, or `Prefer: wait=`, which may ask for more than
 * it gets. RFC 7240 §4.3
 */
export function requestedWait(
  wait: number | undefined,
  prefer: string | readonly string[] | undefined,
): number {
  const [, preferred] =
    /(?:^|,)\s*wait\s*=\s*"?(\d{1,6})"?\s*(?:[,;]|$)/i.exec([prefer ?? ''].flat().join(',')) ?? [];
  return wait ?? Math.min(Number(preferred ?? 0), longest);
}
