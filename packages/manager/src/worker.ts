import { type Clock, type DurationInput, milliseconds, systemClock } from '@acmex/clock';
import { type Deployed, dueSource, type MaintenanceResult } from '@acmex/orchestrator';
import {
  type Dispatcher,
  dispatcher,
  type DueSource,
  type DueTask,
  type TaskQueue,
} from '@acmex/scheduler';
import type { Temporal } from 'temporal-polyfill';
import type { CertificateManager } from './certificate-manager.ts';

export interface WorkerOptions {
  /** What is kept, by the scope that its tasks are named with; asked at every look, so that it may change. One scope may be empty. */
  readonly managers: () => ReadonlyMap<string, CertificateManager>;
  readonly queue: TaskQueue;
  /** How many tasks at once. */
  readonly concurrency: number;
  /** How many of one issuer at once; all by default. */
  readonly perIssuer?: number | undefined;
  /** How often it looks for what others have written, at least. */
  readonly interval?: DurationInput | undefined;
  readonly onMaintained?: ((id: string, maintained: MaintenanceResult) => void) | undefined;
  /** What became of a certificate that was placed, at the end of its run. */
  readonly onDeployed?: ((id: string, deployed: Deployed) => void) | undefined;
  readonly onError?: ((what: string, error: unknown) => void) | undefined;
  /** Is told once when the oldest due task is late, and with undefined once when none is anymore. */
  readonly onLate?:
    | ((late: { readonly id: string; readonly dueAt: Temporal.Instant } | undefined) => void)
    | undefined;
  /** At least so long lies between two looks; nothing by default. */
  readonly breath?: DurationInput | undefined;
  /** Where several share a queue, one of them looks for what is due: begins the looking here when it is this one's turn. At once by default. */
  readonly runAsLeader?: ((begin: () => AsyncDisposable) => AsyncDisposable) | undefined;
  /** Is told of each look for what is due that went well. */
  readonly onScan?: (() => void) | undefined;
  readonly clock?: Clock | undefined;
}

/** Does what is due, until it is stopped. */
export interface Worker extends AsyncDisposable {
  /** Looks now: something was written, or the task `ended` was done here or elsewhere. */
  wake(ended?: string): void;
  /**
   * Begins nothing more, waits for what is at work, and aborts that after a while: it goes on elsewhere, or later.
   * @returns the ids of what was aborted
   */
  stop(options: { readonly within: DurationInput }): Promise<readonly string[]>;
}

/** What was placed waits so long for more, when more is at work, before what is due once after a run is done. */
const longestRun = { seconds: 60 };

/** Works for any number of keepers, each a storage with its configuration: from what is due there to what is done. */
export function worker({
  managers,
  queue,
  concurrency,
  perIssuer,
  interval,
  onMaintained,
  onDeployed,
  onError = () => {
    /* nobody looks */
  },
  onLate,
  onScan,
  breath,
  runAsLeader = (begin) => begin(),
  clock = systemClock,
}: WorkerOptions): Worker {
  const runs = runTracker({ clock, onDeployed, onError });
  const end = queue.process(
    async (task, { signal }) => {
      const [scope, id] = splitTaskId(task);
      const parts = managers().get(scope);
      if (parts)
        await runs.within(parts, scope, async () => {
          onMaintained?.(task, await parts.maintain(id, { signal }));
        });
      loop?.wake(task);
      return undefined;
    },
    { concurrency, perGroup: perIssuer },
  );
  let loop: Dispatcher | undefined;
  const leading = runAsLeader(() => {
    const own = (loop = dispatcher({
      source: combinedDueSource(managers),
      queue,
      interval,
      breath,
      clock,
      onLate,
      onLook: onScan,
      onError: (error) => onError('what is due cannot be read', error),
    }));
    return {
      async [Symbol.asyncDispose]() {
        loop = undefined;
        await own[Symbol.asyncDispose]();
      },
    };
  });
  let stopped: Promise<readonly string[]> | undefined;
  const stop = async (within: DurationInput) => {
    await leading[Symbol.asyncDispose]();
    const aborted = await queue.close({ within });
    end();
    await runs.end();
    return aborted;
  };
  return {
    wake: (ended) => loop?.wake(ended),
    stop: async ({ within }) => await (stopped ??= stop(within)),
    async [Symbol.asyncDispose]() {
      await (stopped ??= stop({ seconds: 0 }));
    },
  };
}

/** `team/crt_…`; without a scope the id alone. */
export const taskId = (scope: string, id: string) => (scope === '' ? id : `${scope}/${id}`);

function splitTaskId(task: string): readonly [scope: string, id: string] {
  const at = task.lastIndexOf('/');
  return at < 0 ? ['', task] : [task.slice(0, at), task.slice(at + 1)];
}

/** What is due anywhere, the earliest first. */
export function combinedDueSource(managers: WorkerOptions['managers']): DueSource {
  const sources = () =>
    [...managers()].map(
      ([scope, { provisioner }]) => [scope, dueSource(provisioner.certificates)] as const,
    );
  return {
    async *due(now, { limit, signal }) {
      const all: DueTask[] = [];
      for (const [scope, source] of sources()) {
        for await (const task of source.due(now, { limit, signal }))
          all.push({
            ...task,
            id: taskId(scope, task.id),
            group: scope === '' ? task.group : `${scope}/${task.group}`,
          });
      }
      yield* all
        .sort((one, other) => one.dueAt.epochMilliseconds - other.dueAt.epochMilliseconds)
        .slice(0, limit);
    },
    async next({ signal }) {
      const all = await Promise.all(
        sources().map(async ([, source]) => await source.next({ signal })),
      );
      return all
        .filter((one) => one !== undefined)
        .sort((one, other) => one.epochMilliseconds - other.epochMilliseconds)[0];
    },
  };
}

/** Ends runs: when nothing is at work for a keeper anymore, or a minute after it began, what is due once after a run is done. */
function runTracker({
  clock,
  onDeployed,
  onError,
}: { readonly clock: Clock } & Pick<WorkerOptions, 'onDeployed'> & {
    readonly onError: (what: string, error: unknown) => void;
  }) {
  const atWork = new Map<
    CertificateManager,
    { tasks: number; begun: number; ending: Promise<void> }
  >();
  const runOf = (parts: CertificateManager) => {
    const run = atWork.get(parts) ?? {
      tasks: 0,
      begun: clock.monotonic(),
      ending: Promise.resolve(),
    };
    atWork.set(parts, run);
    return run;
  };
  return {
    /** Does a task of a run of this keeper. */
    async within(
      parts: CertificateManager,
      scope: string,
      task: () => Promise<void>,
    ): Promise<void> {
      const run = runOf(parts);
      run.tasks += 1;
      try {
        await task();
      } finally {
        run.tasks -= 1;
        if (run.tasks === 0 || clock.monotonic() - run.begun >= milliseconds(longestRun)) {
          run.begun = clock.monotonic();
          run.ending = run.ending
            .then(async () => {
              for (const deployed of await parts.finish())
                onDeployed?.(taskId(scope, deployed.certificate), deployed);
            })
            .catch((error: unknown) => onError('the run could not be ended', error));
        }
      }
    },
    /** Waits for all that was begun. */
    async end(): Promise<void> {
      for (const { ending } of atWork.values()) await ending;
    },
  };
}
