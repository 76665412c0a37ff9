import type { DueSource, Priority } from '@acmex/scheduler';
import { Temporal } from 'temporal-polyfill';
import type { DueEntry } from './certificate-record.ts';
import type { CertificateStore } from './certificate-store.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * Returns the priority of a certificate: `urgent` when it has expired, or less than a day and a
 * tenth of its lifetime is left; `high` below a week and a fifth, and for a certificate that was
 * never issued, because someone waits for it; `normal` below 15 days and a quarter; else `low`.
 */
export function priorityOf(
  { notBefore, notAfter }: Pick<DueEntry, 'notBefore' | 'notAfter'>,
  now: Temporal.Instant,
): Priority {
  if (notBefore === undefined || notAfter === undefined) return 'high';
  const left = Date.parse(notAfter) - now.epochMilliseconds;
  const life = Date.parse(notAfter) - Date.parse(notBefore);
  if (left <= 0 || (left < dayMs && left < life / 10)) return 'urgent';
  if (left < 7 * dayMs && left < life / 5) return 'high';
  return left < 15 * dayMs && left < life / 4 ? 'normal' : 'low';
}

/**
 * Returns the managed certificates for which something is due to a dispatcher, grouped by issuer,
 * the earliest first.
 */
export function dueSource(certificates: CertificateStore): DueSource {
  return {
    async *due(now, { limit, signal }) {
      for await (const { id, at, issuer, ...validity } of certificates.due(now, { limit, signal }))
        yield {
          id,
          group: issuer,
          priority: priorityOf(validity, now),
          dueAt: Temporal.Instant.from(at),
        };
    },
    async next() {
      const at = await certificates.nextDue();
      return at === undefined ? undefined : Temporal.Instant.from(at);
    },
  };
}
