import { type Clock, systemClock } from '@acmex/clock';
import type { Metrics } from './metrics.ts';

/**
 * Adds the metrics of the heartbeats of a process.
 * @returns counts an attempt, for `onHeartbeat` of a certificate manager
 */
export function heartbeatMetrics(
  metrics: Metrics,
  { clock = systemClock }: { readonly clock?: Clock | undefined } = {},
): (outcome: 'succeeded' | 'failed') => void {
  const attempts = metrics.counter('heartbeats_total');
  const last = metrics.gauge('heartbeat_last_success_timestamp_seconds');
  return (outcome) => {
    attempts.inc({ outcome });
    if (outcome === 'succeeded') last.set(clock.now().epochMilliseconds / 1000);
  };
}
