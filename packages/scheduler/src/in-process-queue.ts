import { type Clock, milliseconds, systemClock } from '@acmex/clock';
import sorted from 'sorted-btree';
import {
  byPriority,
  countsOfAll,
  priorities,
  type Priority,
  type ProcessOptions,
  type QueueCounts,
  type QueuedTask,
  type TaskHandler,
  type TaskQueue,
} from './task-queue.ts';

export interface InProcessQueueOptions {
  readonly clock?: Clock | undefined;
  /** Called with what a handler throws; the task is out of the queue then. */
  readonly onError?: ((id: string, error: unknown) => void) | undefined;
}

interface WaitingTask extends QueuedTask {
  /** When its delay is over, in milliseconds since 1970; undefined for a task without a delay. */
  readonly at?: number | undefined;
}

interface RunningTask {
  readonly group: string;
  readonly abort: AbortController;
  /** Set when it was added while it runs. */
  readonly again?: QueuedTask | undefined;
  /** Whether it was removed while it runs. */
  readonly isRemoved?: boolean | undefined;
}

interface Consumer extends ProcessOptions {
  readonly handler: TaskHandler;
  running: number;
}

/** Returns a queue in the memory of this process. */
export function inProcessQueue(options: InProcessQueueOptions = {}): TaskQueue {
  return new InProcessQueue(options);
}

class InProcessQueue implements TaskQueue {
  readonly #clock: Clock;
  readonly #onError: InProcessQueueOptions['onError'];
  readonly #waiting: WaitingTasks;
  readonly #running = new Map<string, RunningTask>();
  readonly #runningInGroup = new Map<string, number>();
  readonly #consumers = new Set<Consumer>();
  #isClosed = false;
  #alarm: { readonly at: number; readonly off: AbortController } | undefined;
  #onIdle: (() => void) | undefined;

  constructor({ clock = systemClock, onError }: InProcessQueueOptions) {
    this.#clock = clock;
    this.#onError = onError;
    this.#waiting = new WaitingTasks(clock);
  }

  async add(task: QueuedTask): Promise<void> {
    const running = this.#running.get(task.id);
    if (running)
      this.#running.set(task.id, {
        ...running,
        isRemoved: false,
        again: running.again ? merged(running.again, task) : task,
      });
    else this.#waiting.add(task);
    this.#startTasks();
  }

  process(handler: TaskHandler, options: ProcessOptions): () => void {
    const consumer: Consumer = {
      ...options,
      handler: async (id, call) => await handler(id, call),
      running: 0,
    };
    this.#consumers.add(consumer);
    this.#startTasks();
    return () => {
      this.#consumers.delete(consumer);
    };
  }

  async remove(id: string): Promise<void> {
    this.#waiting.remove(id);
    const running = this.#running.get(id);
    if (running) this.#running.set(id, { ...running, isRemoved: true, again: undefined });
  }

  async counts(): Promise<QueueCounts> {
    this.#waiting.endDelays();
    const delayed = this.#waiting.delayedByGroup();
    const groups = new Set([
      ...this.#waiting.readyGroups(),
      ...delayed.keys(),
      ...this.#runningInGroup.keys(),
    ]);
    return countsOfAll(
      [...groups].map((group) => ({
        group,
        waiting: byPriority((priority) => this.#waiting.readyCount(priority, group)),
        delayed: delayed.get(group) ?? 0,
        running: this.#runningInGroup.get(group) ?? 0,
      })),
      [...this.#consumers].reduce((sum, { concurrency }) => sum + concurrency, 0),
    );
  }

  async close({ within }: Parameters<TaskQueue['close']>[0]): Promise<readonly string[]> {
    this.#isClosed = true;
    this.#alarm?.off.abort();
    if (this.#running.size === 0) return [];
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    const limit = new AbortController();
    await Promise.race([
      idle,
      this.#clock
        .sleep({ milliseconds: milliseconds(within) }, { signal: limit.signal })
        .catch(() => {
          /* all tasks ended before */
        }),
    ]);
    limit.abort();
    const aborted = [...this.#running].map(([id, { abort }]) => {
      abort.abort(new DOMException('the queue is closing', 'AbortError'));
      return id;
    });
    if (this.#running.size > 0) await idle;
    return aborted;
  }

  #startTasks(): void {
    this.#waiting.endDelays();
    for (const consumer of this.#consumers) {
      while (!this.#isClosed && consumer.running < consumer.concurrency) {
        const task = this.#waiting.take(
          (group) => (this.#runningInGroup.get(group) ?? 0) < (consumer.perGroup ?? Infinity),
        );
        if (!task) break;
        void this.#run(consumer, task);
      }
    }
    this.#setAlarm();
  }

  async #run(consumer: Consumer, { id, group }: QueuedTask): Promise<void> {
    const abort = new AbortController();
    this.#running.set(id, { group, abort });
    this.#countRunning(group, 1);
    consumer.running += 1;
    const again = await consumer.handler(id, { signal: abort.signal }).catch((error: unknown) => {
      this.#onError?.(id, error);
      return undefined;
    });
    const running = this.#running.get(id);
    this.#running.delete(id);
    this.#countRunning(group, -1);
    consumer.running -= 1;
    if (again && !running?.isRemoved) this.#waiting.add({ ...again, id });
    if (running?.again) this.#waiting.add(running.again);
    this.#startTasks();
    if (this.#running.size === 0) this.#onIdle?.();
  }

  #countRunning(group: string, change: number): void {
    const count = (this.#runningInGroup.get(group) ?? 0) + change;
    if (count === 0) this.#runningInGroup.delete(group);
    else this.#runningInGroup.set(group, count);
  }

  /** Starts tasks again when the next delay is over. */
  #setAlarm(): void {
    const at = this.#waiting.nextAt();
    if (this.#isClosed || at === undefined || (this.#alarm && this.#alarm.at <= at)) return;
    this.#alarm?.off.abort();
    const alarm = { at, off: new AbortController() };
    this.#alarm = alarm;
    // The wall clock may jump: no sleep is longer than a minute.
    const pause = Math.min(60_000, Math.max(1, at - this.#clock.now().epochMilliseconds));
    this.#clock.sleep({ milliseconds: pause }, { signal: alarm.off.signal }).then(
      () => {
        if (this.#alarm === alarm) this.#alarm = undefined;
        this.#startTasks();
      },
      () => {
        /* an earlier alarm replaced this one */
      },
    );
  }
}

/**
 * The tasks that wait: those without a delay by priority and group, the others by the time at which
 * they can run.
 */
class WaitingTasks {
  readonly #clock: Clock;
  readonly #tasks = new Map<string, WaitingTask>();
  /** The ids of tasks that can run. The first group of a priority is the next to have its turn. */
  readonly #ready = byPriority(() => new Map<string, Set<string>>());
  readonly #delayed = new sorted.default<readonly [number, string], true>(
    undefined,
    ([a, aId], [b, bId]) => a - b || compareIds(aId, bId),
  );

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Adds a task, or merges it with the one of the same id. */
  add(task: QueuedTask): void {
    const existing = this.#tasks.get(task.id);
    if (existing) this.#delete(existing);
    this.#insert(existing ? merged(existing, task) : task);
  }

  remove(id: string): void {
    const task = this.#tasks.get(id);
    if (task) this.#delete(task);
  }

  /**
   * Takes the most urgent task of a group that may run more; of one priority, that of the group
   * whose turn is next.
   */
  take(mayRun: (group: string) => boolean): WaitingTask | undefined {
    for (const priority of priorities) {
      const groups = this.#ready[priority];
      const group = [...groups.keys()].find(mayRun);
      const members = group === undefined ? undefined : groups.get(group);
      if (group === undefined || !members) continue;
      groups.delete(group);
      groups.set(group, members);
      const [id = ''] = members;
      const task = this.#tasks.get(id);
      if (task) this.#delete(task);
      return task;
    }
    return undefined;
  }

  /** Lets the tasks run whose delay is over. */
  endDelays(): void {
    const now = this.#clock.now().epochMilliseconds;
    for (let first = this.#delayed.minKey(); first && first[0] <= now;) {
      const task = this.#tasks.get(first[1]);
      this.#delayed.delete(first);
      if (task) this.#insert({ ...task, runAt: undefined });
      first = this.#delayed.minKey();
    }
  }

  /** Returns when the next delay is over, in milliseconds since 1970. */
  nextAt(): number | undefined {
    return this.#delayed.minKey()?.[0];
  }

  readyGroups(): readonly string[] {
    return priorities.flatMap((priority) => [...this.#ready[priority].keys()]);
  }

  readyCount(priority: Priority, group: string): number {
    return this.#ready[priority].get(group)?.size ?? 0;
  }

  delayedByGroup(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { group, at } of this.#tasks.values())
      if (at !== undefined) counts.set(group, (counts.get(group) ?? 0) + 1);
    return counts;
  }

  #insert(task: QueuedTask): void {
    const runAt = task.runAt?.epochMilliseconds ?? 0;
    const at = runAt > this.#clock.now().epochMilliseconds ? runAt : undefined;
    this.#tasks.set(task.id, { ...task, at });
    if (at !== undefined) {
      this.#delayed.set([at, task.id], true);
      return;
    }
    const groups = this.#ready[task.priority];
    groups.set(task.group, (groups.get(task.group) ?? new Set()).add(task.id));
  }

  #delete({ id, group, priority, at }: WaitingTask): void {
    this.#tasks.delete(id);
    if (at !== undefined) {
      this.#delayed.delete([at, id]);
      return;
    }
    const members = this.#ready[priority].get(group);
    members?.delete(id);
    if (members?.size === 0) this.#ready[priority].delete(group);
  }
}

function compareIds(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Returns a task with the earlier time and the more urgent priority of two. */
function merged(existing: QueuedTask, added: QueuedTask): QueuedTask {
  const priority =
    priorities.find((urgency) => urgency === existing.priority || urgency === added.priority) ??
    existing.priority;
  const [first, second] = [existing.runAt, added.runAt];
  const isFirstEarlier = first && second && first.epochMilliseconds <= second.epochMilliseconds;
  const runAt = first && second && (isFirstEarlier ? first : second);
  return { id: existing.id, group: added.group, priority, runAt };
}
