import { createHash } from 'node:crypto';
import { type DurationInput, milliseconds } from '@acmex/clock';
import { Temporal } from 'temporal-polyfill';

/** The validity of a certificate. */
export interface Validity {
  readonly notBefore: Temporal.Instant;
  readonly notAfter: Temporal.Instant;
}

/** The renewal window that the CA suggests. RFC 9773 §4.2 */
export interface SuggestedWindow {
  readonly start: Temporal.Instant;
  readonly end: Temporal.Instant;
}

export interface RenewalTimeOptions {
  /** The CA's window, which takes precedence over all other rules. */
  readonly window?: SuggestedWindow | undefined;
  /** Renew at the latest this long before expiry; half the lifetime at most. */
  readonly renewBefore?: DurationInput | undefined;
  /** From 0 up to 1, the same for a certificate at each call, so that its time does not change. */
  readonly random: number;
}

const shortLivedMs = milliseconds({ hours: 10 * 24 });

/**
 * Returns when to renew: at a random moment of the window that the CA suggests. Without a window,
 * when a third of the lifetime is left, or half for lifetimes of less than ten days; and up to a
 * fiftieth of the lifetime earlier, so that certificates that were issued together are not renewed
 * together. It depends only on the certificate and the CA, never on earlier tries.
 */
export function renewalTime(
  { notBefore, notAfter }: Validity,
  { window, renewBefore, random }: RenewalTimeOptions,
): Temporal.Instant {
  const lifetime = Math.max(0, notAfter.epochMilliseconds - notBefore.epochMilliseconds);
  const latest =
    renewBefore === undefined
      ? Infinity
      : notAfter.epochMilliseconds - Math.min(milliseconds(renewBefore), lifetime / 2);
  const usual =
    window === undefined ? byLifetime(notAfter, lifetime, random) : within(window, random);
  return Temporal.Instant.fromEpochMilliseconds(Math.floor(Math.min(usual, latest)));
}

function byLifetime(notAfter: Temporal.Instant, lifetime: number, random: number): number {
  const left = lifetime < shortLivedMs ? lifetime / 2 : lifetime / 3;
  return notAfter.epochMilliseconds - left - random * (lifetime / 50);
}

/** RFC 9773 §4.2: "Select a uniform random time within the suggested window." */
function within({ start, end }: SuggestedWindow, random: number): number {
  return (
    start.epochMilliseconds + random * Math.max(0, end.epochMilliseconds - start.epochMilliseconds)
  );
}

/** What decides how long to wait after a failure. */
export interface RetryOptions {
  /** The number of failures in a row; 1 after the first. */
  readonly failures: number;
  /** The lifetime of the certificate; 90 days if it is not known. */
  readonly lifetime: DurationInput;
  /** When the CA allows another try. */
  readonly retryAfter?: Temporal.Instant | undefined;
  readonly now: Temporal.Instant;
  /** From 0 up to 1. */
  readonly random: number;
}

/**
 * Returns when to try again: after a minute, or a hundredth of the lifetime if that is less, then
 * twice as long each time, up to a day, or a tenth of the lifetime if that is less. A random part
 * of up to a quarter is added. It is never before the time that the CA names. There is no last try.
 */
export function retryTime({
  failures,
  lifetime,
  retryAfter,
  now,
  random,
}: RetryOptions): Temporal.Instant {
  const life = milliseconds(lifetime);
  const first = Math.min(60_000, life / 100);
  const longest = Math.min(86_400_000, life / 10);
  const pause = Math.min(longest, first * 2 ** Math.min(failures - 1, 30)) * (1 + random / 4);
  const time = now.epochMilliseconds + Math.ceil(pause);
  return Temporal.Instant.fromEpochMilliseconds(Math.max(time, retryAfter?.epochMilliseconds ?? 0));
}

/** How urgent a renewal is. */
export type Urgency = 'expired' | 'emergency' | 'due' | 'current';

/** Returns how urgent a renewal is: `emergency` when a twentieth of the lifetime is left. */
export function urgency(
  { notBefore, notAfter }: Validity,
  renewAt: Temporal.Instant,
  now: Temporal.Instant,
): Urgency {
  const left = notAfter.epochMilliseconds - now.epochMilliseconds;
  if (left <= 0) return 'expired';
  if (left <= (notAfter.epochMilliseconds - notBefore.epochMilliseconds) / 20) return 'emergency';
  return Temporal.Instant.compare(renewAt, now) <= 0 ? 'due' : 'current';
}

/** Returns a number from 0 up to 1 that depends only on the text, as if it were random. */
export function randomOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE() / 2 ** 32;
}
