import { http01Answers } from '@acmex/challenge/http-01';
import { tlsAlpn01Answers } from '@acmex/challenge/tls-alpn-01';
import { type Clock, systemClock } from '@acmex/clock';
import type { Config } from '@acmex/config';
import { errorCode, errorText, printable } from '@acmex/errors';
import { storedResponses, type Worker, worker } from '@acmex/manager';
import type { ConfiguredManager } from '@acmex/manager/from-config';
import { type TaskLog, taskLog } from '@acmex/observability';
import { type MaintenanceResult, traceIdOf } from '@acmex/orchestrator';
import { inProcessQueue } from '@acmex/scheduler';
import { haveSameStorage } from '../configuration.ts';
import { CliError } from '../errors.ts';
import { openStorage } from '../open-storage.ts';
import type { ConfiguredOutputOptions } from '../output.ts';
import { type ProgramMetrics, servedMetrics } from '../program-metrics.ts';
import { configureAgain, openServiceLog, serviceReporter } from '../log/service-log.ts';
import { untilStopped } from '../service.ts';
import type { ReportFields, Reporter, Terminal } from '../terminal.ts';
import { commandManager, type CommandManagerOptions } from './manager.ts';
import { prepareManager } from './renew.ts';
import { reportIssued } from './run.ts';

export interface DaemonOptions extends ConfiguredOutputOptions {
  /** Seconds between two scans of the storage. */
  readonly checkInterval: number;
  readonly concurrency: number;
  readonly perIssuer: number;
  /** The port that answers http-01 for every process with the storage. */
  readonly answerHttp?: number;
  /** The port that answers tls-alpn-01 for every process with the storage. */
  readonly answerTls?: number;
  /** Addresses of this machine; all by default. */
  readonly answerHttpAddress?: string;
  readonly answerTlsAddress?: string;
}

const outcomeWords = {
  succeeded: 'renewed',
  waiting: 'waits for records that are set by hand',
  cancelled: 'cancelled',
} as const;
/**
 * How long running orders may finish after a stop; then they are parked, and continue at the next
 * start.
 */
const gracePeriod = { seconds: 15 };

/**
 * `acmex daemon`: renews and deploys every certificate when it is due, until the terminal's signal
 * aborts. Several daemons can work on one storage.
 */
export async function daemon(options: DaemonOptions, terminal: Terminal): Promise<void> {
  await using serviceLog = openServiceLog(terminal, { ...options, package: '@acmex/cli' });
  const tasks = taskLog(serviceLog.log);
  const report = await serviceReporter(terminal, options, { ...serviceLog, log: tasks.log });
  const { signal, clock = systemClock } = terminal;
  const { answerHttp: httpPort, answerTls: tlsPort } = options;
  try {
    await using metrics = await servedMetrics(options.configuration.values, clock);
    await using storage = metrics.watchStorage(await openStorage(options, terminal, report));
    const open = managerOpener({ storage, metrics, tasks, terminal, report, clock });
    let manager = await open(options.configuration);
    await using running = startWorker(() => manager, { options, report, signal, clock, metrics });
    metrics.addCertificates(() => manager);
    await metrics.serve((text) => report.done(text));
    await using http =
      httpPort === undefined
        ? undefined
        : await http01Answers({
            shared: storedResponses(storage, 'http-01'),
            port: httpPort,
            host: options.answerHttpAddress,
          });
    if (http) reportAnswers('http-01', httpPort, report);
    await using tls =
      tlsPort === undefined
        ? undefined
        : await tlsAlpn01Answers({
            shared: storedResponses(storage, 'tls-alpn-01'),
            port: tlsPort,
            host: options.answerTlsAddress,
          });
    if (tls) reportAnswers('tls-alpn-01', tlsPort, report);
    report.done('renewing certificates; SIGTERM stops it, SIGHUP reloads the configuration');
    await untilStopped(terminal, async () => {
      try {
        const configuration = (await options.reconfigure?.()) ?? options.configuration;
        configureAgain(serviceLog, configuration);
        assertSamePlaces(configuration, manager.config);
        manager = await open(configuration);
        report.done('the configuration was reloaded');
        running.wake();
      } catch (error) {
        const text = withCode(error).replaceAll('\\u{a}', '\n');
        report.warn(`the previous configuration stays in effect: ${text}`);
      }
    });
    reportEnd(await running.stop({ within: gracePeriod }), report);
  } finally {
    report.close();
  }
}

/** Returns a function that opens the manager of a configuration, and reconciles its certificates. */
function managerOpener({
  storage,
  metrics: { managerOptions },
  tasks,
  terminal,
  report,
  clock,
}: Pick<CommandManagerOptions, 'storage' | 'terminal' | 'report' | 'clock'> & {
  readonly metrics: ProgramMetrics;
  readonly tasks: TaskLog;
}): (configuration: Config) => Promise<ConfiguredManager> {
  return async (configuration) => {
    const opened = await commandManager({
      ...{ storage, configuration, terminal, report, clock },
      watch: tasks.watching(terminal.tracing?.watching(managerOptions) ?? managerOptions),
    });
    await opened.hooks.check();
    await prepareManager(opened, { report, signal: terminal.signal });
    return opened;
  };
}

interface WorkerContext {
  readonly options: DaemonOptions;
  readonly report: Reporter;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly metrics: ProgramMetrics;
}

function startWorker(
  manager: () => ConfiguredManager,
  { options, report, signal, clock, metrics }: WorkerContext,
): Worker {
  // After a stop, the queue ends what runs when its time is over: the signal itself would end it at
  // once.
  const queue = inProcessQueue({
    clock,
    onError: (id, error) => {
      if (!signal.aborted) report.warn(`${id}: ${withCode(error)}`, { code: errorCode(error) });
    },
  });
  let oldest: { readonly dueAt: string } | undefined;
  const countOrder = metrics.addWork({
    counts: async () => await queue.counts(),
    late: () => oldest,
  });
  return worker({
    managers: () => new Map([['', manager()]]),
    queue,
    clock,
    concurrency: options.concurrency,
    perIssuer: options.perIssuer,
    interval: { seconds: options.checkInterval },
    onMaintained(id, result) {
      countOrder(result);
      reportMaintenance(id, result, report);
    },
    onWatched: async (watched, context) => await manager().heartbeat?.afterScan(watched, context),
    onDeployed: (id, result) => reportMaintenance(id, result, report),
    onError: (subject, error) =>
      report.warn(`${subject}: ${withCode(error)}`, { code: errorCode(error) }),
    onLate(late) {
      oldest = late && { dueAt: late.dueAt.toString() };
      if (late)
        report.warn(`${late.id} is overdue since ${late.dueAt}, and no process works on it`);
      else report.done('nothing is overdue any more');
    },
  });
}

function reportAnswers(type: string, port: number | undefined, report: Reporter): void {
  report.done(`answering ${type} on port ${port} for every process with this storage`);
}

function assertSamePlaces(next: Config, current: Config): void {
  if (!haveSameStorage(next, current))
    throw new CliError('ERR_CLI_USAGE', 'the storage has changed: restart to use it');
  for (const name of ['metrics', 'audit'] as const)
    if (JSON.stringify(next.values[name]) !== JSON.stringify(current.values[name]))
      throw new CliError('ERR_CLI_USAGE', `[${name}] has changed: restart to use it`);
}

function reportMaintenance(
  id: string,
  result: Pick<MaintenanceResult, 'order' | 'outcome' | 'deployed' | 'deployError'>,
  report: Reporter,
): void {
  const { order, outcome, deployed, deployError } = result;
  const subject: ReportFields = {
    ...{ package: '@acmex/orchestrator', certificate: id, order },
    traceId: traceIdOf(outcome?.traceparent),
  };
  reportIssued(id, outcome, report);
  if (outcome?.state === 'failed')
    report.warn(`${id}: ${withCode(outcome.error)}; next attempt: ${outcome.retryAt ?? 'none'}`, {
      ...{ ...subject, event: 'failed', code: errorCode(outcome.error) },
    });
  else if (outcome && !outcome.elsewhere)
    report.done(`${id}: ${outcomeWords[outcome.state]}`, {
      ...{ ...subject, event: outcome.state },
    });
  if (deployed === 'failed')
    report.warn(`${id}: issued, not deployed: ${withCode(deployError)}`, {
      ...{ ...subject, event: 'deployment_failed', code: errorCode(deployError) },
    });
  else if (deployed === 'done') report.done(`${id}: deployed`, { ...subject, event: 'deployed' });
}

function reportEnd(parked: readonly string[], report: Reporter): void {
  if (parked.length > 0)
    report.warn(
      `${parked.length} orders were interrupted and continue when a process works on them again: ${parked.slice(0, 10).join(', ')}`,
    );
  report.done('stopped');
}

function withCode(error: unknown): string {
  const code = errorCode(error);
  return `${printable(errorText(error), 2000)}${code === undefined ? '' : ` [${code}]`}`;
}
