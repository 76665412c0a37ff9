import { virtualClock } from '@acmex/clock';
import { byPriority } from '@acmex/scheduler';
import { describe, expect, it } from '@jest/globals';
import {
  type MetricDescription,
  Metrics,
  metricTable,
  requestMetrics,
  teamMetrics,
  workMetrics,
} from './index.ts';

const entries = Object.entries<MetricDescription>(metricTable);
const clock = virtualClock({ now: '2026-11-01T00:00:00Z' });

describe('the table of metrics', () => {
  it.each(entries)(
    'describes %s as Prometheus wants it',
    (name, { type, unit, labels, ...entry }) => {
      expect(name).toMatch(/^[a-z][a-z_]*[a-z]$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      if (unit === 'seconds') expect(name).toMatch(/_seconds$/);
      if (unit === 'unix seconds') expect(name).toMatch(/_timestamp_seconds$/);
      expect(labels.every((label) => /^[a-z_]+$/.test(label))).toBe(true);
      expect(entry.meaning).toMatch(/^[A-Z].*\.$/);
      expect(entry.programs.length).toBeGreaterThan(0);
    },
  );
});

describe('metrics', () => {
  it('have the prefix that is configured, and those of Node.js beside them', async () => {
    const metrics = new Metrics({ prefix: 'team_acme' });
    requestMetrics(metrics)({ method: 'GET', route: '/api/x/:id', status: 200, seconds: 0.3 });
    const text = await metrics.text();
    expect(text).toContain(
      'team_acme_requests_total{method="GET",route="/api/x/:id",status="200"} 1',
    );
    expect(text).toContain('request_duration_seconds_bucket{le="0.5",method="GET"');
    expect(text).toMatch(/^process_cpu_seconds_total /m);
  });

  it('say how much is waiting and for how long, and leave out what cannot be known', async () => {
    const metrics = new Metrics({ includesProcess: false });
    let isAway = false;
    const countOrder = workMetrics(metrics, {
      clock,
      late: () => ({ dueAt: clock.now().subtract({ seconds: 90 }).toString() }),
      async counts() {
        if (isAway) throw new Error('Redis is away');
        const waiting = byPriority((priority) => (priority === 'urgent' ? 3 : 0));
        return { waiting, delayed: 2, running: 1, capacity: 5, groups: [] };
      },
    });
    countOrder({ outcome: { state: 'cancelled' } });
    countOrder({ outcome: { state: 'cancelled', elsewhere: true } });
    const text = await metrics.text();
    expect(text).toContain('acmex_queue_tasks{state="waiting_urgent"} 3');
    expect(text).toContain('acmex_late_seconds 90');
    expect(text).toContain('acmex_renewals_total{outcome="cancelled"} 1');
    isAway = true;
    await expect(metrics.text()).resolves.not.toContain('acmex_queue_tasks{');
  });

  it('count what a process of a team has lost or found, each time from its own count', async () => {
    const metrics = new Metrics({ includesProcess: false });
    teamMetrics(metrics, {
      clock,
      lost: () => 4,
      invalidValues: () => new Map([['job', 2]]),
      workers: async () => undefined,
      lastScan: () => clock.now().subtract({ seconds: 7 }).toString(),
    });
    await metrics.text();
    const text = await metrics.text();
    expect(text).toContain('acmex_tasks_lost_total 4');
    expect(text).toContain('acmex_invalid_values_total{kind="job"} 2');
    expect(text).toContain('acmex_workers Nan');
    expect(text).toContain('acmex_job_lag_seconds 7');
  });
});
