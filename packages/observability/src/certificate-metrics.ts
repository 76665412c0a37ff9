import type { CertificateCensus } from './certificate-census.ts';
import type { Metrics } from './metrics.ts';

export interface CertificateMetricsOptions {
  readonly census: Pick<CertificateCensus, 'managed'>;
  readonly tenants: () => Iterable<string>;
}

/** Adds the metrics of the certificates of some tenants. */
export function certificateMetrics(
  metrics: Metrics,
  { census, tenants }: CertificateMetricsOptions,
): void {
  metrics.gauge('certs_managed', async (gauge) => {
    gauge.reset();
    for (const tenant of tenants()) gauge.set({ tenant }, await census.managed(tenant));
  });
}
