import { Temporal } from 'temporal-polyfill';
import { milliseconds } from './clock.ts';

/** A century: a moment that is further away is of no use, and may not be one that can be written. */
const furthestSeconds = 100 * 366 * 86_400;
const longestWaitMs = milliseconds({ hours: 24 });

/**
 * Reads a `Retry-After` header: a number of seconds, or an HTTP date. RFC 9110 §10.2.3
 *
 * @returns the moment that it names, a century away at most; undefined if the header is absent or
 * cannot be understood
 */
export function parseRetryAfter(
  header: string | null | undefined,
  now: Temporal.Instant,
): Temporal.Instant | undefined {
  const text = header?.trim() ?? '';
  if (/^\d+$/.test(text)) return now.add({ seconds: Math.min(Number(text), furthestSeconds) });
  const date = /^[A-Z][a-z]{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isFinite(date)) return undefined;
  const furthest = now.add({ seconds: furthestSeconds });
  return Temporal.Instant.fromEpochMilliseconds(Math.min(date, furthest.epochMilliseconds));
}

/**
 * Returns how long to obey a server that asks to wait: a day at most, and at most half of the time
 * that is left before an end. So there is always time for further attempts.
 *
 * @param wanted The moment that the server names.
 * @param context `now`: when the server named it. `end`: until when the work must be done; if it has
 * passed, it no longer counts.
 */
export function boundedRetryAfter(
  wanted: Temporal.Instant,
  { now, end }: { readonly now: Temporal.Instant; readonly end?: Temporal.Instant | undefined },
): Temporal.Instant {
  const nowMs = now.epochMilliseconds;
  const leftMs = end === undefined ? 0 : end.epochMilliseconds - nowMs;
  const longest = leftMs > 0 ? Math.min(longestWaitMs, leftMs / 2) : longestWaitMs;
  return Temporal.Instant.fromEpochMilliseconds(
    Math.floor(Math.min(wanted.epochMilliseconds, nowMs + longest)),
  );
}
