import { Readable } from 'node:stream';
import { parseListenAddress } from '@acmex/identifier';
import { type Clock, systemClock, timestamp } from '@acmex/clock';
import {
  type AnsweredRequest,
  auditMetrics,
  type CertificateCensus,
  certificateMetrics,
  checkpointMetrics,
  dueMetrics,
  Metrics,
  type MetricsContentType,
  metricsContentType,
  notificationMetrics,
  preferredMetricsContentType,
  requestMetrics,
  serveMetrics,
  teamMetrics,
  type WatchedDeliveries,
  workMetrics,
} from '@acmex/observability';
import { checkpointDestinationNames, type Config } from '@acmex/config';
import type { CertificateStore, MaintenanceResult } from '@acmex/orchestrator';
import type { Storage } from '@acmex/storage';
import { Inject, Injectable } from '@nestjs/common';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import type { Log } from '../log.ts';
import type { Scheduling } from '../scheduling.ts';
import type { Tenant } from '../tenants.ts';

const show = endpoint({
  method: 'GET',
  path: '/metrics',
  scope: 'metrics:read',
  summary: 'Metrics for Prometheus',
  answers: {
    200: {
      description:
        'In the text format of Prometheus: all metrics for a key of the default tenant, and for any other key those of its own tenant. In the OpenMetrics format if the header Accept prefers it.',
      contentType: metricsContentType,
    },
  },
});

export interface ServerMetricsOptions {
  /** Those of the process, which has more of them than the server's own. */
  readonly metrics: Metrics;
  readonly config: Config;
  readonly storage: Storage;
  readonly tenants: () => ReadonlyMap<string, Tenant>;
  readonly census: CertificateCensus;
  readonly scheduling: Scheduling;
  readonly clock?: Clock | undefined;
}

/** The metrics of the server. Their labels name routes, never what was requested in them. */
export class ServerMetrics {
  readonly countRequest: (request: AnsweredRequest) => void;
  readonly countOrder: (result: Pick<MaintenanceResult, 'outcome'>) => void;
  readonly #options: ServerMetricsOptions;
  readonly #metrics: Metrics;

  constructor(options: ServerMetricsOptions) {
    const { metrics, scheduling, clock = systemClock } = options;
    this.#options = options;
    this.#metrics = metrics;
    this.countRequest = requestMetrics(this.#metrics);
    this.#addCertificates(this.#metrics, () => options.tenants().keys());
    this.countOrder = workMetrics(this.#metrics, {
      counts: async () => await scheduling.counts(),
      late: () => scheduling.late(),
      clock,
    });
    dueMetrics(metrics, {
      certificates: () => storesOf(options.tenants().values()),
      clock,
    });
    addTeam(metrics, scheduling, clock);
    const { storage, config } = options;
    if (config.values.audit.enabled) addAudit(metrics, { storage, config, clock });
  }

  /**
   * Returns pieces of what a tenant may see: everything for the default tenant, and for each other
   * one the metrics of that tenant.
   */
  async piecesFor(
    { name, scope }: Pick<Tenant, 'name' | 'scope'>,
    contentType: MetricsContentType,
  ): Promise<Iterable<string>> {
    if (scope === '') return await this.pieces(contentType);
    const { prefix } = this.#options.config.values.metrics;
    const metrics = new Metrics({ prefix, includesProcess: false });
    this.#addCertificates(metrics, () => [name]);
    return await metrics.pieces(contentType);
  }

  /** Returns all metrics in pieces of text. */
  async pieces(contentType: MetricsContentType): Promise<Iterable<string>> {
    return await this.#metrics.pieces(contentType);
  }

  *#notifiers(tenants: Iterable<string>): Generator<readonly [string, WatchedDeliveries]> {
    for (const name of tenants) {
      const notifier = this.#options.tenants().get(name)?.manager.notifier;
      if (notifier) yield [name, notifier];
    }
  }

  #addCertificates(metrics: Metrics, tenants: () => Iterable<string>): void {
    const { census, clock, config } = this.#options;
    const { certificates: series, domain_labels: hasDomains } = config.values.metrics;
    certificateMetrics(metrics, { census, tenants, series, hasDomains });
    notificationMetrics(metrics, { notifiers: () => this.#notifiers(tenants()), clock });
  }
}

/**
 * Serves all metrics at the address of the configuration, without a key.
 * @throws ObservabilityError `ERR_OBSERVABILITY_LISTEN`
 */
export async function metricsListener(
  metrics: ServerMetrics,
  config: Config,
  log: Log,
): Promise<AsyncDisposable> {
  const listener = await serveMetrics({
    ...parseListenAddress(config.values.metrics.listen_addr),
    text: async (contentType) => await metrics.pieces(contentType),
  });
  log({ level: 'info', msg: `serving metrics at ${listener.url}` });
  return listener;
}

function storesOf(tenants: Iterable<Tenant>): readonly CertificateStore[] {
  return [...tenants].map(({ manager }) => manager.provisioner.certificates);
}

function addAudit(
  metrics: Metrics,
  {
    storage,
    config,
    clock,
  }: { readonly storage: Storage; readonly config: Config; readonly clock: Clock },
): void {
  auditMetrics(metrics, { storage: () => storage, clock });
  const destinations = checkpointDestinationNames(config.values.audit);
  checkpointMetrics(metrics, { storage: () => storage, destinations });
}

function addTeam(metrics: Metrics, scheduling: Scheduling, clock: Clock): void {
  const begun = timestamp(clock.now());
  teamMetrics(metrics, {
    lost: () => scheduling.team?.queue.lost ?? 0,
    invalidValues: () => scheduling.team?.invalidValues() ?? new Map(),
    async workers() {
      if (!scheduling.team) return 1;
      const workers = await scheduling.team.workers().catch(() => undefined);
      return workers?.length;
    },
    lastScan: () => scheduling.team && (scheduling.team.lastScan()?.at ?? begun),
    clock,
  });
}

@Injectable()
export class MetricsEndpoint {
  readonly #metrics: ServerMetrics;

  constructor(@Inject(ServerMetrics) metrics: ServerMetrics) {
    this.#metrics = metrics;
  }

  @Handles(show)
  async show({ caller, headers }: RequestOf<typeof show>): Promise<Answer> {
    const contentType = preferredMetricsContentType(headers.accept);
    const pieces = await this.#metrics.piecesFor(caller.tenant, contentType);
    return answer(200, Readable.from(pieces), {
      'content-type': contentType,
      vary: 'accept',
    });
  }
}
