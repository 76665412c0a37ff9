export { caRequestMetrics } from './ca-request-metrics.ts';
export {
  CertificateCensus,
  type CertificateSource,
  type CountedCertificate,
} from './certificate-census.ts';
export { certificateMetrics, type CertificateMetricsOptions } from './certificate-metrics.ts';
export { managerMetrics, type ManagerWatch } from './manager-metrics.ts';
export {
  type LabelOf,
  type MetricDescription,
  type MetricName,
  type MetricOfType,
  type MetricProgram,
  metricTable,
} from './metric-table.ts';
export { Metrics, metricsContentType, type MetricsOptions } from './metrics.ts';
export { orderMetrics } from './order-metrics.ts';
export { type AnsweredRequest, requestMetrics } from './request-metrics.ts';
export { storageMetrics } from './storage-metrics.ts';
export {
  dueMetrics,
  renewalMetrics,
  teamMetrics,
  type WatchedTeam,
  type WatchedWork,
  workMetrics,
} from './work-metrics.ts';
