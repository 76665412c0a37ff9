export { agentMetrics, type AgentUpdate, type AgentWatch } from './agent-metrics.ts';
export {
  authorityMetrics,
  type AuthorityWatch,
  type WatchedAuthority,
} from './authority-metrics.ts';
export { auditMetrics } from './audit-metrics.ts';
export { caRequestMetrics } from './ca-request-metrics.ts';
export { CertificateCensus, type CertificateSource } from './certificate-census.ts';
export { certificateMetrics, type CertificateMetricsOptions } from './certificate-metrics.ts';
export { CertificateTally, type CountedCertificate } from './certificate-tally.ts';
export { ObservabilityError, type ObservabilityErrorCode, observabilityErrors } from './errors.ts';
export { heartbeatMetrics } from './heartbeat-metrics.ts';
export { httpsMetrics, type HttpsWatch } from './https-metrics.ts';
export {
  type Log,
  type LogEntry,
  logError,
  type LoggedManager,
  type TaskLog,
  taskLog,
} from './log.ts';
export { managerMetrics, type ManagerWatch } from './manager-metrics.ts';
export {
  type LabelOf,
  type MetricDescription,
  type MetricName,
  type MetricOfType,
  type MetricProgram,
  metricTable,
} from './metric-table.ts';
export {
  Metrics,
  type MetricsContentType,
  metricsContentType,
  type MetricsOptions,
  openMetricsContentType,
  preferredMetricsContentType,
  type Series,
} from './metrics.ts';
export {
  type MetricsListener,
  type MetricsListenerOptions,
  serveMetrics,
} from './metrics-listener.ts';
export {
  notificationAttemptMetrics,
  notificationMetrics,
  type WatchedAttempt,
  type WatchedDeliveries,
} from './notification-metrics.ts';
export { orderMetrics } from './order-metrics.ts';
export { type AnsweredRequest, requestMetrics } from './request-metrics.ts';
export { runMetrics } from './run-metrics.ts';
export { storageMetrics } from './storage-metrics.ts';
export {
  dueMetrics,
  renewalMetrics,
  teamMetrics,
  type WatchedTeam,
  type WatchedWork,
  workMetrics,
} from './work-metrics.ts';
export { checkpointMetrics } from './checkpoint-metrics.ts';
