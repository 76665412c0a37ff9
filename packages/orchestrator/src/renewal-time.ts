import { createHash } from 'node:crypto';
import { boundedRetryAfter, type DurationInput, milliseconds } from '@acmex/clock';
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

/** Reads the validity of a certificate from its record, RFC 3339. */
export function validityOf({
  notBefore,
  notAfter,
}: {
  readonly notBefore: string;
  readonly notAfter: string;
}) {
  return { notBefore: Temporal.Instant.from(notBefore), notAfter: Temporal.Instant.from(notAfter) };
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
/** When less than this share of the lifetime is left, a renewal is an emergency. */
const emergencyShare = 1 / 20;

/**
 * Returns when to renew: at a random moment of the window that the CA suggests, but before a
 * twentieth of the lifetime is left, so that there is time to try again. Without a window, or with
 * one that begins after the certificate has expired, when a third of the lifetime is left, or half
 * for lifetimes of less than ten days; and up to a fiftieth of the lifetime earlier, so that
 * certificates that were issued together are not renewed together. It depends only on the
 * certificate and the CA, never on earlier tries.
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
    window === undefined || isAfterExpiry(window, { notAfter })
      ? byLifetime(notAfter, lifetime, random)
      : within(window, {
          random,
          latest: notAfter.epochMilliseconds - lifetime * emergencyShare,
        });
  return Temporal.Instant.fromEpochMilliseconds(Math.floor(Math.min(usual, latest)));
}

/** Whether a window begins when the certificate has already expired: it is of no use. */
export function isAfterExpiry(
  { start }: SuggestedWindow,
  { notAfter }: Pick<Validity, 'notAfter'>,
): boolean {
  return start.epochMilliseconds >= notAfter.epochMilliseconds;
}

function byLifetime(notAfter: Temporal.Instant, lifetime: number, random: number): number {
  const left = lifetime < shortLivedMs ? lifetime / 2 : lifetime / 3;
  return notAfter.epochMilliseconds - left - random * (lifetime / 50);
}

/** RFC 9773 §4.2: "Select a uniform random time within the suggested window." */
function within(
  { start, end }: SuggestedWindow,
  { random, latest }: { readonly random: number; readonly latest: number },
): number {
  const from = Math.min(start.epochMilliseconds, latest);
  const to = Math.min(end.epochMilliseconds, latest);
  return from + random * Math.max(0, to - from);
}

/** What decides how long to wait after a failure. */
export interface RetryOptions {
  /** The number of failures in a row; 1 after the first. */
  readonly failures: number;
  /**
   * How many issued certificates in a row could not be used; 0 by default. Each further try costs
   * the CA another certificate.
   */
  readonly refused?: number | undefined;
  /** The lifetime of the certificate; 90 days if it is not known. */
  readonly lifetime: DurationInput;
  /** When the CA allows another try. */
  readonly retryAfter?: Temporal.Instant | undefined;
  /** When the certificate in use expires, if there is one. */
  readonly end?: Temporal.Instant | undefined;
  readonly now: Temporal.Instant;
  /** From 0 up to 1. */
  readonly random: number;
}

/**
 * Returns when to try again: after a minute, or a hundredth of the lifetime if that is less, then
 * twice as long each time, up to a day, or a tenth of the lifetime if that is less. A random part
 * of up to a quarter is added. It is not before the time that the CA names, of which a day counts
 * at most. It is never later than when half of the time until the expiry has passed, so that the
 * certificate does not expire while the CA would issue. There is no last try.
 *
 * After an issued certificate that cannot be used, the pause is a day, or a tenth of the lifetime if
 * that is less, twice as long after each further one, and never shorter: a CA that continues like this
 * issues only a few.
 */
export function retryTime({
  failures,
  refused = 0,
  lifetime,
  ...timing
}: RetryOptions): Temporal.Instant {
  const { retryAfter, end, now, random } = timing;
  const life = milliseconds(lifetime);
  const longest = Math.min(86_400_000, life / 10);
  const first = refused > 0 ? longest : Math.min(60_000, life / 100);
  const doubled =
    refused > 0
      ? longest * 2 ** Math.min(refused - 1, 10)
      : Math.min(longest, first * 2 ** Math.min(failures - 1, 30));
  const usual = doubled * (1 + random / 4);
  const left = end === undefined ? 0 : end.epochMilliseconds - now.epochMilliseconds;
  const pause = left > 0 ? Math.min(usual, Math.max(first, left / 2)) : usual;
  const allowed = boundedRetryAfter(retryAfter ?? now, { now, end });
  const time = now.epochMilliseconds + Math.ceil(pause);
  return Temporal.Instant.fromEpochMilliseconds(Math.max(time, allowed.epochMilliseconds));
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
  const lifetime = notAfter.epochMilliseconds - notBefore.epochMilliseconds;
  if (left <= lifetime * emergencyShare) return 'emergency';
  return Temporal.Instant.compare(renewAt, now) <= 0 ? 'due' : 'current';
}

/** Returns a number from 0 up to 1 that depends only on the text, as if it were random. */
export function randomOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE() / 2 ** 32;
}
