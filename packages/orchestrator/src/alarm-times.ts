import { expiryOf } from './expiry.ts';

/** The alarms of a certificate that are reported and not resolved. */
export interface ReportedAlarms {
  /** The generation that they are about; 0 before the first certificate. */
  readonly generation: number;
  /** How many thresholds before the expiry were reported; absent for none. */
  readonly expiring?: number | undefined;
  /** From when the renewal counted as late, RFC 3339; absent if it was not reported. */
  readonly late?: string | undefined;
}

/** What the alarms of a certificate depend on. */
interface WatchedCertificate {
  readonly createdAt: string;
  readonly paused: boolean;
  readonly retiredAt?: string | undefined;
  readonly current?: CertificateTimes | undefined;
  readonly renewal?: { readonly at: string; readonly cause?: 'revoked' | undefined } | undefined;
  readonly expiryReported?: boolean | undefined;
  readonly alarms?: ReportedAlarms | undefined;
}

interface CertificateTimes {
  readonly generation: number;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly second?: { readonly notAfter: string } | undefined;
  readonly issuedAt: string;
  readonly revokedAt?: string | undefined;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Days before the expiry. For a lifetime below 42 days they shrink with it. */
const thresholdDays = [14, 7, 3, 1] as const;
const [firstThresholdDays] = thresholdDays;
/** How long after its time a renewal counts as late, at most. */
const longestMarginMs = 3 * dayMs;

/**
 * Returns the moments at which the approaching expiry is reported, in milliseconds: 14, 7, 3 and 1
 * days before it, or parts of the last third of a lifetime below 42 days. None is before a planned
 * renewal counts as late: a late renewal by choice is not an alarm. A certificate that is retired is
 * not missed.
 */
export function expiryThresholds(summary: WatchedCertificate): readonly number[] {
  const { current, renewal, retiredAt } = summary;
  if (!current || retiredAt !== undefined || (current.revokedAt !== undefined && !renewal))
    return [];
  const end = Date.parse(expiryOf(current));
  const third = lifetimeMs(current) / 3;
  const late = lateAt(summary);
  const earliest = late === undefined || late >= end ? -Infinity : late;
  return thresholdDays.map((days) => {
    const before = Math.min(days * dayMs, (third * days) / firstThresholdDays);
    return Math.max(end - before, earliest);
  });
}

/**
 * Returns when the renewal, or the first order, counts as late, in milliseconds: a thirtieth of the
 * lifetime after its time, three days at most, and never past the middle of what was left then. A
 * first order is late after a day, the renewal of a revoked certificate after an hour.
 */
export function lateAt(summary: WatchedCertificate): number | undefined {
  const { paused, current, renewal, createdAt } = summary;
  if (paused) return undefined;
  if (!current) return Date.parse(createdAt) + dayMs;
  if (!renewal) return undefined;
  const planned = Date.parse(renewal.at);
  const left = Math.max(0, Date.parse(expiryOf(current)) - planned);
  const margin = Math.min(longestMarginMs, lifetimeMs(current) / 30, left / 2);
  return planned + (renewal.cause === 'revoked' ? Math.min(margin, hourMs) : margin);
}

/** Returns whether the renewal, or the first order, of a certificate is late. */
export function isLate(
  certificate: WatchedCertificate,
  clock: { now(): { readonly epochMilliseconds: number } },
): boolean {
  const late = lateAt(certificate);
  return late !== undefined && late <= clock.now().epochMilliseconds;
}

/** Returns when the alarms of a certificate must be looked at next, RFC 3339; undefined for never. */
export function alarmAt(summary: WatchedCertificate): string | undefined {
  const { current, alarms, expiryReported } = summary;
  const reported = alarmsOfPresent(summary);
  // What was reported of an earlier generation, or by an earlier plan, may be resolved now.
  const isChanged = alarms !== undefined && (!reported || isPlanChanged(summary, reported));
  if (isChanged) return current?.issuedAt ?? summary.createdAt;
  const late = reported?.late === undefined ? lateAt(summary) : undefined;
  const moments = [
    ...expiryThresholds(summary).slice(reported?.expiring ?? 0),
    ...(late === undefined ? [] : [late]),
    ...(current && !expiryReported ? [Date.parse(expiryOf(current))] : []),
  ];
  return moments.length === 0 ? undefined : iso(Math.min(...moments));
}

/** Returns what is to be reported of a certificate at a moment, in milliseconds. */
export function alarmsAt(summary: WatchedCertificate, nowMs: number): ReportedAlarms | undefined {
  const passed = expiryThresholds(summary).filter((moment) => moment <= nowMs).length;
  const expiring = Math.max(passed, alarmsOfPresent(summary)?.expiring ?? 0);
  const late = lateAt(summary);
  const isLate = late !== undefined && late <= nowMs;
  if (expiring === 0 && !isLate) return undefined;
  return {
    generation: summary.current?.generation ?? 0,
    ...(expiring > 0 ? { expiring } : {}),
    ...(isLate ? { late: iso(late) } : {}),
  };
}

/** Returns what was reported of the generation in use. */
export function alarmsOfPresent({
  alarms,
  current,
}: WatchedCertificate): ReportedAlarms | undefined {
  return alarms?.generation === (current?.generation ?? 0) ? alarms : undefined;
}

function isPlanChanged(summary: WatchedCertificate, { late }: ReportedAlarms): boolean {
  if (late === undefined) return false;
  const present = lateAt(summary);
  return present === undefined || iso(present) !== late;
}

function lifetimeMs({ notBefore, notAfter }: CertificateTimes): number {
  return Math.max(0, Date.parse(notAfter) - Date.parse(notBefore));
}

const iso = (milliseconds: number) => new Date(Math.ceil(milliseconds)).toISOString();
