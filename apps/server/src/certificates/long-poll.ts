import { type Clock, systemClock } from '@acmex/clock';
import { ServerError } from '../errors.ts';

/** Milliseconds between two looks at one certificate, and how much more for each other that is waited for. */
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
 * Those who wait for another certificate. All who wait for the same look once, and however many wait, the storage is read 200 times
 * a second at most.
 */
export class LongPoll {
  readonly #clock: Clock;
  readonly #most: number;
  readonly #waiting = new Map<string, number>();
  readonly #looks = new Map<
    string,
    { waiters: number; at: number; found: Promise<string | undefined> }
  >();

  /** @param options `most` for each tenant at once; 1,000 by default */
  constructor({
    clock = systemClock,
    most = 1000,
  }: { readonly clock?: Clock; readonly most?: number } = {}) {
    this.#clock = clock;
    this.#most = most;
  }

  /** Waits until there is something that is not known; until the time is over, or nobody waits anymore. @throws ServerError `ERR_SERVER_BUSY` */
  async until({ tenant, id, read, isKnown, seconds, signal }: LongPollRequest): Promise<void> {
    const others = this.#waiting.get(tenant) ?? 0;
    if (others >= this.#most)
      throw new ServerError(
        'ERR_SERVER_BUSY',
        `${this.#most} requests of the tenant ${tenant} wait for certificates already`,
        { retryAfter: 10 },
      );
    const key = `${tenant}/${id}`;
    const look = this.#looks.get(key) ?? {
      waiters: 0,
      at: -Infinity,
      found: Promise.resolve(undefined),
    };
    this.#waiting.set(tenant, others + 1);
    this.#looks.set(key, look);
    look.waiters += 1;
    try {
      const end = this.#clock.monotonic() + seconds * 1000;
      for (
        let now = this.#clock.monotonic();
        now < end && !signal.aborted;
        now = this.#clock.monotonic()
      ) {
        const between = Math.max(pause, this.#looks.size * more);
        if (now - look.at >= between) [look.at, look.found] = [now, read()];
        if (!isKnown(await look.found)) return;
        await this.#clock
          .sleep({ milliseconds: Math.min(between, Math.max(1, Math.ceil(end - now))) }, { signal })
          .catch(() => {
            /* nobody waits anymore */
          });
      }
    } finally {
      look.waiters -= 1;
      if (look.waiters === 0) this.#looks.delete(key);
      this.#waiting.set(tenant, (this.#waiting.get(tenant) ?? 1) - 1);
    }
  }
}

/** Seconds that a request says it waits: `?wait=`, or `Prefer: wait=`, which may ask for more than it gets. RFC 7240 §4.3 */
export function patience(
  wait: number | undefined,
  prefer: string | readonly string[] | undefined,
): number {
  const [, preferred] =
    /(?:^|,)\s*wait\s*=\s*"?(\d{1,6})"?\s*(?:[,;]|$)/i.exec([prefer ?? ''].flat().join(',')) ?? [];
  return wait ?? Math.min(Number(preferred ?? 0), longest);
}
