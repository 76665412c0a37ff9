import { type Clock, type DurationInput, milliseconds, systemClock } from '@acmex/clock';
import { networkOf } from '@acmex/identifier';
import { LRUCache } from 'lru-cache';
import { type Refusal, refusal } from './problems.ts';

/** What is limited: by the address of who asks, or by account. */
export type LimitedAction =
  | 'nonce'
  | 'account'
  | 'order'
  | 'authorization'
  | 'request'
  /** A request without a valid signature. */
  | 'refused-request';

/** Says whether someone may do something once more. */
export interface RateLimiter {
  /**
   * @param by whom: `address 192.0.2.1`, `address 2001:db8:0:1::/64`, `account acc_…`
   * @returns 0 where it may, else after how many seconds it may
   */
  take(action: LimitedAction, by: string): Promise<number>;
}

/** At most `tokens` at once, and so many again within `every`. */
export interface Bucket {
  readonly tokens: number;
  readonly every: DurationInput;
}

export interface TokenBucketsOptions {
  readonly buckets?: Partial<Record<LimitedAction, Bucket>>;
  /**
   * How many are remembered; the one that was not seen for longest is forgotten. 20,000 by default.
   */
  readonly remembered?: number;
  readonly clock?: Clock;
}

const defaults: Record<LimitedAction, Bucket> = {
  nonce: { tokens: 2000, every: { minutes: 1 } },
  account: { tokens: 50, every: { hours: 1 } },
  order: { tokens: 1000, every: { hours: 1 } },
  authorization: { tokens: 1000, every: { hours: 1 } },
  request: { tokens: 5000, every: { minutes: 1 } },
  'refused-request': { tokens: 300, every: { minutes: 1 } },
};

/** Token buckets in memory: each process has its own. */
export function tokenBuckets({
  buckets = {},
  remembered = 20_000,
  clock = systemClock,
}: TokenBucketsOptions = {}): RateLimiter {
  const all = { ...defaults, ...buckets };
  const known = new LRUCache<string, { tokens: number; at: number }>({ max: remembered });
  return {
    async take(action, by) {
      const { tokens, every } = all[action];
      const pace = milliseconds(every) / tokens;
      const now = clock.monotonic();
      const key = `${action} ${by}`;
      const last = known.get(key) ?? { tokens, at: now };
      const left = Math.min(tokens, last.tokens + (now - last.at) / pace);
      known.set(key, { tokens: left < 1 ? left : left - 1, at: now });
      return left < 1 ? Math.ceil(((1 - left) * pace) / 1000) : 0;
    },
  };
}

/** No limits: where something in front of the server has them. */
export function noLimits(): RateLimiter {
  return { take: async () => 0 };
}

/** Returns the client at an address, as a limiter knows it: with its whole network. */
export function clientAt(address: string): string {
  return `address ${networkOf(address)}`;
}

/** Takes one, or refuses with the time to come back, in whole seconds. RFC 8555 §6.6 */
export async function limited(
  limiter: RateLimiter,
  action: LimitedAction,
  by: string,
): Promise<void> {
  const seconds = await limiter.take(action, by);
  if (seconds > 0) throw tooManyRequests(seconds);
}

export function tooManyRequests(
  seconds: number,
  detail = 'too many requests of this kind',
): Refusal {
  return refusal('rateLimited', `${detail}: come back in ${seconds} seconds`, {
    headers: { 'retry-after': String(seconds) },
  });
}
