import { type Clock, type DurationInput, milliseconds, systemClock } from '@acmex/clock';
import {
  type Deployed,
  dueSource,
  type MaintenanceResult,
  startEventRemoval,
} from '@acmex/orchestrator';
import {
  type Dispatcher,
  dispatcher,
  type DueSource,
  type DueTask,
  type TaskQueue,
} from '@acmex/scheduler';
import type { Temporal } from 'temporal-polyfill';
import type { CertificateManager } from './certificate-manager.ts';
import { startRetryAfterSetBack } from './clock-set-back.ts';
import { startNotifying, storedEvents } from './notifying.ts';
import { startServedChecks } from './served-checks.ts';
import { startWatching, type WatchingOptions } from './watching.ts';

export interface WorkerOptions {
  /**
   * Returns the managers by the scope that names their tasks. Called at every scan, so that the
   * result may change. One scope may be empty.
   */
  readonly managers: () => ReadonlyMap<string, CertificateManager>;
  readonly queue: TaskQueue;
  /** The number of tasks at the same time. */
  readonly concurrency: number;
  /** The number of tasks of one issuer at the same time; `concurrency` by default. */
  readonly perIssuer?: number | undefined;
  /** The longest time between two scans for what other processes have written. */
  readonly interval?: DurationInput | undefined;
  readonly onMaintained?: ((id: string, result: MaintenanceResult) => void) | undefined;
  /** Called at the end of a run with the outcome of each certificate that was deployed. */
  readonly onDeployed?: ((id: string, deployed: Deployed) => void) | undefined;
  readonly onError?: ((what: string, error: unknown) => void) | undefined;
  /**
   * Called once when the oldest due task is late, and once with undefined when none is late again.
   */
  readonly onLate?:
    | ((late: { readonly id: string; readonly dueAt: Temporal.Instant } | undefined) => void)
    | undefined;
  /** The shortest time between two scans; none by default. */
  readonly minInterval?: DurationInput | undefined;
  /**
   * Where several processes share a queue, one of them scans for what is due: calls `begin` while
   * this process is the leader. Calls it at once by default.
   */
  readonly runAsLeader?: ((begin: () => AsyncDisposable) => AsyncDisposable) | undefined;
  /** Called after each scan for alarms, which every process does by itself. */
  readonly onWatched?: WatchingOptions['onWatched'];
  /** Called after each successful scan. */
  readonly onScan?: (() => void) | undefined;
  readonly clock?: Clock | undefined;
}

/** Does what is due, until it is stopped. */
export interface Worker extends AsyncDisposable {
  /**
   * Scans now: something was written, or the task `ended` was done here or in a different process.
   */
  wake(ended?: string): void;
  /**
   * Begins no more tasks, waits for those at work, and aborts them after a time limit: they
   * continue in a different process, or later.
   * @returns the ids of the tasks that were aborted
   */
  stop(options: { readonly within: DurationInput }): Promise<readonly string[]>;
}

/**
 * The longest run: after it, what is due once at its end is done even if more tasks are at work.
 */
const longestRun = { seconds: 60 };

/**
 * Starts a worker for any number of managers: it finds what is due there, does it, reports what is
 * not done in time, checks what servers serve, sends their notifications, and removes old events.
 */
export function worker(options: WorkerOptions): Worker {
  const { managers, queue, concurrency, perIssuer, onMaintained } = options;
  const { runAsLeader = (begin) => begin(), clock = systemClock } = options;
  const onError = (what: string, error: unknown) => options.onError?.(what, error);
  const runs = runTracker({ clock, onDeployed: options.onDeployed, onError });
  const { interval, onWatched } = options;
  const watching = startWatching({ managers, interval, onWatched, clock, onError });
  const upkeep = startUpkeep({ managers, clock, onError });
  const notifying = startNotifying({ managers, clock, onError, ready: watching.idle });
  let loop: Dispatcher | undefined;
  const stopProcessing = queue.process(
    async (task, { signal }) => {
      const [scope, id] = splitTaskId(task);
      const manager = managers().get(scope);
      if (manager)
        await runs.track(manager, scope, async () => {
          onMaintained?.(task, await manager.maintain(id, { signal }));
        });
      loop?.wake(task);
      watching.wake();
      notifying.wake();
      return undefined;
    },
    { concurrency, perGroup: perIssuer },
  );
  const leading = runAsLeader(() => {
    const scanning = startDispatcher(options, clock, onError);
    loop = scanning;
    return {
      async [Symbol.asyncDispose]() {
        loop = undefined;
        await scanning[Symbol.asyncDispose]();
      },
    };
  });
  let stopped: Promise<readonly string[]> | undefined;
  const stop = async (within: DurationInput) => {
    await leading[Symbol.asyncDispose]();
    const aborted = await queue.close({ within });
    stopProcessing();
    await runs.end();
    for (const part of [watching, ...upkeep, notifying]) await part[Symbol.asyncDispose]();
    return aborted;
  };
  return {
    wake(ended) {
      loop?.wake(ended);
      watching.wake();
      notifying.wake();
    },
    async stop({ within }) {
      stopped ??= stop(within);
      return await stopped;
    },
    async [Symbol.asyncDispose]() {
      stopped ??= stop({ seconds: 0 });
      await stopped;
    },
  };
}

/**
 * Starts what is done now and then: the checks of servers, the removal of old events, and the retries
 * after the clock was set back.
 */
function startUpkeep(
  options: Pick<WatchingOptions, 'clock' | 'onError'> & Pick<WorkerOptions, 'managers'>,
): readonly AsyncDisposable[] {
  const removal = startEventRemoval({
    stores: () => [...options.managers().values()].map(storedEvents),
    clock: options.clock,
    onError: (error) => options.onError('old events cannot be removed', error),
  });
  return [startServedChecks(options), startRetryAfterSetBack(options), removal];
}

function startDispatcher(
  { managers, queue, interval, minInterval, onLate, onScan }: WorkerOptions,
  clock: Clock,
  onError: (what: string, error: unknown) => void,
): Dispatcher {
  return dispatcher({
    source: combinedDueSource(managers),
    queue,
    interval,
    minInterval: minInterval,
    clock,
    onLate,
    onScan,
    onError: (error) => onError('cannot read what is due', error),
  });
}

/**
 * Returns the id of a task: `team/crt_…`, or only the certificate's id where the scope is empty.
 */
export function taskId(scope: string, id: string): string {
  return scope === '' ? id : `${scope}/${id}`;
}

function splitTaskId(task: string): readonly [scope: string, id: string] {
  const slash = task.lastIndexOf('/');
  return slash < 0 ? ['', task] : [task.slice(0, slash), task.slice(slash + 1)];
}

/** Combines what is due at all managers, the earliest first. */
export function combinedDueSource(managers: WorkerOptions['managers']): DueSource {
  const sources = () =>
    [...managers()].map(
      ([scope, { provisioner }]) => [scope, dueSource(provisioner.certificates)] as const,
    );
  return {
    async *due(now, { limit, signal }) {
      const tasks: DueTask[] = [];
      for (const [scope, source] of sources()) {
        for await (const task of source.due(now, { limit, signal }))
          tasks.push({
            ...task,
            id: taskId(scope, task.id),
            group: scope === '' ? task.group : `${scope}/${task.group}`,
          });
      }
      yield* tasks
        .sort((a, b) => a.dueAt.epochMilliseconds - b.dueAt.epochMilliseconds)
        .slice(0, limit);
    },
    async next({ signal }) {
      const instants = await Promise.all(
        sources().map(async ([, source]) => await source.next({ signal })),
      );
      return instants
        .filter((instant) => instant !== undefined)
        .sort((a, b) => a.epochMilliseconds - b.epochMilliseconds)[0];
    },
  };
}

interface Run {
  tasks: number;
  begun: number;
  ending: Promise<void>;
}

/**
 * Ends the runs of managers: when no task of a manager is at work, or a minute after its run began.
 */
function runTracker({
  clock,
  onDeployed,
  onError,
}: Pick<WorkerOptions, 'onDeployed'> & {
  readonly clock: Clock;
  readonly onError: (what: string, error: unknown) => void;
}) {
  const runs = new Map<CertificateManager, Run>();
  const runOf = (manager: CertificateManager) => {
    const run = runs.get(manager) ?? {
      tasks: 0,
      begun: clock.monotonic(),
      ending: Promise.resolve(),
    };
    runs.set(manager, run);
    return run;
  };
  const finish = async (manager: CertificateManager, scope: string) => {
    for (const deployed of await manager.finish())
      onDeployed?.(taskId(scope, deployed.certificate), deployed);
  };
  return {
    /** Does a task as part of the manager's run, and ends the run after its last task. */
    async track(
      manager: CertificateManager,
      scope: string,
      task: () => Promise<void>,
    ): Promise<void> {
      const run = runOf(manager);
      run.tasks += 1;
      try {
        await task();
      } finally {
        run.tasks -= 1;
        if (run.tasks === 0 || clock.monotonic() - run.begun >= milliseconds(longestRun)) {
          run.begun = clock.monotonic();
          run.ending = run.ending
            .then(async () => await finish(manager, scope))
            .catch((error: unknown) => onError('cannot end the run', error));
        }
      }
    },
    /** Waits for the runs that are ending. */
    async end(): Promise<void> {
      for (const { ending } of runs.values()) await ending;
    },
  };
}
