import { type Bucket, type CaLimits, type Endpoint, take, when } from '@acmex/budgets';
import type { Clock } from '@acmex/clock';
import type { RequestPace } from '@acmex/protocol';
import { type LimitedIssuer, limitsOf } from './issuer-budget.ts';

/**
 * Returns what waits before each request to a CA until its limits of requests allow it. A CA counts
 * them for an address: all accounts of this process share what is returned, and other processes of
 * the host are not seen. A request too many is answered with 503, after which it is sent again.
 */
export function requestPace(limits: NonNullable<CaLimits['requests']>, clock: Clock): RequestPace {
  const buckets = new Map<Endpoint, Bucket>();
  return async (operation, { signal }) => {
    const endpoint = Object.hasOwn(limits, operation) ? (operation as Endpoint) : 'rest';
    const limit = limits[endpoint];
    for (;;) {
      signal?.throwIfAborted();
      const now = clock.monotonic();
      const bucket = buckets.get(endpoint);
      const taken = take(bucket, limit, now);
      if (taken) return void buckets.set(endpoint, taken);
      const milliseconds = Math.ceil(when(bucket, limit, now) - now);
      await clock.sleep({ milliseconds }, { signal });
    }
  };
}

/** Returns the pace of each issuer; undefined for a CA whose limits of requests are not known. */
export function requestPaces(clock: Clock): (issuer: LimitedIssuer) => RequestPace | undefined {
  const paces = new Map<string, RequestPace>();
  return (issuer) => {
    const limits = limitsOf(issuer)?.requests;
    const known = paces.get(issuer.directory);
    if (known || !limits) return known;
    const pace = requestPace(limits, clock);
    paces.set(issuer.directory, pace);
    return pace;
  };
}
