import { longestWait } from '@acmex/budgets';
import { errorText } from '@acmex/errors';
import { Temporal } from 'temporal-polyfill';
import type { Obstacle } from './breaker.ts';
import {
  type CertificateSummary,
  isOutdated,
  issuersInOrder,
  type Moment,
} from './certificate-record.ts';
import { retryAfterOf } from './failure.ts';
import type { HeldOrder } from './holds.ts';
import type { IssuerStep } from './issuer.ts';
import type { IssuerFault } from './issuer-fault.ts';
import type { OrderAndCertificate } from './order-journal.ts';
import { isOrdered } from './order-record.ts';

/** An attempt to order at one issuer. */
export interface Attempt {
  readonly name: string;
  readonly wanted: HeldOrder;
  /** Why the issuers before it have not issued. */
  readonly failure: AttemptFailure | undefined;
  /** The issuers that have refused this certificate. */
  readonly refusedBy: readonly string[];
  /** Whether the order waits until a time for the budget of this issuer. */
  readonly waitsUntil: (at: Temporal.Instant) => boolean;
}

export interface AttemptFailure {
  readonly issuer: string;
  readonly error: unknown;
  /** Absent where the issuer is not available. */
  readonly fault?: IssuerFault | undefined;
  /** Whether the next issuer is tried. */
  readonly movesOn: boolean;
  /** Whether nothing was sent. */
  readonly isHeld?: true | undefined;
}

/** Whether an obstacle at an issuer lets an order move on to the next one. */
export function isLeftFor(
  { advice, error: { retryAfter } }: Obstacle,
  { waitsUntil }: Pick<Attempt, 'waitsUntil'>,
): boolean {
  if (advice !== 'move-if-late') return advice === 'move';
  return retryAfter === undefined || !waitsUntil(retryAfter);
}

/**
 * Returns the failure that is reported for an order that no issuer has issued: the last that an
 * issuer has answered with; where nothing was sent, the one that ends first.
 */
export function worse(before: AttemptFailure | undefined, failure: AttemptFailure): AttemptFailure {
  if (!before || !failure.isHeld) return failure;
  if (!before.isHeld) return before;
  const [first, second] = [before, failure].map(
    ({ error }) => retryAfterOf(error)?.epochMilliseconds ?? 0,
  );
  return (second ?? 0) < (first ?? 0) ? failure : before;
}

/**
 * Returns until when an order of a certificate with several issuers waits for the budget of one of
 * them. A first certificate, one for a changed specification and the replacement of a revoked one
 * are wanted now; any other was to be renewed at its planned time.
 */
export function longestBudgetWait(
  certificate: CertificateSummary,
  { epochMilliseconds: now }: Moment,
): Temporal.Instant {
  const { current, renewal } = certificate;
  const isPlanned = current && renewal && renewal.cause !== 'revoked' && !isOutdated(certificate);
  const longest = longestWait({
    now,
    end: current && Date.parse(current.notAfter),
    planned: isPlanned ? Date.parse(renewal.at) : undefined,
  });
  return Temporal.Instant.fromEpochMilliseconds(Math.floor(longest));
}

/**
 * Returns the issuers to try, first the one where the order exists already.
 * @param issuerOfFirst the one that has issued the first certificate of a pair
 */
export function issuersToTry(
  { order, certificate }: OrderAndCertificate,
  issuerOfFirst: string | undefined,
): readonly string[] {
  const all = issuersInOrder(certificate.record);
  const { issuer } = order.record;
  const begun = [
    ...(isOrdered(order.record) ? [issuer] : []),
    ...(issuerOfFirst ? [issuerOfFirst] : []),
  ];
  return [...new Set([...begun.filter((name) => all.includes(name)), ...all])];
}

export function changedStep(name: string, { issuer, error }: AttemptFailure): IssuerStep {
  return {
    type: 'issuer-changed',
    message: `the order is made at ${name}, because ${issuer} has not issued: ${errorText(error)}`,
  };
}

/**
 * Returns the lineage when an order has succeeded: a refusal moves it to the issuer that has issued,
 * an outage does not.
 */
export function lineageAfter(
  { order, certificate: { record } }: OrderAndCertificate,
  refusedBy: readonly string[],
): string | undefined {
  const [first] = issuersInOrder(record);
  const { issuer } = order.record;
  const next = first !== undefined && refusedBy.includes(first) ? issuer : first;
  return next === record.issuer ? undefined : next;
}
