import { networkOf } from '@acmex/identifier';
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import { ServerError } from '../errors.ts';

/** Failures in a minute: of one network with one credential, and of one network in all. */
const ofCredential = { points: 10, duration: 60 };
const ofNetwork = { points: 60, duration: 60 };

/** Counts requests that fail to prove who they are. Only failures are ever refused by it. */
export class FailureThrottle {
  readonly #what: string;
  readonly #byCredential = new RateLimiterMemory(ofCredential);
  readonly #byNetwork = new RateLimiterMemory(ofNetwork);

  /** @param what what is counted, for the message: "requests with keys that are not valid" */
  constructor(what: string) {
    this.#what = what;
  }

  /**
   * Counts a failure.
   * @param credential identifies what the request tried, without a secret
   * @throws ServerError `ERR_SERVER_THROTTLED` where the network has failed too often
   */
  async count(address: string, credential: string): Promise<void> {
    const from = networkOf(address);
    await this.#consume(this.#byNetwork, from, from);
    await this.#consume(this.#byCredential, `${from} ${credential}`, from);
  }

  async #consume(limiter: RateLimiterMemory, key: string, from: string): Promise<void> {
    await limiter.consume(key).catch((state: unknown) => {
      if (state instanceof Error) throw state;
      const { msBeforeNext } = state as RateLimiterRes;
      throw new ServerError(
        'ERR_SERVER_THROTTLED',
        `too many ${this.#what} came from ${from}: wait as long as Retry-After says`,
        { retryAfter: msBeforeNext / 1000 },
      );
    });
  }
}
