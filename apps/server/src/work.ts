import type { Clock, DurationInput } from '@acmex/clock';
import type { Config } from '@acmex/config';
import { type CertificateManager, type Worker, worker, type WorkerOptions } from '@acmex/manager';
import { type Deployed, type MaintenanceResult, traceIdOf } from '@acmex/orchestrator';
import { inProcessQueue, type QueueCounts, type TaskQueue } from '@acmex/scheduler';
import type { Storage } from '@acmex/storage';
import { type Log, logError } from './log.ts';
import type { Scheduling } from './scheduling.ts';
import type { Scan } from './team/redis-values.ts';
import { leaderElection } from './team/leader-election.ts';
import type { Team } from './team/team.ts';

export interface WorkOptions {
  readonly team: Team | undefined;
  readonly storage: Storage;
  readonly log: Log;
  readonly clock: Clock;
  /** Aborts when the server stops. */
  readonly signal: AbortSignal;
}

export interface StartOptions {
  readonly managers: () => ReadonlyMap<string, CertificateManager>;
  readonly config: Config;
  /** Called with the result of each task. */
  readonly onMaintained: (result: MaintenanceResult) => void;
  /** Called after each scan for alarms. */
  readonly onWatched: NonNullable<WorkerOptions['onWatched']>;
}

/** The minimum time between two scans for what is due, where several processes cause them. */
const minScanInterval = { milliseconds: 50 };

/** The work on certificates, as this process does it or sees others do it. */
export class Work implements Scheduling, AsyncDisposable {
  readonly team: Team | undefined;
  readonly #options: WorkOptions;
  readonly #queue: TaskQueue;
  #worker: Worker | undefined;
  #late: Scan['late'];

  constructor(options: WorkOptions) {
    const { team, log, clock, signal } = options;
    this.#options = options;
    this.team = team;
    this.#queue =
      team?.queue ??
      inProcessQueue({
        clock,
        onError(id, error) {
          if (!signal.aborted) logError(log, `${id} failed`, error);
        },
      });
  }

  wake(): void {
    if (this.team) this.team.notifier.notifyDue();
    else this.#worker?.wake();
  }

  async counts(): Promise<QueueCounts> {
    return await this.#queue.counts();
  }

  late(): Scan['late'] {
    return this.#late ?? this.team?.lastScan()?.late;
  }

  /** Starts to do what is due in this process. */
  start({ managers, config, onMaintained, onWatched }: StartOptions): void {
    const { log, clock } = this.#options;
    const { concurrency, per_issuer: perIssuer, check_interval: seconds } = config.values.renewal;
    const started = worker({
      managers,
      queue: this.#queue,
      concurrency,
      perIssuer,
      interval: { seconds },
      clock,
      onWatched,
      ...this.#teamOptions(),
      onMaintained(task, result) {
        onMaintained(result);
        logResult(log, task, result);
      },
      onDeployed: (id, result) => logDeployment(log, id, result),
      onError: (subject, error) => logError(log, subject, error),
      onLate: (late) => {
        this.#late = late && { id: late.id, dueAt: late.dueAt.toString() };
        logLate(log, this.#late);
      },
    });
    this.#worker = started;
    this.team?.notifier.on({
      due: () => started.wake(),
      ended: (task) => started.wake(task),
    });
  }

  /**
   * Stops the work of this process.
   * @returns the ids of the tasks that were interrupted after `within`
   */
  async stop({ within }: { readonly within: DurationInput }): Promise<readonly string[]> {
    return (await this.#worker?.stop({ within })) ?? [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker?.[Symbol.asyncDispose]();
  }

  /** In a team one process at a time scans for what is due. */
  #teamOptions(): Pick<WorkerOptions, 'runAsLeader' | 'minInterval' | 'onScan'> {
    const { team, storage, clock, log } = this.#options;
    if (!team) return {};
    return {
      runAsLeader: (begin) =>
        leaderElection(
          {
            storage,
            name: 'dispatcher',
            lease: team.lease,
            clock,
            onError: (error) => logError(log, 'the election of the process that scans', error),
          },
          begin,
        ),
      minInterval: minScanInterval,
      onScan: () => team.recordScan(this.#late),
    };
  }
}

function logResult(log: Log, task: string, result: MaintenanceResult): void {
  const { outcome, certificate, order, ...deployment } = result;
  const traceId = traceIdOf(outcome?.traceparent);
  const fields = {
    ...{ package: '@acmex/orchestrator', task, certificate },
    ...(order === undefined ? {} : { order }),
    ...(traceId === undefined ? {} : { traceId }),
  };
  if (outcome?.state === 'failed') {
    const retry = outcome.retryAt === undefined ? 'no retry' : `retry at ${outcome.retryAt}`;
    const event = outcome.state;
    logError(log, `${task} failed, ${retry}`, outcome.error, { ...fields, event });
  } else if (outcome && !outcome.elsewhere)
    log({ level: 'info', msg: `${task} ${outcome.state}`, ...fields, event: outcome.state });
  logDeployment(log, task, deployment, fields);
}

function logDeployment(
  log: Log,
  id: string,
  {
    deployed,
    deployError,
  }:
    | Pick<Deployed, 'deployed' | 'deployError'>
    | Pick<MaintenanceResult, 'deployed' | 'deployError'>,
  fields: Readonly<Record<string, string>> = { certificate: id },
): void {
  const event = 'deployment_failed';
  if (deployed === 'failed')
    logError(log, `${id} is issued but not deployed`, deployError, { ...fields, event });
}

function logLate(log: Log, late: Scan['late']): void {
  if (late)
    log({
      level: 'warn',
      msg: `${late.id} has been due since ${late.dueAt} and is not being worked on`,
      task: late.id,
    });
  else log({ level: 'info', msg: 'no task is late any more' });
}
