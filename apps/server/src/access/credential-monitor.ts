import type { Clock } from '@acmex/clock';
import { ServerError } from '../errors.ts';

/** The time between two checks of a credential. */
const interval = { seconds: 2 };
/** How long a check may take. With the interval, a wait outlives its credential by 4 seconds. */
const checkLimit = { seconds: 2 };

export interface MonitoredCredential {
  /** What identifies the credential; requests that have it share each check. */
  readonly id: string;
  /** Authenticates again. Throws where the credential is not valid any more. */
  readonly check: () => Promise<void>;
}

interface Monitored {
  readonly ended: AbortController;
  /** Aborts when no request waits with the credential any more. */
  readonly unused: AbortController;
  requests: number;
}

/**
 * Checks the credentials of requests that wait, every two seconds for as long as one waits. A check
 * that fails, or takes too long, ends every wait of that credential.
 */
export class CredentialMonitor {
  readonly #clock: Clock;
  readonly #monitored = new Map<string, Monitored>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Watches a credential until `finished` aborts.
   * @returns a signal that aborts, with the error of the check, when the credential is not valid
   * any more
   */
  watch(credential: MonitoredCredential, finished: AbortSignal): AbortSignal {
    const { id } = credential;
    const monitored = this.#monitored.get(id) ?? this.#begin(credential);
    monitored.requests += 1;
    const release = () => {
      monitored.requests -= 1;
      if (monitored.requests > 0) return;
      monitored.unused.abort();
      if (this.#monitored.get(id) === monitored) this.#monitored.delete(id);
    };
    if (finished.aborted) release();
    else finished.addEventListener('abort', release, { once: true });
    return monitored.ended.signal;
  }

  #begin({ id, check }: MonitoredCredential): Monitored {
    const monitored: Monitored = {
      ended: new AbortController(),
      unused: new AbortController(),
      requests: 0,
    };
    this.#monitored.set(id, monitored);
    this.#checkRepeatedly(check, monitored.unused.signal).catch((error: unknown) => {
      if (this.#monitored.get(id) === monitored) this.#monitored.delete(id);
      if (!monitored.unused.signal.aborted) monitored.ended.abort(error);
    });
    return monitored;
  }

  /** Returns never: throws the error of the check, or the reason of the signal. */
  async #checkRepeatedly(check: () => Promise<void>, unused: AbortSignal): Promise<never> {
    for (;;) {
      await this.#clock.sleep(interval, { signal: unused });
      await this.#checkInTime(check);
    }
  }

  async #checkInTime(check: () => Promise<void>): Promise<void> {
    const done = new AbortController();
    const late = this.#clock.sleep(checkLimit, { signal: done.signal }).then(
      () => {
        throw new ServerError(
          'ERR_SERVER_UNAVAILABLE',
          'the server could not check in time that the key is still valid',
          { retryAfter: 5 },
        );
      },
      () => {
        /* the check was in time */
      },
    );
    try {
      await Promise.race([check(), late]);
    } finally {
      done.abort();
    }
  }
}
