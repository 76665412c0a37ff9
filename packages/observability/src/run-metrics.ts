import { type Clock, systemClock } from '@acmex/clock';
import type { Metrics } from './metrics.ts';

/** Adds the metrics of a run that has ended. */
export function runMetrics(
  metrics: Metrics,
  {
    results,
    clock = systemClock,
  }: {
    /** The number of certificates by result. */
    readonly results: ReadonlyMap<string, number>;
    readonly clock?: Clock | undefined;
  },
): void {
  metrics.gauge('last_run_timestamp_seconds').set(clock.now().epochMilliseconds / 1000);
  const gauge = metrics.gauge('last_run_results');
  for (const [result, count] of results) gauge.set({ result }, count);
}
