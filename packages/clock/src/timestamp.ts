import type { Temporal } from 'temporal-polyfill';

/**
 * Returns a moment in UTC as RFC 3339 §5.6 writes it, without zeros at its end:
 * `2026-11-01T00:00:00.25Z`. This is what `Temporal.Instant.toString` returns, in a small part of its
 * time for a moment of whole milliseconds, as a clock has it.
 */
export function timestamp(moment: Temporal.Instant): string {
  const { epochMilliseconds, epochNanoseconds } = moment;
  if (epochNanoseconds !== BigInt(epochMilliseconds) * 1_000_000n) return moment.toString();
  return new Date(epochMilliseconds).toISOString().replace(/\.?0{1,3}Z$/, 'Z');
}
