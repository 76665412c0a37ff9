import { parseListenAddress } from '@acmex/identifier';
import type { CrlTimes } from '@acmex/ca';
import type { Clock } from '@acmex/clock';
import { checkpointDestinationNames, type ConfigValues } from '@acmex/config';
import type { ConfiguredManager, FromConfigOptions } from '@acmex/manager/from-config';
import type * as Observability from '@acmex/observability';
import type { AgentWatch, AuthorityWatch, Metrics, WatchedWork } from '@acmex/observability';
import type { MaintenanceResult } from '@acmex/orchestrator';
import type { Storage } from '@acmex/storage';

type MetricsSettings = Pick<ConfigValues, 'metrics' | 'audit'>;

/** The tenant of the certificates that the command line manages. */
const tenant = 'default';

/**
 * The metrics of a command. Without metrics nothing is watched, and each function returns what it
 * was called with, or nothing.
 */
export interface ProgramMetrics extends AsyncDisposable {
  /** Returns the storage that the command is to use. */
  watchStorage(storage: Storage): Storage;
  /** What the certificate manager is created with. */
  readonly managerOptions: Pick<
    FromConfigOptions,
    'onExchange' | 'watchIssuer' | 'onHeartbeat' | 'onNotificationAttempt'
  >;
  addCertificates(manager: () => ConfiguredManager): void;
  /** Where there is no certificate manager, which has a storage. */
  addStorage(storage: Storage): void;
  /** @returns counts the result of a task */
  addWork(work: WatchedWork): (result: Pick<MaintenanceResult, 'outcome'>) => void;
  /** @returns counts the result of a task, where there is no queue */
  addRenewals(): (result: Pick<MaintenanceResult, 'outcome'>) => void;
  /** @param crls returns the times of the revocation lists, by the number of their issuer */
  addAuthority(crls: () => Promise<ReadonlyMap<string, CrlTimes>>): Partial<AuthorityWatch>;
  addAgent(): AgentWatch | undefined;
  /** Reports what a run of acmex renew has done with each certificate. */
  addRun(results: ReadonlyMap<string, number>): void;
  text(): Promise<string>;
  /**
   * Serves the metrics at the address of the configuration, until they are disposed of.
   * @throws ObservabilityError `ERR_OBSERVABILITY_LISTEN`
   */
  serve(onListening: (text: string) => void): Promise<void>;
}

/** Opens the metrics of a command that runs until it is stopped, if the configuration enables them. */
export async function servedMetrics(
  settings: MetricsSettings,
  clock: Clock,
): Promise<ProgramMetrics> {
  return settings.metrics.enabled ? await openMetrics(settings, clock) : noMetrics;
}

/** Opens the metrics of a command. Their code is loaded only here. */
export async function openMetrics(
  settings: MetricsSettings,
  clock: Clock,
): Promise<ProgramMetrics> {
  const observability = await import('@acmex/observability');
  const metrics = new observability.Metrics({ prefix: settings.metrics.prefix });
  const options = { clock };
  let watchStorage: ProgramMetrics['watchStorage'] | undefined;
  let listener: AsyncDisposable | undefined;
  return {
    watchStorage(storage) {
      watchStorage ??= observability.storageMetrics(metrics, options);
      return watchStorage(storage);
    },
    get managerOptions() {
      return {
        onExchange: observability.caRequestMetrics(metrics),
        watchIssuer: observability.orderMetrics(metrics, options),
        onHeartbeat: observability.heartbeatMetrics(metrics, options),
        onNotificationAttempt: observability.notificationAttemptMetrics(metrics),
      };
    },
    addCertificates: (manager) =>
      addCertificates(observability, metrics, { settings, manager, clock }),
    addStorage: (storage) =>
      addAudit(observability, metrics, { settings, storage: () => storage, clock }),
    addWork: (work) => observability.workMetrics(metrics, { ...work, clock }),
    addRenewals: () => observability.renewalMetrics(metrics),
    addAuthority: (crls) => observability.authorityMetrics(metrics, { crls, clock }),
    addAgent: () => observability.agentMetrics(metrics, options),
    addRun: (results) => observability.runMetrics(metrics, { results, clock }),
    text: async () => await metrics.text(),
    async serve(onListening) {
      const opened = await observability.serveMetrics({
        ...parseListenAddress(settings.metrics.listen_addr),
        text: async (contentType) => await metrics.pieces(contentType),
      });
      listener = opened;
      onListening(`serving metrics at ${opened.url}`);
    },
    async [Symbol.asyncDispose]() {
      await listener?.[Symbol.asyncDispose]();
    },
  };
}

function addCertificates(
  observability: typeof Observability,
  metrics: Metrics,
  {
    settings,
    manager,
    clock,
  }: {
    readonly settings: MetricsSettings;
    readonly manager: () => ConfiguredManager;
    readonly clock: Clock;
  },
): void {
  const { CertificateCensus, certificateMetrics, dueMetrics, notificationMetrics } = observability;
  const { certificates: series, domain_labels: hasDomains } = settings.metrics;
  const census = new CertificateCensus(() => {
    const { storage, provisioner } = manager();
    return { storage, certificates: provisioner.certificates };
  }, clock);
  certificateMetrics(metrics, { census, tenants: () => [tenant], series, hasDomains });
  dueMetrics(metrics, { certificates: () => [manager().provisioner.certificates], clock });
  notificationMetrics(metrics, { notifiers: () => [[tenant, manager().notifier]], clock });
  addAudit(observability, metrics, { settings, storage: () => manager().storage, clock });
}

function addAudit(
  { auditMetrics, checkpointMetrics }: typeof Observability,
  metrics: Metrics,
  {
    settings,
    storage,
    clock,
  }: {
    readonly settings: MetricsSettings;
    readonly storage: () => Storage;
    readonly clock: Clock;
  },
): void {
  if (!settings.audit.enabled) return;
  auditMetrics(metrics, { storage, clock });
  const destinations = checkpointDestinationNames(settings.audit);
  checkpointMetrics(metrics, { storage, destinations });
}

function noop(): void {
  /* nothing is watched */
}

/** The metrics of a command without metrics. */
export const noMetrics: ProgramMetrics = {
  watchStorage: (storage) => storage,
  managerOptions: {},
  addCertificates: noop,
  addStorage: noop,
  addWork: () => noop,
  addRenewals: () => noop,
  addAuthority: () => ({}),
  addAgent: () => undefined,
  addRun: noop,
  text: async () => '',
  serve: async () => undefined,
  [Symbol.asyncDispose]: async () => undefined,
};
