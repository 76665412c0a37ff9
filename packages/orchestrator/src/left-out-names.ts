import type { Clock } from '@acmex/clock';
import type { Change } from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import type { CertificateSummary } from './certificate-record.ts';
import type { EventType } from './event-types.ts';
import { eventChange } from './events.ts';
import {
  afterFailedNames,
  afterFailedTakeBack,
  failedNames,
  type LeftOutName,
  namesToOrder,
} from './failing-names.ts';
import type { IssuerStep } from './issuer.ts';
import type { OrderAndCertificate } from './order-journal.ts';
import { renewableAt } from './renewal-plan.ts';
import { policyOf, type RenewalPolicy } from './renewal-time.ts';
import { traceIdOf } from './trace-context.ts';

/**
 * Returns what changes for the names of a certificate after its order has failed: see
 * `afterFailedNames`.
 */
export function namesAfterFailure(
  { order, certificate: { record } }: OrderAndCertificate,
  error: unknown,
  options: Parameters<typeof afterFailedNames>[2],
): ReturnType<typeof afterFailedNames> {
  const failed = failedNames(error, namesToOrder(record, order.record));
  return afterFailedNames(record, failed, options);
}

/**
 * Returns what changes after an order has failed that attempts to take names back: see
 * `afterFailedTakeBack`. The next attempt waits for a maintenance window.
 */
export function takeBackAfterFailure(
  { order, certificate: { record } }: OrderAndCertificate,
  error: unknown,
  { now, policy }: { readonly now: Temporal.Instant; readonly policy: RenewalPolicy },
): ReturnType<typeof afterFailedTakeBack> {
  const failed = failedNames(error, namesToOrder(record, order.record));
  const { takeBack, leftOut } = afterFailedTakeBack(record, failed, now);
  if (!takeBack) return { leftOut, takeBack };
  const at = renewableAt(Temporal.Instant.from(takeBack.at), record, policyOf(record, policy));
  return { leftOut, takeBack: { ...takeBack, at: at.toString() } };
}

/** The step of an order that is made without names. */
export function leftOutStep(
  added: readonly string[],
  leftOut: readonly LeftOutName[] = [],
): IssuerStep {
  return {
    type: 'names-left-out',
    message: `the certificate is ordered without ${reasonsText(leftOut.filter(({ name }) => added.includes(name)))}`,
  };
}

/** Returns the events of names that the issued certificate lacks, or has again. */
export function coverageEvents(
  {
    order: { id },
    read,
  }: { readonly order: { readonly id: string }; readonly read: OrderAndCertificate },
  next: CertificateSummary,
  clock: Clock,
): readonly Change[] {
  const { certificate, issuer, labels, traceparent, names: issued } = read.order.record;
  const before = read.certificate.record.current?.leftOut ?? [];
  const lacking = (next.leftOut ?? []).filter(({ name }) => !before.includes(name));
  const again = before.filter((name) => issued.includes(name));
  const event = (type: EventType, names: readonly string[], message: string) =>
    eventChange(
      {
        ...{ type, names, message, certificate, order: id, issuer, labels },
        traceId: traceIdOf(traceparent),
      },
      clock,
    );
  return [
    ...(lacking.length > 0
      ? [
          event(
            'name_left_out',
            lacking.map(({ name }) => name),
            `the certificate is issued without ${reasonsText(lacking)}`,
          ),
        ]
      : []),
    ...(again.length > 0
      ? [event('name_taken_back', again, `the certificate has ${again.join(', ')} again`)]
      : []),
  ];
}

function reasonsText(names: readonly LeftOutName[]): string {
  return names.map(({ name, reason }) => `${name} (${reason})`).join(', ');
}
