import { type Clock, systemClock } from '@acmex/clock';
import type { MaintenanceResult } from '@acmex/orchestrator';
import { Inject, Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { CertificateCounts } from '../certificate-counts.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import type { Scheduling } from '../scheduling.ts';
import type { Tenant } from '../tenants.ts';
import { metricMeanings } from './metric-meanings.ts';

const show = endpoint({
  method: 'GET',
  path: '/metrics',
  scope: 'metrics:read',
  summary: 'Metrics for Prometheus',
  answers: {
    200: {
      description:
        'In the text format of Prometheus: all metrics for a key of the default tenant, and for any other key those of its own tenant.',
      contentType: 'text/plain; version=0.0.4; charset=utf-8',
    },
  },
});

export interface MetricsOptions {
  readonly prefix: string;
  readonly tenants: () => ReadonlyMap<string, Tenant>;
  readonly certificateCounts: CertificateCounts;
  readonly scheduling: Scheduling;
  readonly clock?: Clock | undefined;
}

/** The metrics of the server. Their labels name routes, never what was requested in them. */
export class Metrics {
  readonly registry = new Registry();
  readonly #requests: Counter;
  readonly #durations: Histogram;
  readonly #renewals: Counter;
  readonly #certificates: Pick<MetricsOptions, 'prefix' | 'certificateCounts'>;

  constructor({ prefix, tenants, certificateCounts, scheduling, clock }: MetricsOptions) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#requests = new Counter({
      name: `${prefix}_requests_total`,
      help: metricMeanings.requests_total,
      labelNames: ['method', 'route', 'status'],
      registers,
    });
    this.#durations = new Histogram({
      name: `${prefix}_request_duration_seconds`,
      help: metricMeanings.request_duration_seconds,
      labelNames: ['method', 'route'],
      buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
      registers,
    });
    this.#renewals = new Counter({
      name: `${prefix}_renewals_total`,
      help: metricMeanings.renewals_total,
      labelNames: ['outcome'],
      registers,
    });
    this.#certificates = { prefix, certificateCounts };
    addCertificateMetrics(this.registry, {
      ...this.#certificates,
      tenants: () => tenants().keys(),
    });
    this.#addQueueMetrics({ prefix, scheduling });
    this.#addTimeMetrics({ prefix, scheduling, clock });
  }

  #addQueueMetrics({ prefix, scheduling }: Pick<MetricsOptions, 'prefix' | 'scheduling'>): void {
    const registers = [this.registry];
    new Gauge({
      name: `${prefix}_queue_tasks`,
      help: metricMeanings.queue_tasks,
      labelNames: ['state'],
      registers,
      async collect() {
        // What cannot be known is absent.
        this.reset();
        const counts = await scheduling.counts().catch(() => undefined);
        if (!counts) return;
        const { waiting, delayed, running } = counts;
        for (const [priority, count] of Object.entries(waiting))
          this.set({ state: `waiting_${priority}` }, count);
        this.set({ state: 'delayed' }, delayed);
        this.set({ state: 'running' }, running);
      },
    });
    new Counter({
      name: `${prefix}_tasks_lost_total`,
      help: metricMeanings.tasks_lost_total,
      registers,
      collect() {
        this.reset();
        this.inc(scheduling.team?.queue.lost ?? 0);
      },
    });
    new Counter({
      name: `${prefix}_invalid_values_total`,
      help: metricMeanings.invalid_values_total,
      labelNames: ['kind'],
      registers,
      collect() {
        this.reset();
        for (const [kind, count] of scheduling.team?.invalidValues() ?? [])
          this.inc({ kind }, count);
      },
    });
    new Gauge({
      name: `${prefix}_workers`,
      help: metricMeanings.workers,
      registers,
      async collect() {
        this.set(
          scheduling.team
            ? await scheduling.team.workers().then(
                ({ length }) => length,
                () => NaN,
              )
            : 1,
        );
      },
    });
  }

  #addTimeMetrics({
    prefix,
    scheduling,
    clock = systemClock,
  }: Pick<MetricsOptions, 'prefix' | 'scheduling' | 'clock'>): void {
    const registers = [this.registry];
    const begun = clock.now().toString();
    new Gauge({
      name: `${prefix}_job_lag_seconds`,
      help: metricMeanings.job_lag_seconds,
      registers,
      collect() {
        const since = scheduling.team
          ? Date.parse(scheduling.team.lastScan()?.at ?? begun)
          : clock.now().epochMilliseconds;
        this.set(Math.max(0, (clock.now().epochMilliseconds - since) / 1000));
      },
    });
    new Gauge({
      name: `${prefix}_late_seconds`,
      help: metricMeanings.late_seconds,
      registers,
      collect() {
        const late = scheduling.late();
        this.set(late ? (clock.now().epochMilliseconds - Date.parse(late.dueAt)) / 1000 : 0);
      },
    });
  }

  /**
   * Returns what a tenant may see, in the text format of Prometheus: all of it for the default
   * tenant, and for each other one the metrics of that tenant.
   */
  async textFor({ name, scope }: Pick<Tenant, 'name' | 'scope'>): Promise<string> {
    if (scope === '') return await this.registry.metrics();
    const registry = new Registry();
    addCertificateMetrics(registry, { ...this.#certificates, tenants: () => [name] });
    return await registry.metrics();
  }

  countRequest({
    method,
    route,
    status,
    seconds,
  }: {
    readonly method: string;
    readonly route: string;
    readonly status: number;
    readonly seconds: number;
  }): void {
    this.#requests.inc({ method, route, status });
    this.#durations.observe({ method, route }, seconds);
  }

  countOrder({ outcome }: MaintenanceResult): void {
    if (outcome && !outcome.elsewhere) this.#renewals.inc({ outcome: outcome.state });
  }
}

function addCertificateMetrics(
  registry: Registry,
  {
    prefix,
    tenants,
    certificateCounts,
  }: Pick<MetricsOptions, 'prefix' | 'certificateCounts'> & {
    readonly tenants: () => Iterable<string>;
  },
): void {
  new Gauge({
    name: `${prefix}_certs_managed`,
    help: metricMeanings.certs_managed,
    labelNames: ['tenant'],
    registers: [registry],
    async collect() {
      this.reset();
      for (const tenant of tenants()) this.set({ tenant }, await certificateCounts.managed(tenant));
    },
  });
}

@Injectable()
export class MetricsEndpoint {
  readonly #metrics: Metrics;

  constructor(@Inject(Metrics) metrics: Metrics) {
    this.#metrics = metrics;
  }

  @Handles(show)
  async show({ caller }: RequestOf<typeof show>): Promise<Answer> {
    return answer(200, await this.#metrics.textFor(caller.tenant), {
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
    });
  }
}
