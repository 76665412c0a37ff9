import { type Clock, systemClock } from '@acmex/clock';
import type { Metrics } from './metrics.ts';
import { codeLabel } from './order-metrics.ts';

/** The result of an update of an agent. */
export interface AgentUpdate {
  /** Selected certificates that the servers do not have. */
  readonly missing: readonly string[];
  readonly deployments: readonly { readonly error?: unknown }[];
}

/** What an agent calls with what it has done. */
export interface AgentWatch {
  onUpdate(update: AgentUpdate): void;
  onUpdateFailure(error: unknown): void;
}

/** Adds the metrics of an agent. */
export function agentMetrics(
  metrics: Metrics,
  { clock = systemClock }: { readonly clock?: Clock | undefined } = {},
): AgentWatch {
  const updates = metrics.counter('agent_updates_total');
  const last = metrics.gauge('agent_last_update_timestamp_seconds');
  const certificates = metrics.gauge('agent_certificates');
  return {
    onUpdate({ missing, deployments }) {
      updates.inc({ outcome: 'succeeded' });
      last.set(clock.now().epochMilliseconds / 1000);
      const failed = deployments.filter(({ error }) => error !== undefined).length;
      certificates.set({ state: 'deployed' }, deployments.length - failed);
      certificates.set({ state: 'failed' }, failed);
      certificates.set({ state: 'missing' }, missing.length);
    },
    onUpdateFailure: (error) => updates.inc({ outcome: codeLabel(error) }),
  };
}
