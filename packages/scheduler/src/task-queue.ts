import type { Temporal } from 'temporal-polyfill';
import type { DurationInput } from '@acmex/clock';

export const priorities = ['urgent', 'high', 'normal', 'low'] as const;
export type Priority = (typeof priorities)[number];

/** A task to run, by its id: what it does is in the storage. */
export interface QueuedTask {
  readonly id: string;
  /** Tasks of one group share a limit: a group is an account at an issuer. */
  readonly group: string;
  readonly priority: Priority;
  /** The task does not run before; at once by default. */
  readonly runAt?: Temporal.Instant | undefined;
}

/** What a handler returns to run its task again. */
export type Again = Required<Omit<QueuedTask, 'id'>>;

/** Does a task. An error is reported, and the task leaves the queue: a queue retries nothing. */
export type TaskHandler = (
  id: string,
  options: { readonly signal: AbortSignal },
) => Promise<Again | undefined>;

export interface ProcessOptions {
  /** How many tasks run at once. */
  readonly concurrency: number;
  /** How many tasks of one group run at once; unlimited by default. */
  readonly perGroup?: number | undefined;
}

export interface GroupCounts {
  readonly group: string;
  readonly waiting: Readonly<Record<Priority, number>>;
  readonly delayed: number;
  readonly running: number;
}

export interface QueueCounts {
  readonly waiting: Readonly<Record<Priority, number>>;
  /** Tasks whose `runAt` has not come. */
  readonly delayed: number;
  readonly running: number;
  /** How many tasks all workers together can run at once. */
  readonly capacity: number;
  /** The groups that have a task. */
  readonly groups: readonly GroupCounts[];
}

/** Returns the counts of all groups together. */
export function countsOfAll(groups: readonly GroupCounts[], capacity: number): QueueCounts {
  const nonEmpty = groups.filter(
    ({ waiting, delayed, running }) =>
      delayed + running > 0 || priorities.some((priority) => waiting[priority] > 0),
  );
  const sum = (countOf: (group: GroupCounts) => number) =>
    nonEmpty.reduce((total, group) => total + countOf(group), 0);
  return {
    waiting: byPriority((priority) => sum(({ waiting }) => waiting[priority])),
    delayed: sum(({ delayed }) => delayed),
    running: sum(({ running }) => running),
    capacity,
    groups: nonEmpty,
  };
}

/** Returns a value for each priority. */
export function byPriority<T>(valueOf: (priority: Priority) => T): Record<Priority, T> {
  return {
    urgent: valueOf('urgent'),
    high: valueOf('high'),
    normal: valueOf('normal'),
    low: valueOf('low'),
  };
}

/**
 * Carries ids of tasks to workers. It is a hint, not a record: a queue that is lost is filled again
 * from what is due. More urgent tasks run first, groups of one priority take turns, and a group at
 * its limit does not make others wait. No task starves, because the dispatcher lets only so many
 * wait, in shares.
 */
export interface TaskQueue {
  /**
   * Makes `id` wait. If it waits already, the earlier time and the more urgent priority win. If it
   * runs, it runs once more afterwards.
   */
  add(task: QueuedTask): Promise<void>;
  /** Starts to do tasks. @returns stops that: no other task starts, and running tasks continue */
  process(handler: TaskHandler, options: ProcessOptions): () => void;
  /** Removes a task that waits. A task that runs continues, and does not run again. */
  remove(id: string): Promise<void>;
  counts(): Promise<QueueCounts>;
  /**
   * Starts no other task and waits for those that run; after `within` it aborts their signals, and
   * waits for them.
   * @returns the ids of those that were aborted
   */
  close(options: { readonly within: DurationInput }): Promise<readonly string[]>;
}
