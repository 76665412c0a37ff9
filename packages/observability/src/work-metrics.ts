import { type Clock, systemClock } from '@acmex/clock';
import { type CertificateStore, type MaintenanceResult, traceIdOf } from '@acmex/orchestrator';
import type { QueueCounts } from '@acmex/scheduler';
import type { Metrics } from './metrics.ts';

/** What does the work, as its metrics see it. */
export interface WatchedWork {
  counts(): Promise<QueueCounts>;
  /** Returns the oldest task that is late. */
  late(): { readonly dueAt: string } | undefined;
  readonly clock?: Clock | undefined;
}

/** Adds the metrics of the work on certificates. @returns counts the result of a task */
export function workMetrics(
  metrics: Metrics,
  { counts, late, clock = systemClock }: WatchedWork,
): (result: Pick<MaintenanceResult, 'outcome'>) => void {
  metrics.gauge('queue_tasks', async (gauge) => {
    // What cannot be known is absent.
    gauge.reset();
    const known = await counts().catch(() => undefined);
    if (!known) return;
    const { waiting, delayed, running } = known;
    for (const [priority, count] of Object.entries(waiting))
      gauge.set({ state: `waiting_${priority}` }, count);
    gauge.set({ state: 'delayed' }, delayed);
    gauge.set({ state: 'running' }, running);
  });
  metrics.gauge('late_seconds', (gauge) => {
    const task = late();
    gauge.set(task ? (clock.now().epochMilliseconds - Date.parse(task.dueAt)) / 1000 : 0);
  });
  return renewalMetrics(metrics);
}

/** Adds the metrics of orders that end in this process. @returns counts the result of a task */
export function renewalMetrics(
  metrics: Metrics,
): (result: Pick<MaintenanceResult, 'outcome'>) => void {
  const renewals = metrics.tracedCounter('renewals_total');
  // A series that begins with 0 has an increase when its first order ends.
  for (const outcome of ['succeeded', 'failed', 'cancelled'])
    renewals.inc({ labels: { outcome }, value: 0 });
  return ({ outcome }) => {
    // An order that waits for a person has not ended.
    if (!outcome || outcome.elsewhere || outcome.state === 'waiting') return;
    const labels = { outcome: outcome.state };
    const traceId = traceIdOf(outcome.traceparent);
    renewals.inc(
      traceId === undefined ? { labels } : { labels, exemplarLabels: { trace_id: traceId } },
    );
  };
}

/** Several processes that share a queue, as their metrics see them. */
export interface WatchedTeam {
  /** Returns how many tasks this process no longer owned when it ended them. */
  lost(): number;
  /** Returns how many invalid values this process has found, by kind. */
  invalidValues(): ReadonlyMap<string, number>;
  /** Returns the number of processes that work; undefined if it cannot be known. */
  workers(): Promise<number | undefined>;
  /** Returns when what is due was last read, RFC 3339; undefined for the present. */
  lastScan(): string | undefined;
  readonly clock?: Clock | undefined;
}

/** Adds the metrics of the processes that share a queue. */
export function teamMetrics(
  metrics: Metrics,
  { lost, invalidValues, workers, lastScan, clock = systemClock }: WatchedTeam,
): void {
  metrics.counter('tasks_lost_total', (counter) => {
    counter.reset();
    counter.inc(lost());
  });
  metrics.counter('invalid_values_total', (counter) => {
    counter.reset();
    for (const [kind, count] of invalidValues()) counter.inc({ kind }, count);
  });
  metrics.gauge('workers', async (gauge) => {
    gauge.set((await workers()) ?? NaN);
  });
  metrics.gauge('job_lag_seconds', (gauge) => {
    const now = clock.now().epochMilliseconds;
    const scanned = lastScan();
    const since = scanned === undefined ? now : Date.parse(scanned);
    gauge.set(Math.max(0, (now - since) / 1000));
  });
}

/** Adds the age of the oldest task that is due, in any of some parts of a storage. */
export function dueMetrics(
  metrics: Metrics,
  {
    certificates,
    clock = systemClock,
  }: {
    readonly certificates: () => Iterable<Pick<CertificateStore, 'nextDue'>>;
    readonly clock?: Clock | undefined;
  },
): void {
  metrics.gauge('oldest_due_seconds', async (gauge) => {
    const moments = await Promise.all(
      [...certificates()].map(async (store) => await store.nextDue()),
    );
    const now = clock.now().epochMilliseconds;
    const oldest = moments.reduce(
      (least, at) => (at === undefined ? least : Math.min(least, Date.parse(at))),
      now,
    );
    gauge.set((now - oldest) / 1000);
  });
}
