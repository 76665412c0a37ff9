import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { virtualClock } from '@acmex/clock';
import { CertificateStore } from '@acmex/orchestrator';
import { describeWith, eventually, startPrometheus } from '@acmex/services';
import { memoryStorage } from '@acmex/storage';
import { expect, it } from '@jest/globals';
import {
  CertificateCensus,
  certificateMetrics,
  managerMetrics,
  Metrics,
  requestMetrics,
  runMetrics,
  serveMetrics,
} from './index.ts';
import { type MetricDescription, type MetricOfType, metricTable } from './metric-table.ts';

const rules = join(import.meta.dirname, '../prometheus/acmex.rules.yml');

/** The values that Grafana gives to its variables. */
const values: Readonly<Record<string, string>> = { $job: '.*', $__rate_interval: '5s' };
const dashboard = JSON.parse(
  readFileSync(join(import.meta.dirname, '../grafana/acmex.json'), 'utf8'),
) as {
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { readonly expr: string }[];
  }[];
};

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly name: string;
      readonly health: string;
      readonly lastError?: string;
      readonly state: string;
    }[];
  }[];
}

/** Metrics of a certificate that has expired, and of a run that has failed. */
async function metricsOfTrouble(): Promise<Metrics> {
  const clock = virtualClock({ now: '2026-11-10T00:00:00Z' });
  const metrics = new Metrics();
  const storage = managerMetrics(metrics, { clock }).watchStorage(memoryStorage());
  const certificates = new CertificateStore({ storage, clock });
  const { id } = await certificates.add({
    names: ['www.example'],
    issuer: 'ca',
    keyType: 'ec-p256',
  });
  await certificates.change(id, (summary) => ({
    ...summary,
    current: {
      generation: 1,
      serialNumber: '01',
      notBefore: '2026-10-01T00:00:00Z',
      notAfter: '2026-11-01T00:00:00Z',
      issuedAt: '2026-10-01T00:00:00Z',
    },
    renewal: { at: '2026-10-20T00:00:00Z' },
    served: [{ place: 'www.example:443', state: 'differs', since: '2026-10-20T00:00:00Z' }],
  }));
  const census = new CertificateCensus(() => ({ storage, certificates }), clock);
  certificateMetrics(metrics, { census, tenants: () => ['default'] });
  requestMetrics(metrics)({ method: 'GET', route: '/"\\\n', status: 200, seconds: 1 });
  runMetrics(metrics, { results: new Map([['failed', 1]]) });
  return metrics;
}

/** Each metric, with one value for each of its labels. */
function everyMetric(): Metrics {
  const metrics = new Metrics({ includesProcess: false });
  const createdByItself = 'collect_failures_total';
  for (const [name, { type, labels }] of Object.entries<MetricDescription>(metricTable)) {
    if (name === createdByItself) continue;
    const values = Object.fromEntries(labels.map((label) => [label, 'x']));
    if (type === 'counter') metrics.counter(name as MetricOfType<'counter'>).inc(values, 1);
    else if (type === 'gauge') metrics.gauge(name as MetricOfType<'gauge'>).set(values, 1);
    else metrics.histogram(name as MetricOfType<'histogram'>).observe(values, 1);
  }
  return metrics;
}

describeWith(['prometheus', 'promtool'], 'Prometheus', () => {
  it('accepts the alert rules, and finds nothing to improve in the metrics', async () => {
    const run = promisify(execFile);
    await expect(run('promtool', ['check', 'rules', rules])).resolves.toMatchObject({
      stdout: expect.stringContaining('SUCCESS'),
    });
    const text = await (await metricsOfTrouble()).text();
    const checking = run('promtool', ['check', 'metrics']);
    checking.child.stdin?.end(text);
    const { stdout, stderr } = await checking.catch(
      (error: { readonly stdout: string; readonly stderr: string }) => error,
    );
    // It dislikes names that prom-client gives to the metrics of Node.js.
    const remarks = `${stdout}${stderr}`
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('nodejs_active_'));
    expect(remarks).toEqual([]);
  });

  it('scrapes the listener, evaluates every rule, and raises the alerts of what is wrong', async () => {
    const expected = ['AcmexCertificateExpired', 'AcmexRunFailed', 'AcmexServedCertificate'];
    const metrics = await metricsOfTrouble();
    await using listener = await serveMetrics({
      host: '127.0.0.1',
      port: 0,
      text: async (contentType) => await metrics.text(contentType),
    });
    const targets = [new URL(listener.url).host];
    await using prometheus = await startPrometheus({ targets, rules: [rules] });
    let evaluated: Rules['groups'][number]['rules'] = [];
    const firing = () =>
      evaluated.filter(({ state }) => state === 'firing').map(({ name }) => name);
    await eventually(
      async () => {
        const { groups } = (await prometheus.api('rules?type=alert')) as Rules;
        evaluated = groups.flatMap((group) => group.rules);
        return (
          firing().length >= expected.length && evaluated.every(({ health }) => health === 'ok')
        );
      },
      30,
      () => `${JSON.stringify(evaluated)}\n${prometheus.log()}`,
    );
    expect(firing().sort()).toEqual(expected);
  });

  it('answers each question of the dashboard with data of a program that has all metrics', async () => {
    await using listener = await serveMetrics({
      host: '127.0.0.1',
      port: 0,
      text: async (contentType) => await everyMetric().text(contentType),
    });
    const targets = [new URL(listener.url).host];
    await using prometheus = await startPrometheus({ targets, rules: [] });
    const questions = dashboard.panels.flatMap(({ title, targets: asked }) =>
      asked.map(({ expr }) => ({
        title,
        expr: expr.replace(/\$\w+/g, (name) => values[name] ?? name),
      })),
    );
    let unanswered: readonly string[] = [];
    await eventually(
      async () => {
        const answers = await Promise.all(
          questions.map(async ({ title, expr }) => {
            const path = `query?query=${encodeURIComponent(expr)}`;
            const data = (await prometheus.api(path)) as { readonly result: readonly unknown[] };
            return data.result.length > 0 ? [] : [`${title}: ${expr}`];
          }),
        );
        unanswered = answers.flat();
        return unanswered.length === 0;
      },
      30,
      () => unanswered.join('\n'),
    );
    expect(questions.length).toBeGreaterThan(dashboard.panels.length - 1);
  });
});
