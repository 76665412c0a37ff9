import type { DueSource, Priority } from '@acmex/scheduler';
import { Temporal } from 'temporal-polyfill';
import type { DueEntry } from './certificate-record.ts';
import type { CertificateStore } from './certificate-store.ts';

const [hour, day] = [3_600_000, 86_400_000];

/**
 * How a certificate hurries: `urgent` when it has expired, or less than a day and a tenth of its life is left; `high` below a week
 * and a fifth, and for one that was never issued, since somebody waits; `normal` below 15 days and a quarter; else `low`.
 */
export function priorityOf(
  { notBefore, notAfter }: Pick<DueEntry, 'notBefore' | 'notAfter'>,
  now: Temporal.Instant,
): Priority {
  if (notBefore === undefined || notAfter === undefined) return 'high';
  const left = Date.parse(notAfter) - now.epochMilliseconds;
  const life = Date.parse(notAfter) - Date.parse(notBefore);
  if (left <= 0 || (left < 24 * hour && left < life / 10)) return 'urgent';
  if (left < 7 * day && left < life / 5) return 'high';
  return left < 15 * day && left < life / 4 ? 'normal' : 'low';
}

/** What is due among managed certificates, for a dispatcher: grouped by issuer, in order of time. */
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
