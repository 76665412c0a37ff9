import { parseRetryAfter } from '@acmex/clock';
import type { Temporal } from 'temporal-polyfill';
import type { HttpHeaders } from './http.ts';

/**
 * When the CA wants to be asked again: `Retry-After` in seconds or as an HTTP date. RFC 9110
 * §10.2.3. The caller decides how long to obey it: `boundedRetryAfter` of `@acmex/clock`.
 * @returns undefined when the header is absent or means nothing
 */
export function retryAfter(
  headers: HttpHeaders,
  now: Temporal.Instant,
): Temporal.Instant | undefined {
  return parseRetryAfter(headers.get('retry-after'), now);
}
