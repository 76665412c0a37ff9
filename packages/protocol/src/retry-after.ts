import { parseRetryAfter } from '@acmex/clock';
import { Temporal } from 'temporal-polyfill';
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

/** Returns the latest of the moments, RFC 3339, that a CA named in several answers. */
export function latestMoment(moments: readonly (string | undefined)[]): string | undefined {
  return moments
    .filter((moment) => moment !== undefined)
    .sort((a, b) => Temporal.Instant.compare(a, b))
    .at(-1);
}

const longestPauseMs = 60_000;

/**
 * Decides when to send a refused request again in the same run: at the moment that the CA names if
 * it is within a minute, and not in this run if it is later.
 * @returns true if the CA names none: the caller's own pause
 */
export function repeatAt(
  moment: Temporal.Instant | undefined,
  now: Temporal.Instant,
): boolean | Temporal.Instant {
  if (!moment) return true;
  return moment.epochMilliseconds - now.epochMilliseconds <= longestPauseMs && moment;
}
