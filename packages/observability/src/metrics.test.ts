import { virtualClock } from '@acmex/clock';
import { alarmTypes, certificateStates } from '@acmex/orchestrator';
import { byPriority } from '@acmex/scheduler';
import { describe, expect, it } from '@jest/globals';
import { labelText } from './metrics.ts';
import {
  type MetricDescription,
  Metrics,
  metricsContentType,
  metricTable,
  openMetricsContentType,
  preferredMetricsContentType,
  renewalMetrics,
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

it('name every state and every alarm of a certificate in their meanings', () => {
  const { certificates, certificate_alarms } = metricTable;
  expect(certificates.meaning).toContain(`: ${certificateStates.join(', ')}.`);
  expect(certificate_alarms.meaning).toContain(`: ${alarmTypes.join(', ')}.`);
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

  it('have the trace of the last order that ended as an exemplar, in the OpenMetrics format only', async () => {
    const metrics = new Metrics();
    const countOrder = renewalMetrics(metrics);
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    countOrder({
      outcome: {
        state: 'failed',
        error: new Error('broken'),
        traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
      },
    });
    countOrder({ outcome: { state: 'cancelled' } });
    // Twice and at the same time: no format changes what the other one has.
    const texts = await Promise.all([
      metrics.text(openMetricsContentType),
      metrics.text(),
      metrics.text(openMetricsContentType),
      metrics.text(),
    ]);
    const of = (text: string) => text.match(/^.*acmex_renewals.*$/gm);
    const open = [
      expect.stringMatching(/^# HELP acmex_renewals /),
      '# TYPE acmex_renewals counter',
      'acmex_renewals_total{outcome="succeeded"} 0',
      expect.stringMatching(
        new RegExp(
          `^acmex_renewals_total{outcome="failed"} 1 # {trace_id="${traceId}"} 1 [0-9.]+$`,
        ),
      ),
      'acmex_renewals_total{outcome="cancelled"} 1',
    ];
    const plain = [
      expect.stringMatching(/^# HELP acmex_renewals_total /),
      '# TYPE acmex_renewals_total counter',
      'acmex_renewals_total{outcome="succeeded"} 0',
      'acmex_renewals_total{outcome="failed"} 1',
      'acmex_renewals_total{outcome="cancelled"} 1',
    ];
    expect(texts.map(of)).toEqual([open, plain, open, plain]);
    expect(texts[0]).toMatch(/\n# EOF\n$/);
    expect(texts[1]).toContain('\nprocess_cpu_seconds_total ');
  });

  it('are written in pieces where there are many series, which are the text together', async () => {
    const metrics = new Metrics({ includesProcess: false });
    const ids = Array.from({ length: 5000 }, (_, id) => String(id));
    metrics.seriesGauge('certificate_ready', async () =>
      ids.map((id) => ({
        labels: labelText<'certificate_ready'>({ tenant: 'ü', certificate: `c${id}` }),
        value: Number(id),
      })),
    );
    const text = await metrics.text();
    const lines = text.matchAll(
      /^acmex_certificate_ready\{tenant="ü",certificate="c(\d+)"\} (\d+)$/gm,
    );
    expect([...lines].map(([, id, value]) => [id, value])).toEqual(ids.map((id) => [id, id]));
    const pieces = [...(await metrics.pieces())];
    expect(pieces.join('')).toBe(text);
    expect(pieces.length).toBeGreaterThan(5);
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

describe('the format of metrics', () => {
  const prometheus2 =
    'application/openmetrics-text; version=1.0.0,application/openmetrics-text; version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
  const prometheus3 =
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.2,*/*;q=0.1';
  it.each([
    [undefined, metricsContentType],
    ['*/*', metricsContentType],
    ['text/html, application/json', metricsContentType],
    ['text/plain;version=0.0.4;q=0.5,*/*;q=0.1', metricsContentType],
    ['text/plain, application/openmetrics-text', metricsContentType],
    ['application/openmetrics-text; version=0.0.1', metricsContentType],
    ['application/openmetrics-text; q=0', metricsContentType],
    ['application/openmetrics-text; q=x', metricsContentType],
    ['Application/OpenMetrics-Text', openMetricsContentType],
    [prometheus2, openMetricsContentType],
    [prometheus3, openMetricsContentType],
  ])('for the header Accept: %s is %s', (accept, contentType) => {
    expect(preferredMetricsContentType(accept)).toBe(contentType);
  });
});
