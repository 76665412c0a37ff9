import { type Clock, type DurationInput, milliseconds, systemClock, timestamp } from '@acmex/clock';
import {
  type Again,
  countsOfAll,
  type ProcessOptions,
  type QueueCounts,
  type QueuedTask,
  type TaskHandler,
  type TaskQueue,
} from '@acmex/scheduler';
import { defaultLease } from '@acmex/storage';
import type { Queue, RedisConnection } from 'bullmq';
import type { Redis } from 'ioredis';
import { type BullGroup, BullGroups, connectBullMq, type TakenTask } from './bull-group.ts';
import { lockTimes } from './lock-times.ts';
import type { Notifier } from './notifier.ts';
import { type InvalidValues, readGroupName } from './redis-values.ts';
import { ofType } from './typed-key.ts';
import type { WorkerRegistry } from './worker-registry.ts';

export interface BullQueueOptions {
  readonly client: Redis;
  /** What keys in Redis begin with; in braces, so that they are on one node of a Cluster. */
  readonly prefix: string;
  readonly notifier: Notifier;
  readonly registry: WorkerRegistry;
  /** Names this process among the workers. */
  readonly name: string;
  /** Counts what is removed from Redis because it is not valid. */
  readonly invalidValues: InvalidValues;
  /** How long a process may be silent before it has lost its tasks; 10 seconds by default. */
  readonly lease?: DurationInput | undefined;
  readonly clock?: Clock | undefined;
  /**
   * Called with what a handler throws, and for a task that cannot be ended: the task is out of the
   * queue then.
   */
  readonly onTaskError?: ((id: string, error: unknown) => void) | undefined;
  /** Called with errors of the queue itself; it continues. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** How often a process polls that gets no notification. Milliseconds. */
const pollMs = 1000;

/** A task that this process does. */
interface RunningTask {
  readonly task: TakenTask;
  readonly abort: AbortController;
  isRemoved: boolean;
}

/** This process as a worker. */
interface Consumer extends ProcessOptions {
  readonly handler: TaskHandler;
  readonly registration: AsyncDisposable;
}

/**
 * A queue in Redis, by BullMQ: any number of processes add to it and work for it. Each group is a
 * queue of BullMQ. Tasks are taken one by one over a shared connection, because `concurrency` holds
 * for all groups of a process together, and the most urgent task of all groups comes first.
 */
export class BullQueue implements TaskQueue {
  readonly #options: BullQueueOptions;
  readonly #clock: Clock;
  readonly #groupsKey: string;
  readonly #factory: BullGroups;
  readonly #groups = new Map<string, BullGroup>();
  /** When each group had a task taken last: the number of that turn. */
  readonly #lastTurns = new Map<BullGroup, number>();
  readonly #running = new Set<RunningTask>();
  readonly #ended = new AbortController();
  #consumer: Consumer | undefined;
  #turns = 0;
  #taking: Promise<void> | undefined;
  #takeAgain = false;
  #isClosed = false;
  #lost = 0;
  #onIdle: (() => void) | undefined;

  private constructor(options: BullQueueOptions, connection: RedisConnection) {
    const { client, prefix, name, notifier, invalidValues } = options;
    const { clock = systemClock, lease = defaultLease } = options;
    const locks = lockTimes(lease);
    this.#options = options;
    this.#clock = clock;
    this.#groupsKey = `${prefix}:groups`;
    const onError = (error: unknown) => this.#reportError(error);
    this.#factory = new BullGroups(
      { client, prefix, name, locks, clock, invalidValues, onError },
      connection,
    );
    const take = () => this.#takeTasks();
    notifier.on({ waiting: take, ended: take });
    this.#repeat(pollMs, async () => await this.#poll());
    this.#repeat(locks.lockRenewTime, async () => await this.#renewLocks());
    // A Redis that was wiped has forgotten the limits.
    this.#repeat(locks.stalledInterval, async () => await this.#maintainGroups());
  }

  /** @throws what Redis answers, or that the connection is lost */
  static async connect(options: BullQueueOptions): Promise<BullQueue> {
    return new BullQueue(options, await connectBullMq(options.client));
  }

  /**
   * The number of tasks that this process no longer owned when it ended them: it was silent for too
   * long and another process took them, or Redis lost them.
   */
  get lost(): number {
    return this.#lost;
  }

  /** Returns the queues of BullMQ. */
  queues(): readonly Queue[] {
    return [...this.#groups.values()].map(({ queue }) => queue);
  }

  async add(task: QueuedTask): Promise<void> {
    const { client, invalidValues } = this.#options;
    await Promise.all([
      this.#group(task.group).add(task),
      ofType({ client, key: this.#groupsKey, invalidValues }, async () =>
        client.sadd(this.#groupsKey, task.group),
      ),
    ]);
    this.#options.notifier.notifyWaiting();
  }

  process(handler: TaskHandler, options: ProcessOptions): () => void {
    if (this.#consumer) throw new TypeError('this queue has a handler already');
    const consumer: Consumer = {
      ...options,
      handler: async (id, call) => await handler(id, call),
      registration: this.#options.registry.register({
        name: this.#options.name,
        capacity: options.concurrency,
        since: timestamp(this.#clock.now()),
      }),
    };
    this.#consumer = consumer;
    for (const group of this.#groups.values()) group.startConsuming(options.perGroup);
    void this.#poll().catch((error: unknown) => this.#reportError(error));
    return () => {
      if (this.#consumer !== consumer) return;
      this.#consumer = undefined;
      void consumer.registration[Symbol.asyncDispose]();
    };
  }

  async remove(id: string): Promise<void> {
    for (const running of this.#running) if (running.task.id === id) running.isRemoved = true;
    await this.#readGroups();
    await this.#ofEachGroup(async (group) => await group.remove(id));
  }

  async counts(): Promise<QueueCounts> {
    await this.#readGroups();
    const groups = await this.#ofEachGroup(async (group) => await group.counts());
    const workers = await this.#options.registry.list();
    const capacity = workers.reduce((sum, worker) => sum + worker.capacity, 0);
    return countsOfAll(groups, Math.max(capacity, this.#consumer?.concurrency ?? 0));
  }

  async close({ within }: Parameters<TaskQueue['close']>[0]): Promise<readonly string[]> {
    this.#isClosed = true;
    await this.#consumer?.registration[Symbol.asyncDispose]();
    await this.#taking;
    const aborted = this.#running.size === 0 ? [] : await this.#drain(milliseconds(within));
    this.#consumer = undefined;
    this.#ended.abort();
    for (const group of this.#groups.values()) await group.close();
    return aborted;
  }

  /**
   * Waits for the tasks that run, and aborts them after a while.
   * @returns the ids of those that were aborted
   */
  async #drain(withinMs: number): Promise<readonly string[]> {
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    const limit = new AbortController();
    await Promise.race([
      idle,
      this.#clock.sleep({ milliseconds: withinMs }, { signal: limit.signal }).catch(() => {
        /* all tasks ended before */
      }),
    ]);
    limit.abort();
    const aborted = [...this.#running].map(({ task, abort }) => {
      abort.abort(new DOMException('the queue is closing', 'AbortError'));
      return task.id;
    });
    if (this.#running.size > 0) await idle;
    return aborted;
  }

  #group(name: string): BullGroup {
    const existing = this.#groups.get(name);
    if (existing) return existing;
    const group = this.#factory.open(name, () => this.#takeTasks());
    this.#groups.set(name, group);
    if (this.#consumer) group.startConsuming(this.#consumer.perGroup);
    return group;
  }

  /** Opens the groups that other processes have added. */
  async #readGroups(): Promise<void> {
    const { client, invalidValues } = this.#options;
    const members = await ofType({ client, key: this.#groupsKey, invalidValues }, async () =>
      client.smembersBuffer(this.#groupsKey),
    );
    for (const member of members ?? []) {
      const name = readGroupName(member);
      if (name !== undefined) this.#group(name);
      else invalidValues.add('group', await client.srem(this.#groupsKey, member));
    }
  }

  /**
   * Does something with every group. An error in one group is reported and does not keep the others
   * from it; an error of the connection is thrown.
   */
  async #ofEachGroup<T>(work: (group: BullGroup) => Promise<T>): Promise<readonly T[]> {
    const results = await Promise.allSettled([...this.#groups.values()].map(work));
    const failures = results.filter((result) => result.status === 'rejected');
    const values = results.flatMap((result) =>
      result.status === 'fulfilled' ? [result.value] : [],
    );
    if (failures[0] && values.length === 0) throw failures[0].reason;
    for (const { reason } of failures) this.#reportError(reason);
    return values;
  }

  async #poll(): Promise<void> {
    if (!this.#consumer) return;
    await this.#readGroups();
    this.#takeTasks();
  }

  /** Takes tasks until none is left, or no more can run; once more, when called meanwhile. */
  #takeTasks(): void {
    this.#takeAgain = true;
    if (this.#taking || !this.#consumer) return;
    this.#taking = this.#takeUntilFull()
      .catch((error: unknown) => this.#reportError(error))
      .finally(() => {
        this.#taking = undefined;
      });
  }

  async #takeUntilFull(): Promise<void> {
    while (this.#takeAgain && this.#hasRoom()) {
      this.#takeAgain = false;
      let hasTaken = true;
      while (hasTaken && this.#hasRoom()) hasTaken = await this.#takeTask();
    }
  }

  #hasRoom(): boolean {
    return (
      this.#consumer !== undefined &&
      !this.#isClosed &&
      this.#running.size < this.#consumer.concurrency
    );
  }

  /** @returns false where no task can run */
  async #takeTask(): Promise<boolean> {
    for (const group of await this.#groupsInTurn()) {
      const task = await group.take().catch((error: unknown) => this.#reportError(error));
      if (!task) continue;
      if (!this.#consumer || this.#isClosed) {
        await task.release();
        this.#options.notifier.notifyWaiting();
        return false;
      }
      this.#turns += 1;
      this.#lastTurns.set(group, this.#turns);
      void this.#run(task, this.#consumer.handler).catch((error: unknown) =>
        this.#reportError(error),
      );
      return true;
    }
    return false;
  }

  /**
   * Returns the groups that have a task which can run: the most urgent first, and of one priority
   * the one whose turn was longest ago.
   */
  async #groupsInTurn(): Promise<readonly BullGroup[]> {
    const heads = await this.#ofEachGroup(async (group) => ({
      group,
      rank: await group.headRank(),
    }));
    const turnOf = (group: BullGroup) => this.#lastTurns.get(group) ?? 0;
    return heads
      .flatMap(({ group, rank }) => (rank === undefined ? [] : [{ group, rank }]))
      .sort((a, b) => a.rank - b.rank || turnOf(a.group) - turnOf(b.group))
      .map(({ group }) => group);
  }

  async #run(task: TakenTask, handler: TaskHandler): Promise<void> {
    const running: RunningTask = { task, abort: new AbortController(), isRemoved: false };
    const { id } = task;
    const report = (error: unknown) => this.#options.onTaskError?.(id, error);
    this.#running.add(running);
    const again = await this.#handle(running, handler).catch(report);
    this.#running.delete(running);
    if (again && !running.isRemoved) await this.add({ ...again, id }).catch(report);
    this.#options.notifier.notifyEnded(id);
    this.#takeTasks();
    if (this.#running.size === 0) this.#onIdle?.();
  }

  async #handle(
    { task, abort: { signal } }: RunningTask,
    handler: TaskHandler,
  ): Promise<Again | undefined> {
    await task.assertNotLostTooOften();
    const again = await handler(task.id, { signal }).catch((error: unknown) => {
      this.#options.onTaskError?.(task.id, error);
      return undefined;
    });
    // A task that was aborted continues in another process at once.
    await (signal.aborted ? task.release() : task.complete()).then(
      (isOurs) => {
        if (!isOurs) this.#lost += 1;
      },
      (error: unknown) => this.#reportError(error),
    );
    if (signal.aborted) this.#options.notifier.notifyWaiting();
    return again;
  }

  /**
   * A task that was lost is not stopped: the process that takes it waits for the lock of the
   * storage, which this process holds.
   */
  async #renewLocks(): Promise<void> {
    await this.#ofEachGroup(async (group) => {
      const tasks = [...this.#running].map(({ task }) => task).filter((t) => t.group === group);
      if (tasks.length > 0) await group.renewLocks(tasks);
    });
  }

  async #maintainGroups(): Promise<void> {
    const { perGroup } = this.#consumer ?? {};
    if (this.#consumer) await this.#ofEachGroup(async (group) => await group.maintain(perGroup));
  }

  #reportError(error: unknown): void {
    if (!this.#ended.signal.aborted) this.#options.onError?.(error);
  }

  /** Does something at an interval until the queue is closed. */
  #repeat(pauseMs: number, work: () => Promise<void>): void {
    const loop = async () => {
      for (;;) {
        await this.#clock.sleep({ milliseconds: pauseMs }, { signal: this.#ended.signal });
        await work().catch((error: unknown) => this.#reportError(error));
      }
    };
    loop().catch(() => {
      /* the queue is closed */
    });
  }
}
