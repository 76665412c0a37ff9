import { type Clock, systemClock } from '@acmex/clock';
import { certificateStates, type CertificateState, stateOf } from '@acmex/orchestrator';
import type { CertificateCensus, CountedCertificate } from './certificate-census.ts';
import type { Metrics } from './metrics.ts';
import { perScrape } from './per-scrape.ts';

export interface CertificateMetricsOptions {
  readonly census: CertificateCensus;
  readonly tenants: () => Iterable<string>;
  /**
   * How many certificates have time series of their own: those that expire first; 1,000 by default.
   */
  readonly series?: number | undefined;
  /** Whether those series have the first name of the certificate as a label; no by default. */
  readonly hasDomains?: boolean | undefined;
  readonly clock?: Clock | undefined;
}

/** A certificate with its tenant. */
interface TenantCertificate {
  readonly tenant: string;
  readonly certificate: CountedCertificate;
}

/** Adds the metrics of the certificates of some tenants. */
export function certificateMetrics(metrics: Metrics, options: CertificateMetricsOptions): void {
  const { census, tenants, series = 1000, clock = systemClock } = options;
  const collect = perScrape(async () => {
    const issued: TenantCertificate[] = [];
    for (const gauge of Object.values(gauges)) gauge.reset();
    const now = { epochMilliseconds: clock.now().epochMilliseconds };
    for (const tenant of tenants()) {
      const certificates = await census.certificates(tenant);
      const counts = new Map(certificateStates.map((state) => [state, 0]));
      for (const certificate of certificates.values()) {
        const state = stateOf(certificate, { now: () => now });
        counts.set(state, (counts.get(state) ?? 0) + 1);
        if (certificate.current) issued.push({ tenant, certificate });
      }
      gauges.managed.set({ tenant }, certificates.size);
      for (const [state, count] of counts) gauges.states.set({ tenant, state }, count);
    }
    for (const entry of firstToExpire(issued, series)) setSeries(entry);
  });
  const gauges = {
    managed: metrics.gauge('certs_managed', collect),
    states: metrics.gauge('certificates', collect),
    notAfter: metrics.gauge('certificate_not_after_timestamp_seconds', collect),
    renewAt: metrics.gauge('certificate_renew_at_timestamp_seconds', collect),
    ready: metrics.gauge('certificate_ready', collect),
  };
  const setSeries = ({ tenant, certificate }: TenantCertificate) => {
    const { id, issuer, domain, endMs, renewal } = certificate;
    const labels = {
      tenant,
      certificate: id,
      issuer,
      ...(options.hasDomains ? { domain } : {}),
    };
    const state = stateOf(certificate, clock);
    gauges.notAfter.set(labels, endMs / 1000);
    if (renewal) gauges.renewAt.set(labels, seconds(renewal.at));
    gauges.ready.set(labels, unusable.has(state) ? 0 : 1);
  };
}

/** States in which an issued certificate cannot be used, or has no more say than its expiry. */
const unusable: ReadonlySet<CertificateState> = new Set(['expired', 'revoked']);

/** Returns so many certificates, those that expire first. */
function firstToExpire(
  entries: readonly TenantCertificate[],
  limit: number,
): readonly TenantCertificate[] {
  if (entries.length <= limit) return entries;
  const ends = Float64Array.from(entries, ({ certificate }) => certificate.endMs);
  const last = ends.toSorted()[limit - 1] ?? -Infinity;
  // A number array is sorted much faster than the entries.
  return entries
    .filter((_, index) => (ends[index] ?? Infinity) <= last)
    .sort((a, b) => a.certificate.endMs - b.certificate.endMs)
    .slice(0, limit);
}

function seconds(time: string): number {
  return Date.parse(time) / 1000;
}
