import { boundedRetryAfter } from '@acmex/clock';
import { Temporal } from 'temporal-polyfill';
import {
  type CertificateSummary,
  type CurrentCertificate,
  isDue,
  type RenewalPlan,
} from './certificate-record.ts';
import type { ReadFailure } from './failure.ts';
import type { RenewalInfo } from './issuer.ts';
import { certificatesInUse } from './key-pair.ts';
import type { OrderCause } from './order-record.ts';
import {
  isAfterExpiry,
  randomOf,
  type RenewalPolicy,
  renewalTime,
  type RenewalTimeOptions,
  type Validity,
  validityOf,
  windowedRetry,
} from './renewal-time.ts';

/** The CA is not asked for its window more often, whatever it allows. RFC 9773 §4.3.1 */
const shortestAskIntervalMs = 60_000;
/** How soon the CA is asked again when it has not answered. RFC 9773 §4.3.3 */
const failedAskIntervalMs = 6 * 3_600_000;

/** What a CA has answered when it was asked for its window; undefined where it has none. */
export type WindowAnswer = RenewalInfo | { readonly failed: ReadFailure } | undefined;

/**
 * Returns the plan of a renewal after the CA was asked for its window. It stays where the CA has not
 * answered, and where a certificate was found revoked.
 */
export function renewalPlanAfter(
  answer: WindowAnswer,
  { current, renewal }: Pick<CertificateSummary, 'current' | 'renewal'>,
  { now, ...policy }: RenewalPolicy & { readonly now: Temporal.Instant },
): CertificateSummary['renewal'] {
  if (!current || !renewal || answer === undefined || renewal.cause === 'revoked')
    return renewal && { ...renewal, askAt: undefined };
  const validity = validityOf(current);
  if ('failed' in answer) return { ...renewal, askAt: askAgainAfter(answer.failed, current, now) };
  const { window, explanationUrl, askAgainAt } = answer;
  const plan = {
    at: renewalTime(validity, {
      ...policy,
      window,
      random: randomOf(current.serialNumber),
      now,
    }).toString(),
    askAt: atLeast(boundedRetryAfter(askAgainAt, { now }), now),
  };
  const stored = { start: window.start.toString(), end: window.end.toString() };
  if (isAfterExpiry(window, validity)) return { ...plan, ignoredWindow: stored };
  // Each new certificate would be due at once if the CA's windows were always over: such a window
  // does not move the plan, unless the plan follows an earlier window of the CA.
  const age = now.epochMilliseconds - Date.parse(current.issuedAt);
  const isYoung = age < lifetimeMs(validity) / 20;
  const isFollowed = Date.parse(renewal.at) <= Date.parse(renewal.window?.end ?? '');
  const isOver = isDue(plan.at, now) && current.generation > 1;
  return {
    ...plan,
    at: isYoung && isOver && !isFollowed ? renewal.at : plan.at,
    window: stored,
    explanationUrl,
  };
}

/**
 * Returns the plan of a renewal by another policy. It stays where a certificate was found revoked.
 */
export function renewalPlanWith(
  policy: RenewalPolicy & { readonly now: Temporal.Instant },
  { current, renewal }: Pick<CertificateSummary, 'current' | 'renewal'>,
): CertificateSummary['renewal'] {
  if (!current || !renewal || renewal.cause === 'revoked') return renewal;
  const at = earliest(current, (each) =>
    renewalTime(validityOf(each), { ...policy, ...ofPlan(each, renewal) }),
  );
  return { ...renewal, at: at.toString() };
}

/** Returns the earliest of the moments of the certificates in use. */
function earliest(
  current: CurrentCertificate,
  momentOf: (certificate: CurrentCertificate) => Temporal.Instant,
): Temporal.Instant {
  return certificatesInUse(current)
    .map(momentOf)
    .reduce((first, next) => (Temporal.Instant.compare(next, first) < 0 ? next : first));
}

/**
 * Returns the plan of a renewal after the CA was asked for the window of each certificate of a pair:
 * the earliest.
 * @param answers in the order of `certificatesInUse`
 */
export function renewalPlanAfterAll(
  answers: readonly WindowAnswer[],
  { current, renewal }: Pick<CertificateSummary, 'current' | 'renewal'>,
  options: Parameters<typeof renewalPlanAfter>[2],
): CertificateSummary['renewal'] {
  if (!current) return renewalPlanAfter(answers[0], { current, renewal }, options);
  const [plan, ...later] = certificatesInUse(current)
    .map((each, index) => renewalPlanAfter(answers[index], { current: each, renewal }, options))
    .filter((each) => each !== undefined)
    .sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  if (!plan) return undefined;
  const asked = [plan, ...later].flatMap(({ askAt }) => (askAt === undefined ? [] : [askAt]));
  return { ...plan, askAt: asked.sort((a, b) => Date.parse(a) - Date.parse(b))[0] };
}

/** Whether an order renews a certificate because its time has come. */
export function isRenewal(cause: OrderCause | undefined): boolean {
  return cause === 'renewal' || cause === 'suggested';
}

/**
 * Returns when a renewal that is due at a moment may begin: then, or in the next maintenance window if
 * it is not urgent before that.
 */
export function renewableAt(
  moment: Temporal.Instant,
  { current, renewal }: Pick<CertificateSummary, 'current' | 'renewal'>,
  policy: RenewalPolicy,
): Temporal.Instant {
  if (!current || !renewal || renewal.cause === 'revoked') return moment;
  return earliest(current, (each) =>
    windowedRetry(moment, validityOf(each), { ...policy, ...ofPlan(each, renewal) }),
  );
}

/** Returns what a plan says of the time of the renewal. */
function ofPlan(
  current: CurrentCertificate,
  renewal: RenewalPlan,
): Pick<RenewalTimeOptions, 'window' | 'random'> {
  const window = renewal.window && {
    start: Temporal.Instant.from(renewal.window.start),
    end: Temporal.Instant.from(renewal.window.end),
  };
  return { window, random: randomOf(current.serialNumber) };
}

/** Returns when to ask for the window again after a failure, RFC 3339. */
function askAgainAfter(
  { retryAfter }: ReadFailure,
  current: CurrentCertificate,
  now: Temporal.Instant,
): string {
  const pause = Math.min(failedAskIntervalMs, lifetimeMs(validityOf(current)) / 20);
  const usual = now.add({ milliseconds: Math.floor(pause) });
  const allowed = boundedRetryAfter(retryAfter ?? now, { now });
  return atLeast(allowed.epochMilliseconds > usual.epochMilliseconds ? allowed : usual, now);
}

/** Returns the moment, or a minute from now if that is later; RFC 3339. */
function atLeast(moment: Temporal.Instant, now: Temporal.Instant): string {
  const earliest = now.epochMilliseconds + shortestAskIntervalMs;
  return new Date(Math.max(moment.epochMilliseconds, earliest)).toISOString();
}

function lifetimeMs({ notBefore, notAfter }: Validity): number {
  return notAfter.epochMilliseconds - notBefore.epochMilliseconds;
}
