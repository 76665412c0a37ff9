import type { Storage } from '@acmex/storage';
import { checkpointDeliveries } from './audit/checkpoint-delivery.ts';
import type { Metrics } from './metrics.ts';

/** Adds the metrics of the destinations that checkpoints of the audit log are sent to. */
export function checkpointMetrics(
  metrics: Metrics,
  {
    storage,
    destinations,
  }: {
    readonly storage: () => Storage;
    /** Their names. */
    readonly destinations: readonly string[];
  },
): void {
  const unsent = metrics.gauge('audit_checkpoints_unsent', async () => {
    for (const delivery of await checkpointDeliveries(storage(), destinations))
      unsent.set({ destination: delivery.destination }, delivery.unsent);
  });
}
