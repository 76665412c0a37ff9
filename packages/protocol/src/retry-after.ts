import { Temporal } from 'temporal-polyfill';
import type { HttpHeaders } from './http.ts';

/**
 * When the CA wants to be asked again: `Retry-After` in seconds or as an HTTP date. RFC 9110
 * §10.2.3.
 * @returns undefined when the header is absent or means nothing
 */
export function retryAfter(
  headers: HttpHeaders,
  now: Temporal.Instant,
): Temporal.Instant | undefined {
  const text = headers.get('retry-after')?.trim();
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return now.add({ seconds: Number(text) });
  const date = Date.parse(text);
  return /^[A-Z][a-z]{2}/.test(text) && Number.isFinite(date)
    ? Temporal.Instant.fromEpochMilliseconds(date)
    : undefined;
}
