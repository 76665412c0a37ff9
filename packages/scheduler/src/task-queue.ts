import type { Temporal } from 'temporal-polyfill';
import type { DurationInput } from '@acmex/clock';

export const priorities = ['urgent', 'high', 'normal', 'low'] as const;
export type Priority = (typeof priorities)[number];

/** A task that is to run. Ids only: what it is lies in storage. */
export interface QueuedTask {
  readonly id: string;
  /** What shares a limit: an issuer's account. */
  readonly group: string;
  readonly priority: Priority;
  /** Not before this; at once by default. */
  readonly runAt?: Temporal.Instant | undefined;
}

/** What a handler answers that wants to be called again. */
export type Again = Required<Omit<QueuedTask, 'id'>>;

/** Does one task. What it throws is reported, and the task leaves the queue: a queue retries nothing. */
export type TaskHandler = (
  id: string,
  options: { readonly signal: AbortSignal },
) => Promise<Again | undefined>;

export interface ProcessOptions {
  /** How many tasks run at once. */
  readonly concurrency: number;
  /** How many of one group run at once; all by default. */
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
  /** Those whose time has not come. */
  readonly delayed: number;
  readonly running: number;
  /** How many can run at once, by all who work. */
  readonly capacity: number;
  /** Of those groups that have something. */
  readonly groups: readonly GroupCounts[];
}

/** The counts of all groups together. */
export function countsOfAll(groups: readonly GroupCounts[], capacity: number): QueueCounts {
  const some = groups.filter(
    ({ waiting, delayed, running }) =>
      delayed + running > 0 || priorities.some((one) => waiting[one] > 0),
  );
  const sum = (of: (one: GroupCounts) => number) => some.reduce((all, one) => all + of(one), 0);
  return {
    waiting: byPriority((one) => sum(({ waiting }) => waiting[one])),
    delayed: sum(({ delayed }) => delayed),
    running: sum(({ running }) => running),
    capacity,
    groups: some,
  };
}

/** A value for each priority. */
export function byPriority<T>(of: (priority: Priority) => T): Record<Priority, T> {
  return { urgent: of('urgent'), high: of('high'), normal: of('normal'), low: of('low') };
}

/**
 * Carries ids of tasks to who does them. A hint and no record: a queue that is lost is filled again from what is due.
 * The more urgent run first, groups of one priority take turns, and a group at its limit keeps no other waiting. That none
 * starves is the dispatcher's doing, which lets only so many wait, in shares.
 */
export interface TaskQueue {
  /** Makes `id` wait. Waiting already: the earlier time and the more urgent priority win. Running: it runs once more afterwards. */
  add(task: QueuedTask): Promise<void>;
  /** Begins to do tasks. @returns ends that: nothing new begins, and what runs goes on */
  process(handler: TaskHandler, options: ProcessOptions): () => void;
  /** Waiting: it is gone. Running: it goes on, and does not run again. */
  remove(id: string): Promise<void>;
  counts(): Promise<QueueCounts>;
  /**
   * Begins nothing more and waits for what runs; after `within` it aborts their signals, and waits for them.
   * @returns the ids of those that were aborted
   */
  close(options: { readonly within: DurationInput }): Promise<readonly string[]>;
}
