import { createHash } from 'node:crypto';
import { type DurationInput, milliseconds } from '@acmex/clock';
import { Temporal } from 'temporal-polyfill';

/** From when to when a certificate is valid. */
export interface Validity {
  readonly notBefore: Temporal.Instant;
  readonly notAfter: Temporal.Instant;
}

/** What the CA suggests. RFC 9773 §4.2 */
export interface SuggestedWindow {
  readonly start: Temporal.Instant;
  readonly end: Temporal.Instant;
}

export interface RenewalTimeOptions {
  /** The CA's own word, which goes before all rules of ours. */
  readonly window?: SuggestedWindow | undefined;
  /** Renew no later than this long before the end; half the lifetime at most. */
  readonly renewBefore?: DurationInput | undefined;
  /** From 0 up to 1, the same for a certificate at each call, so that its time does not move about. */
  readonly random: number;
}

const shortLived = milliseconds({ hours: 10 * 24 });

/**
 * When to renew: at a random moment of the window that the CA suggests; without one when a third of the lifetime is left, of
 * certificates that live less than ten days half, earlier by up to a fiftieth of the lifetime, so that what was issued together
 * is not renewed together. It depends on the certificate and the CA alone, never on what was tried before.
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
  const left = lifetime < shortLived ? lifetime / 2 : lifetime / 3;
  return notAfter.epochMilliseconds - left - random * (lifetime / 50);
}

/** RFC 9773 §4.2: "Select a uniform random time within the suggested window." */
function within({ start, end }: SuggestedWindow, random: number): number {
  return (
    start.epochMilliseconds + random * Math.max(0, end.epochMilliseconds - start.epochMilliseconds)
  );
}

/** How long to wait after a failure. */
export interface RetryOptions {
  /** How often it failed in a row; 1 after the first time. */
  readonly failures: number;
  /** Of the certificate, or of the one that is to come: 90 days where nobody knows. */
  readonly lifetime: DurationInput;
  /** When the CA wants to be asked again. */
  readonly retryAfter?: Temporal.Instant | undefined;
  readonly now: Temporal.Instant;
  /** From 0 up to 1. */
  readonly random: number;
}

/**
 * When to try again: after a minute at first, or a hundredth of the lifetime where that is less, then twice as long each time, to
 * a day, or a tenth of the lifetime; up to a quarter longer by chance. Never before the CA's own word. It never ends.
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

/** How much it hurries. */
export type Urgency = 'expired' | 'emergency' | 'due' | 'current';

/** `emergency` when a twentieth of the lifetime is left. */
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

/** A number from 0 up to 1 that is the same for the same text, and otherwise by chance: so that a time does not move about. */
export function randomOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE() / 2 ** 32;
}
