import { errorText } from '@acmex/errors';
import { Temporal } from 'temporal-polyfill';
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

/** So long an order waits for the budget of an issuer, although the next one may issue at once. */
const longestWaitMs = 600_000;
/** So long a renewal waits for it: a share of the time from its planned time to the expiry. */
const waitShare = 1 / 4;

/**
 * Returns until when an order of a certificate with several issuers waits for the budget of one of
 * them. A renewal may be late by a quarter of the time that is left at its planned time. What is
 * wanted now waits ten minutes: a first certificate, one for a changed specification, and the
 * replacement of a revoked one.
 */
export function longestBudgetWait(
  certificate: CertificateSummary,
  { epochMilliseconds: now }: Moment,
): Temporal.Instant {
  const { current, renewal } = certificate;
  const end = current ? Date.parse(current.notAfter) : Infinity;
  const soon = now + Math.min(longestWaitMs, (end - now) * waitShare);
  const isPlanned = current && renewal && renewal.cause !== 'revoked' && !isOutdated(certificate);
  const planned = isPlanned ? Date.parse(renewal.at) : -Infinity;
  const late = isPlanned ? planned + (end - planned) * waitShare : -Infinity;
  return Temporal.Instant.fromEpochMilliseconds(Math.floor(Math.max(soon, late)));
}

/** Returns the issuers to try, first the one where the order exists already. */
export function issuersToTry({ order, certificate }: OrderAndCertificate): readonly string[] {
  const all = issuersInOrder(certificate.record);
  const { issuer } = order.record;
  const isContinued = isOrdered(order.record) && all.includes(issuer);
  return isContinued ? [...new Set([issuer, ...all])] : all;
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
