import { type Clock, systemClock } from '@acmex/clock';
import { ServerError } from '../errors.ts';

/**
 * Milliseconds between two looks at one certificate, and how much more for each other that is
 * waited for.
 */
const [pause, more] = [500, 5];
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

/**
 * Those who wait for another certificate. All who wait for the same look once, and however many
 * wait, the storage is read 200 times a second at most.
 */
export class LongPoll {
  readonly #clock: Clock;
  readonly #maxWaiting: number;
  readonly #waiting = new Map<string, number>();
  readonly #readings = new Map<
    string,
    { waiters: number; at: number; version: Promise<string | undefined> }
  >();

  /** @param options `maxWaiting` for each tenant at once; 1,000 by default */
  constructor({
    clock = systemClock,
    maxWaiting = 1000,
  }: { readonly clock?: Clock; readonly maxWaiting?: number } = {}) {
    this.#clock = clock;
    this.#maxWaiting = maxWaiting;
  }

  /**
   * Waits until there is a version that the caller does not know, the time is over, or the signal
   * aborts.
   * @throws ServerError `ERR_SERVER_BUSY`
   */
  async until({ tenant, id, read, isKnown, seconds, signal }: LongPollRequest): Promise<void> {
    const waiting = this.#waiting.get(tenant) ?? 0;
    if (waiting >= this.#maxWaiting)
      throw new ServerError(
        'ERR_SERVER_BUSY',
        `${this.#maxWaiting} requests of the tenant ${tenant} wait for certificates already`,
        { retryAfter: 10 },
      );
    const key = `${tenant}/${id}`;
    const reading = this.#readings.get(key) ?? {
      waiters: 0,
      at: -Infinity,
      version: Promise.resolve(undefined),
    };
    this.#waiting.set(tenant, waiting + 1);
    this.#readings.set(key, reading);
    reading.waiters += 1;
    try {
      const end = this.#clock.monotonic() + seconds * 1000;
      for (
        let now = this.#clock.monotonic();
        now < end && !signal.aborted;
        now = this.#clock.monotonic()
      ) {
        const between = Math.max(pause, this.#readings.size * more);
        if (now - reading.at >= between) [reading.at, reading.version] = [now, read()];
        if (!isKnown(await reading.version)) return;
        await this.#clock
          .sleep({ milliseconds: Math.min(between, Math.max(1, Math.ceil(end - now))) }, { signal })
          .catch(() => {
            /* the caller is gone */
          });
      }
    } finally {
      reading.waiters -= 1;
      if (reading.waiters === 0) this.#readings.delete(key);
      this.#waiting.set(tenant, (this.#waiting.get(tenant) ?? 1) - 1);
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
