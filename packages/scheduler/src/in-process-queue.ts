import { type Clock, milliseconds, systemClock } from '@acmex/clock';
import sorted from 'sorted-btree';
import type { Temporal } from 'temporal-polyfill';
import {
  byPriority,
  countsOfAll,
  priorities,
  type Priority,
  type ProcessOptions,
  type QueuedTask,
  type TaskHandler,
  type TaskQueue,
} from './task-queue.ts';

export interface InProcessQueueOptions {
  readonly clock?: Clock | undefined;
  /** Is told what a handler throws; the task is out of the queue then. */
  readonly onError?: ((id: string, error: unknown) => void) | undefined;
}

interface Waiting extends QueuedTask {
  /** Milliseconds since 1970, where its time has not come. */
  readonly at?: number | undefined;
}

interface Running {
  readonly group: string;
  readonly abort: AbortController;
  /** It was added while it ran. */
  readonly again?: QueuedTask | undefined;
  /** It was removed while it ran. */
  readonly removed?: boolean | undefined;
}

interface Worker extends ProcessOptions {
  readonly handler: TaskHandler;
  running: number;
}

/** A queue in this process's memory. Priorities of p-queue and its like know no groups, so its order is our own, on a kept B-tree. */
export function inProcessQueue({
  clock = systemClock,
  onError = () => {
    /* nobody wants to know */
  },
}: InProcessQueueOptions = {}): TaskQueue {
  const tasks = new Map<string, Waiting>();
  const running = new Map<string, Running>();
  const inGroup = new Map<string, number>();
  const ready = byPriority(() => new Map<string, Set<string>>());
  const delayed = new sorted.default<readonly [number, string], true>(
    undefined,
    ([a, x], [b, y]) => a - b || (x < y ? -1 : x > y ? 1 : 0),
  );
  const workers = new Set<Worker>();
  let closed = false;
  let alarm: { readonly at: number; readonly off: AbortController } | undefined;
  let idle: (() => void) | undefined;

  const now = () => clock.now().epochMilliseconds;
  const takeOut = ({ id, group, priority, at }: Waiting) => {
    tasks.delete(id);
    if (at !== undefined) return void delayed.delete([at, id]);
    const members = ready[priority].get(group);
    members?.delete(id);
    if (members?.size === 0) ready[priority].delete(group);
  };
  const putIn = (task: QueuedTask) => {
    const at =
      task.runAt && task.runAt.epochMilliseconds > now() ? task.runAt.epochMilliseconds : undefined;
    tasks.set(task.id, { ...task, at });
    if (at !== undefined) return void delayed.set([at, task.id], true);
    const groups = ready[task.priority];
    groups.set(task.group, (groups.get(task.group) ?? new Set()).add(task.id));
  };
  const wakeDelayed = () => {
    for (let first = delayed.minKey(); first && first[0] <= now(); first = delayed.minKey()) {
      const task = tasks.get(first[1]);
      delayed.delete(first);
      if (task) putIn({ ...task, runAt: undefined });
    }
  };
  const setAlarm = () => {
    const at = delayed.minKey()?.[0];
    if (closed || at === undefined || (alarm && alarm.at <= at)) return;
    alarm?.off.abort();
    const off = new AbortController();
    const own = (alarm = { at, off });
    // The wall clock may jump: no sleep is longer than a minute.
    clock
      .sleep({ milliseconds: Math.min(60_000, Math.max(1, at - now())) }, { signal: off.signal })
      .then(
        () => {
          if (alarm === own) alarm = undefined;
          pump();
        },
        () => {
          /* another alarm stands in its place */
        },
      );
  };
  const next = (perGroup: number): Waiting | undefined => {
    const groupOf = (priority: Priority) => {
      for (const group of ready[priority].keys())
        if ((inGroup.get(group) ?? 0) < perGroup) return group;
      return undefined;
    };
    const priority = priorities.find((one) => groupOf(one) !== undefined);
    const group = priority && groupOf(priority);
    if (priority === undefined || group === undefined) return undefined;
    const members = ready[priority].get(group) ?? new Set<string>();
    const [id = ''] = members;
    // To the end of the round: the next turn is another group's.
    ready[priority].delete(group);
    ready[priority].set(group, members);
    return tasks.get(id);
  };
  const begin = (worker: Worker, task: Waiting) => {
    takeOut(task);
    const abort = new AbortController();
    running.set(task.id, { group: task.group, abort });
    inGroup.set(task.group, (inGroup.get(task.group) ?? 0) + 1);
    worker.running += 1;
    void (async () => {
      const again = await worker
        .handler(task.id, { signal: abort.signal })
        .catch((error: unknown) => {
          onError(task.id, error);
        });
      const state = running.get(task.id);
      running.delete(task.id);
      worker.running -= 1;
      const left = (inGroup.get(task.group) ?? 1) - 1;
      if (left === 0) inGroup.delete(task.group);
      else inGroup.set(task.group, left);
      if (again && !state?.removed) enqueue({ ...again, id: task.id });
      if (state?.again) enqueue(state.again);
      pump();
      if (running.size === 0) idle?.();
    })();
  };
  const pump = () => {
    wakeDelayed();
    for (const worker of workers) {
      while (!closed && worker.running < worker.concurrency) {
        const task = next(worker.perGroup ?? Infinity);
        if (!task) break;
        begin(worker, task);
      }
    }
    setAlarm();
  };
  const enqueue = (task: QueuedTask) => {
    const old = tasks.get(task.id);
    if (old) takeOut(old);
    putIn(old ? merged(old, task) : task);
  };

  return {
    async add(task) {
      const state = running.get(task.id);
      if (state)
        running.set(task.id, {
          ...state,
          removed: false,
          again: state.again ? merged(state.again, task) : task,
        });
      else enqueue(task);
      pump();
    },
    process(handler, options) {
      const worker: Worker = {
        ...options,
        handler: async (...args) => await handler(...args),
        running: 0,
      };
      workers.add(worker);
      pump();
      return () => {
        workers.delete(worker);
      };
    },
    async remove(id) {
      const task = tasks.get(id);
      if (task) takeOut(task);
      const state = running.get(id);
      if (state) running.set(id, { ...state, removed: true, again: undefined });
    },
    async counts() {
      wakeDelayed();
      const late = new Map<string, number>();
      for (const { group, at } of tasks.values())
        if (at !== undefined) late.set(group, (late.get(group) ?? 0) + 1);
      const groups = new Set([
        ...priorities.flatMap((one) => [...ready[one].keys()]),
        ...late.keys(),
        ...inGroup.keys(),
      ]);
      return countsOfAll(
        [...groups].map((group) => ({
          group,
          waiting: byPriority((one) => ready[one].get(group)?.size ?? 0),
          delayed: late.get(group) ?? 0,
          running: inGroup.get(group) ?? 0,
        })),
        [...workers].reduce((sum, { concurrency }) => sum + concurrency, 0),
      );
    },
    async close({ within }) {
      closed = true;
      alarm?.off.abort();
      if (running.size === 0) return [];
      const ended = new Promise<void>((resolve) => {
        idle = resolve;
      });
      const limit = new AbortController();
      await Promise.race([
        ended,
        clock.sleep({ milliseconds: milliseconds(within) }, { signal: limit.signal }).catch(() => {
          /* all ended before */
        }),
      ]);
      limit.abort();
      const aborted = [...running].map(([id, { abort }]) => {
        abort.abort(new DOMException('the queue is closing', 'AbortError'));
        return id;
      });
      if (running.size > 0) await ended;
      return aborted;
    },
  };
}

/** The earlier time and the more urgent priority. */
function merged(one: QueuedTask, other: QueuedTask): QueuedTask {
  const priority =
    priorities.find((urgency) => urgency === one.priority || urgency === other.priority) ??
    one.priority;
  const runAt = one.runAt && other.runAt ? earlier(one.runAt, other.runAt) : undefined;
  return { id: one.id, group: other.group, priority, runAt };
}

function earlier(one: Temporal.Instant, other: Temporal.Instant): Temporal.Instant {
  return one.epochMilliseconds <= other.epochMilliseconds ? one : other;
}
