import type { CertificateState } from '@acmex/orchestrator';
import type { CertificateCensus } from './certificate-census.ts';
import { type CountedCertificate, firstToExpire } from './certificate-tally.ts';
import { labelText, type Metrics, type Series } from './metrics.ts';
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
}

/** A metric with a series for each certificate. */
type SeriesName =
  | 'certificate_not_after_timestamp_seconds'
  | 'certificate_renew_at_timestamp_seconds'
  | 'certificate_ready'
  | 'certificate_served';

/** A certificate with its tenant. */
interface TenantCertificate {
  readonly tenant: string;
  readonly certificate: CountedCertificate;
  readonly endMs: number;
}

/** Adds the metrics of the certificates of some tenants. */
export function certificateMetrics(metrics: Metrics, options: CertificateMetricsOptions): void {
  const { census, tenants, series: limit = 1000, hasDomains = false } = options;
  // A certificate that changes is another object.
  const labelTexts = new WeakMap<CountedCertificate, string>();
  const labelsOf = (tenant: string, certificate: CountedCertificate) => {
    const known = labelTexts.get(certificate);
    if (known !== undefined) return known;
    const { id, issuer, domain } = certificate;
    const labels = { tenant, certificate: id, issuer };
    const written = labelText<SeriesName>(hasDomains ? { ...labels, domain } : labels);
    labelTexts.set(certificate, written);
    return written;
  };
  const collect = perScrape(async () => {
    const issued: TenantCertificate[] = [];
    for (const gauge of Object.values(gauges)) gauge.reset();
    for (const tenant of tenants()) {
      const tally = await census.tally(tenant);
      gauges.managed.set({ tenant }, tally.certificates.size);
      for (const [state, count] of tally.counts) gauges.states.set({ tenant, state }, count);
      for (const [alarm, count] of tally.alarms) gauges.alarms.set({ tenant, alarm }, count);
      for (const certificate of tally.firstToExpire(limit))
        issued.push({ tenant, certificate, endMs: certificate.endMs });
    }
    return firstToExpire(issued, limit);
  });
  const gauges = {
    managed: metrics.gauge('certs_managed', async () => void (await collect())),
    states: metrics.gauge('certificates', async () => void (await collect())),
    alarms: metrics.gauge('certificate_alarms', async () => void (await collect())),
  };
  const add = (
    name: SeriesName,
    valueOf: (certificate: CountedCertificate) => number | undefined,
  ) => {
    function* seriesOf(issued: readonly TenantCertificate[]): Generator<Series> {
      for (const { tenant, certificate } of issued) {
        const value = valueOf(certificate);
        if (value !== undefined) yield { labels: labelsOf(tenant, certificate), value };
      }
    }
    metrics.seriesGauge(name, async () => seriesOf(await collect()));
  };
  add('certificate_not_after_timestamp_seconds', ({ endMs }) => endMs / 1000);
  add('certificate_renew_at_timestamp_seconds', ({ renewMs }) =>
    renewMs === undefined ? undefined : renewMs / 1000,
  );
  add('certificate_ready', ({ state }) => (unusable.has(state) ? 0 : 1));
  add('certificate_served', ({ isServed }) =>
    isServed === undefined ? undefined : Number(isServed),
  );
}

/** States in which an issued certificate cannot be used, or has no more say than its expiry. */
const unusable: ReadonlySet<CertificateState> = new Set(['expired', 'revoked']);
