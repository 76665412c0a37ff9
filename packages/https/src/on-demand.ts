import { type Clock, settledWithin } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
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
/** Where the last limit is remembered; not a name. */
const limitReport = '';
/** Loaded with the first name that may be obtained: the list of public suffixes is long. */
const loadRegisteredDomain = async () => await import('@acmex/budgets/registered-domain');
/** How much is remembered of names, domains and addresses. */
const remembered = 10_000;

export interface OnDemandOptions {
  readonly allow: (request: AllowRequest) => boolean | Promise<boolean>;
  readonly limits: Partial<OnDemandLimits>;
  readonly clock: Clock;
  /** Obtains the certificate of a name. */
  readonly obtain: (name: string) => Promise<void>;
  /** Called with each new refusal and failure; not when the same is refused again. */
  readonly onError: (error: unknown) => void;
}

/**
 * Decides for which names that clients ask for a certificate is obtained, and does it once for all
 * that ask at the same time. Everything that it remembers is bounded.
 */
export class OnDemand {
  readonly #options: OnDemandOptions;
  readonly #limits: OnDemandLimits;
  readonly #allowed: LRUCache<string, true>;
  /** Why names are refused for a while. */
  readonly #refusals: LRUCache<string, { readonly error: unknown }>;
  readonly #domains: Counts;
  readonly #addresses: Counts;
  readonly #running = new Map<string, Promise<void>>();

  constructor(options: OnDemandOptions) {
    this.#options = options;
    this.#limits = { ...defaults, ...options.limits };
    // The cache takes a time of 0 for none.
    const perf = { now: () => 1 + options.clock.monotonic() };
    const bounded = { max: remembered, perf, ttlResolution: 0 };
    this.#allowed = new LRUCache({ ...bounded, ttl: allowedMs });
    this.#refusals = new LRUCache(bounded);
    this.#domains = new Counts(this.#limits.perDomain, options.clock);
    this.#addresses = new Counts(this.#limits.perAddress, options.clock);
  }

  /**
   * Obtains a certificate for a name if that is permitted. A failure counts for a while: it is thrown
   * again without another try.
   * @throws HttpsError `ERR_HTTPS_NOT_PERMITTED`, `ERR_HTTPS_LIMIT`, `ERR_HTTPS_TIMEOUT`; what `allow`
   * and the order throw
   */
  async obtain(name: string, remoteAddress: string | undefined): Promise<void> {
    const running = this.#running.get(name);
    if (running) return await running;
    const refusal = this.#refusals.get(name);
    if (refusal) throw refusal.error;
    // Before `allow` is called, which may cost something.
    if (
      this.#running.size >= this.#limits.atOnce ||
      !this.#addresses.take(networkOf(remoteAddress ?? ''), name)
    )
      throw this.#limited(name);
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
      if (!this.#allowed.has(name)) await this.#ask(name, remoteAddress);
      const { registeredDomain } = await loadRegisteredDomain();
      if (!this.#domains.take(registeredDomain(name), name)) throw tooMany(name);
      await this.#options.obtain(name);
    } catch (error) {
      const ttl = errorCode(error) === 'ERR_HTTPS_NOT_PERMITTED' ? refusedMs : failedMs;
      this.#refusals.set(name, { error }, { ttl });
      this.#options.onError(error);
      throw error;
    }
  }

  /** Returns the refusal of a name that no answer is asked for; many of them are reported once. */
  #limited(name: string): HttpsError {
    const error = tooMany(name);
    if (!this.#refusals.has(limitReport)) this.#options.onError(error);
    this.#refusals.set(limitReport, { error }, { ttl: failedMs });
    return error;
  }

  async #ask(name: string, remoteAddress: string | undefined): Promise<void> {
    const { allow, clock } = this.#options;
    const stop = new AbortController();
    const asked = (async () => await allow({ name, remoteAddress, signal: stop.signal }))();
    const isInTime = await settledWithin(answerLimit, [asked], clock);
    stop.abort();
    if (!isInTime)
      throw new HttpsError(
        'ERR_HTTPS_TIMEOUT',
        `allow has not answered within ${answerLimit.seconds} seconds for ${name}`,
      );
    // Anything but true is a refusal.
    if ((await asked) !== true) throw notPermitted(name);
    this.#allowed.set(name, true);
  }
}

/** Counts the names of the last hour, for many subjects. */
class Counts {
  readonly #limit: number;
  readonly #clock: Clock;
  readonly #names = new LRUCache<string, ReadonlyMap<string, number>>({ max: remembered });

  constructor(limit: number, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
  }

  /** Counts a name, unless there were too many. One that fails and is tried again counts once. */
  take(subject: string, name: string): boolean {
    const now = this.#clock.monotonic();
    const recent = new Map(
      [...(this.#names.get(subject) ?? [])].filter(([, at]) => now - at < hourMs),
    );
    if (!recent.has(name) && recent.size >= this.#limit) return false;
    if (!recent.has(name)) recent.set(name, now);
    this.#names.set(subject, recent);
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
