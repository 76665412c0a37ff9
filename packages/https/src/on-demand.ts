import { registeredDomain } from '@acmex/budgets/registered-domain';
import { type Clock, settledWithin } from '@acmex/clock';
import { networkOf } from '@acmex/identifier';
import { LRUCache } from 'lru-cache';
import { HttpsError } from './errors.ts';

/** What `allow` decides about. */
export interface AllowRequest {
  /** A domain name in lower case, A-labels. */
  readonly name: string;
  /** That of the client; absent where the connection has none. */
  readonly remoteAddress: string | undefined;
  /** Aborts when the answer takes too long. */
  readonly signal: AbortSignal;
}

/** How many certificates clients can cause. */
export interface OnDemandLimits {
  /** Names of one registered domain in an hour; 20 by default. */
  readonly perDomain: number;
  /** New names that one address, or one network of IPv6, can ask for in an hour; 20 by default. */
  readonly perAddress: number;
  /** Certificates that are obtained at the same time; 10 by default. */
  readonly atOnce: number;
}

const defaults: OnDemandLimits = { perDomain: 20, perAddress: 20, atOnce: 10 };
const hourMs = 3_600_000;
const answerLimit = { seconds: 5 };
/** How long an answer of `allow` counts. */
const [allowedMs, refusedMs] = [600_000, 60_000];
/** How long a name is refused whose `allow` has failed, or whose certificate was not issued. */
const failedMs = 10_000;
/** How much is remembered of names, domains and addresses. */
const remembered = 10_000;

export interface OnDemandOptions {
  readonly allow: (request: AllowRequest) => boolean | Promise<boolean>;
  readonly limits: Partial<OnDemandLimits>;
  readonly clock: Clock;
  /** Obtains the certificate of a name. */
  readonly obtain: (name: string) => Promise<void>;
}

/**
 * Decides for which names that clients ask for a certificate is obtained, and does it once for all
 * that ask at the same time. Everything that it remembers is bounded.
 */
export class OnDemand {
  readonly #options: OnDemandOptions;
  readonly #limits: OnDemandLimits;
  readonly #answers = new LRUCache<string, boolean>({ max: remembered });
  readonly #domains: Counts;
  readonly #addresses: Counts;
  readonly #running = new Map<string, Promise<void>>();

  constructor(options: OnDemandOptions) {
    this.#options = options;
    this.#limits = { ...defaults, ...options.limits };
    this.#domains = new Counts(this.#limits.perDomain, options.clock);
    this.#addresses = new Counts(this.#limits.perAddress, options.clock);
  }

  /**
   * Obtains a certificate for a name if that is permitted.
   * @throws HttpsError `ERR_HTTPS_NOT_PERMITTED`, `ERR_HTTPS_LIMIT`; what `allow` and the order throw
   */
  async obtain(name: string, remoteAddress: string | undefined): Promise<void> {
    const running = this.#running.get(name);
    if (running) return await running;
    if (this.#answers.get(name) === false) throw notPermitted(name);
    // Before `allow` is called, which may cost something.
    if (
      this.#running.size >= this.#limits.atOnce ||
      !this.#addresses.take(networkOf(remoteAddress ?? ''))
    )
      throw tooMany(name);
    const work = this.#permitAndObtain(name, remoteAddress);
    this.#running.set(name, work);
    try {
      await work;
    } finally {
      this.#running.delete(name);
    }
  }

  async #permitAndObtain(name: string, remoteAddress: string | undefined): Promise<void> {
    try {
      const isAllowed = this.#answers.get(name) ?? (await this.#ask(name, remoteAddress));
      if (!isAllowed) throw notPermitted(name);
      if (!this.#domains.take(registeredDomain(name))) throw tooMany(name);
      await this.#options.obtain(name);
    } catch (error) {
      if (!this.#answers.has(name) || this.#answers.get(name))
        this.#answers.set(name, false, { ttl: failedMs });
      throw error;
    }
  }

  async #ask(name: string, remoteAddress: string | undefined): Promise<boolean> {
    const { allow, clock } = this.#options;
    const stop = new AbortController();
    const asked = (async () => await allow({ name, remoteAddress, signal: stop.signal }))();
    const isInTime = await settledWithin(answerLimit, [asked], clock);
    stop.abort();
    if (!isInTime)
      throw new HttpsError('ERR_HTTPS_LIMIT', `allow has not answered in time for ${name}`);
    const answer = await asked;
    // Anything but true is a refusal.
    const isAllowed = answer === true;
    this.#answers.set(name, isAllowed, { ttl: isAllowed ? allowedMs : refusedMs });
    return isAllowed;
  }
}

/** Counts in the last hour, of many subjects. */
class Counts {
  readonly #limit: number;
  readonly #clock: Clock;
  readonly #uses = new LRUCache<string, readonly number[]>({ max: remembered });

  constructor(limit: number, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
  }

  /** Counts a use, unless there were too many. */
  take(subject: string): boolean {
    const now = this.#clock.monotonic();
    const recent = (this.#uses.get(subject) ?? []).filter((at) => now - at < hourMs);
    if (recent.length >= this.#limit) return false;
    this.#uses.set(subject, [...recent, now]);
    return true;
  }
}

function notPermitted(name: string): HttpsError {
  return new HttpsError(
    'ERR_HTTPS_NOT_PERMITTED',
    `a client has asked for ${name}, which is not in names, and which allow does not permit`,
  );
}

function tooMany(name: string): HttpsError {
  return new HttpsError(
    'ERR_HTTPS_LIMIT',
    `a client has asked for ${name}: too many new names were asked for, see onDemandLimits`,
  );
}
