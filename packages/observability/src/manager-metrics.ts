import type { Clock } from '@acmex/clock';
import type { Issuer } from '@acmex/orchestrator';
import type { AcmeExchange } from '@acmex/protocol';
import type { Storage } from '@acmex/storage';
import { caRequestMetrics } from './ca-request-metrics.ts';
import { heartbeatMetrics } from './heartbeat-metrics.ts';
import type { Metrics } from './metrics.ts';
import { notificationAttemptMetrics, type WatchedAttempt } from './notification-metrics.ts';
import { orderMetrics } from './order-metrics.ts';
import { storageMetrics } from './storage-metrics.ts';

/** What watches a certificate manager: its options, and its storage. */
export interface ManagerWatch {
  /** Returns the storage to open the manager with. */
  watchStorage(storage: Storage): Storage;
  readonly onExchange: (exchange: AcmeExchange, issuer: string) => void;
  readonly watchIssuer: <I extends Issuer>(issuer: I) => I;
  readonly onHeartbeat: (outcome: 'succeeded' | 'failed') => void;
  readonly onNotificationAttempt: (attempt: WatchedAttempt) => void;
}

/**
 * Adds the metrics of a certificate manager: its orders, its requests to CAs, its heartbeats, its
 * notifications and its storage.
 */
export function managerMetrics(
  metrics: Metrics,
  options: { readonly clock?: Clock | undefined } = {},
): ManagerWatch {
  return {
    watchStorage: storageMetrics(metrics, options),
    onExchange: caRequestMetrics(metrics),
    watchIssuer: orderMetrics(metrics, options),
    onHeartbeat: heartbeatMetrics(metrics, options),
    onNotificationAttempt: notificationAttemptMetrics(metrics),
  };
}
