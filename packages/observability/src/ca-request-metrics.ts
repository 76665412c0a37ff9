import type { AcmeExchange } from '@acmex/protocol';
import type { Metrics } from './metrics.ts';

/**
 * Adds the metrics of requests to CAs.
 * @returns counts a request, for `onExchange` of a certificate manager
 */
export function caRequestMetrics(
  metrics: Metrics,
): (exchange: AcmeExchange, issuer: string) => void {
  const requests = metrics.counter('ca_requests_total');
  const durations = metrics.histogram('ca_request_duration_seconds');
  const limited = metrics.gauge('ca_limited_until_timestamp_seconds');
  return ({ operation, problem = 'none', milliseconds, retryAfter }, issuer) => {
    requests.inc({ issuer, operation, problem });
    durations.observe({ issuer, operation }, milliseconds / 1000);
    if (problem === 'rateLimited' && retryAfter)
      limited.set({ issuer }, retryAfter.epochMilliseconds / 1000);
  };
}
