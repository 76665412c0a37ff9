import { createHash } from 'node:crypto';
import {
  boundedRetryAfter,
  type DurationInput,
  firstOccurrence,
  isInWindow,
  lastOccurrence,
  milliseconds,
  type Occurrence,
  parseWeeklyWindow,
  type WeeklyWindow,
} from '@acmex/clock';
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

/** When renewals are wanted. */
export interface RenewalPolicy {
  /** Renew at the latest this long before expiry; half the lifetime at most. */
  readonly renewBefore?: DurationInput | undefined;
  /** Renew only in these: see `parseWeeklyWindow` of `@acmex/clock`. At any time by default. */
  readonly maintenanceWindows?: readonly string[] | undefined;
}

/** Returns the policy of a certificate, whose values take the place of the general ones. */
export function policyOf(certificate: RenewalPolicy, general: RenewalPolicy): RenewalPolicy {
  return {
    renewBefore: certificate.renewBefore ?? general.renewBefore,
    maintenanceWindows: certificate.maintenanceWindows ?? general.maintenanceWindows,
  };
}

export interface RenewalTimeOptions extends RenewalPolicy {
  /** The CA's window, which takes precedence over all other rules. */
  readonly window?: SuggestedWindow | undefined;
  /** From 0 up to 1, the same for a certificate at each call, so that its time does not change. */
  readonly random: number;
  /** When the plan is made: a maintenance window that is over then does not count. */
  readonly now?: Temporal.Instant | undefined;
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
 *
 * With maintenance windows, it is a random moment of the last one before that time, or before the end
 * of the CA's window, in the later half of the time since the issue. Without such a window it is in
 * the first one before the renewal is urgent (see `urgentAt`), and without that outside of them.
 */
export function renewalTime(validity: Validity, options: RenewalTimeOptions): Temporal.Instant {
  const { random, now } = options;
  const { notBefore, notAfter } = validity;
  const lifetime = lifetimeOf(validity);
  const window = usableWindow(validity, options);
  const usual = window
    ? within(window, { random, latest: emergencyAt(validity) })
    : byLifetime(notAfter, lifetime, random);
  const planned = Math.min(usual, latestBy(validity, options));
  const windows = maintenanceWindows(options.maintenanceWindows);
  if (windows.length === 0) return Temporal.Instant.fromEpochMilliseconds(Math.floor(planned));
  const urgent = urgentAt(validity, options);
  const latest = window ? urgent : planned;
  const begin = notBefore.epochMilliseconds;
  const at = inMaintenanceWindow(planned, {
    ...{ windows, random, urgent, now: now?.epochMilliseconds },
    preferred: { begin: begin + (latest - begin) / 2, end: latest },
  });
  return Temporal.Instant.fromEpochMilliseconds(Math.floor(at));
}

/**
 * Returns from when a renewal does not wait for a maintenance window, in milliseconds: at the end of
 * the CA's window, when `renewBefore` says, and when a twentieth of the lifetime is left.
 */
function urgentAt(
  validity: Validity,
  options: Pick<RenewalTimeOptions, 'window' | 'renewBefore'>,
): number {
  const end = usableWindow(validity, options)?.end.epochMilliseconds ?? Infinity;
  return Math.min(end, emergencyAt(validity), latestBy(validity, options));
}

/** Reads the windows of a record; one that this version cannot read does not count. */
export function maintenanceWindows(texts: readonly string[] = []): readonly WeeklyWindow[] {
  return texts.flatMap((text) => parseWeeklyWindow(text) ?? []);
}

/** Returns the planned time, or one in a maintenance window instead of it, in milliseconds. */
function inMaintenanceWindow(
  planned: number,
  {
    windows,
    preferred,
    urgent,
    now = -Infinity,
    random,
  }: Pick<RenewalTimeOptions, 'random'> & {
    readonly windows: readonly WeeklyWindow[];
    readonly preferred: Occurrence;
    readonly urgent: number;
    readonly now: number | undefined;
  },
): number {
  const occurrence =
    lastOccurrence(windows, preferred) ??
    firstOccurrence(windows, { begin: preferred.end, end: urgent });
  const at = occurrence ? momentIn(occurrence, random) : planned;
  if (at > now || isInWindow(windows, now)) return at;
  const next = firstOccurrence(windows, { begin: now, end: urgent });
  return next ? momentIn(next, random) : planned;
}

/** The last part is left, so that what begins in the window has time. */
function momentIn({ begin, end }: Occurrence, random: number): number {
  return begin + random * (end - begin) * 0.9;
}

/**
 * Returns when a renewal may be tried that is due at a moment: then, or in the next maintenance window
 * if it is not urgent before that.
 */
export function windowedRetry(
  moment: Temporal.Instant,
  validity: Validity,
  options: Omit<RenewalTimeOptions, 'now'>,
): Temporal.Instant {
  const windows = maintenanceWindows(options.maintenanceWindows);
  const begin = moment.epochMilliseconds;
  if (isInWindow(windows, begin)) return moment;
  const next = firstOccurrence(windows, { begin, end: urgentAt(validity, options) });
  return next
    ? Temporal.Instant.fromEpochMilliseconds(Math.ceil(momentIn(next, options.random)))
    : moment;
}

function lifetimeOf({ notBefore, notAfter }: Validity): number {
  return Math.max(0, notAfter.epochMilliseconds - notBefore.epochMilliseconds);
}

/** When a renewal is an emergency, in milliseconds. */
function emergencyAt(validity: Validity): number {
  return validity.notAfter.epochMilliseconds - lifetimeOf(validity) * emergencyShare;
}

/** The latest time by `renewBefore`, in milliseconds. */
function latestBy(validity: Validity, { renewBefore }: RenewalPolicy): number {
  if (renewBefore === undefined) return Infinity;
  const before = Math.min(milliseconds(renewBefore), lifetimeOf(validity) / 2);
  return validity.notAfter.epochMilliseconds - before;
}

function usableWindow(
  validity: Validity,
  { window }: Pick<RenewalTimeOptions, 'window'>,
): SuggestedWindow | undefined {
  return window && !isAfterExpiry(window, validity) ? window : undefined;
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
