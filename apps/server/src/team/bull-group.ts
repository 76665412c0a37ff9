import { randomBytes } from 'node:crypto';
import type { Clock } from '@acmex/clock';
import { byPriority, type GroupCounts, priorities, type QueuedTask } from '@acmex/scheduler';
import { Job, Queue, QueueKeys, RedisConnection, RedisQueueBackend, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { GroupKeys } from './group-keys.ts';
import type { LockTimes } from './lock-times.ts';
import { type InvalidValues, isAboutValue, isValidJob } from './redis-values.ts';

// BullMQ as the queue of one group. Everything that goes beyond its documented API is in this file,
// and is the reason why its version is pinned exactly:
// - `RedisQueueBackend` and `QueueKeys`: all groups of a process share one connection. A worker as
//   documented opens a blocking connection for itself, and there is a group for each CA account of
//   each tenant.
// - The keys `wait`, `prioritized` and `delayed` and their scores: a process takes the most urgent
//   task among all groups, and has to see the head of each group without taking a job from it.
// - The key `dn:ID`: holds the task that was added again while it runs, which `queue.remove` leaves
//   there.

/** What a job carries: the task itself is in the storage. */
interface JobData {
  readonly id: string;
}

/** How often a task may be lost. */
export const maxStalledCount = 10;

/** How often what is not valid is removed before an error is passed on. */
const maxRepairs = 3;

/** By how much BullMQ multiplies a priority in the score of a job. */
const priorityFactor = 2 ** 32;
/** By how much BullMQ multiplies the time of a delayed job in its score. */
const timeFactor = 4096;

/** 1 is the most urgent; BullMQ would let 0 overtake everything. */
const rankOf = (priority: QueuedTask['priority']) => priorities.indexOf(priority) + 1;

/**
 * Connects BullMQ. It asks Redis for its version once, and a connection on which this question was
 * not answered refuses every command for good.
 * @throws what Redis answers, or that the connection is lost
 */
export async function connectBullMq(client: Redis): Promise<RedisConnection> {
  const connection = new RedisConnection(client, { shared: true, blocking: false });
  await connection.client;
  return connection;
}

export interface BullGroupsOptions {
  readonly client: Redis;
  readonly prefix: string;
  /** Names this process among the workers. */
  readonly name: string;
  readonly locks: LockTimes;
  readonly clock: Clock;
  /** Counts what is removed because it is not valid. */
  readonly invalidValues: InvalidValues;
  readonly onError: (error: unknown) => void;
}

/** Opens groups that share one connection. */
export class BullGroups {
  readonly #options: BullGroupsOptions;
  readonly #connection: RedisConnection;
  readonly #keys: QueueKeys;

  constructor(options: BullGroupsOptions, connection: RedisConnection) {
    this.#options = options;
    this.#connection = connection;
    this.#connection.on('error', options.onError);
    this.#keys = new QueueKeys(options.prefix);
  }

  /** @param onStalled is called when a task was lost by its process and waits again */
  open(name: string, onStalled: () => void): BullGroup {
    const {
      client,
      prefix,
      name: workerName,
      locks,
      clock,
      invalidValues,
      onError,
    } = this.#options;
    const settings = {
      connection: client,
      prefix,
      name: workerName,
      autorun: false,
      ...locks,
      maxStalledCount,
      streams: { events: { maxLen: 100 } },
    };
    const backend = () =>
      new RedisQueueBackend(
        this.#connection,
        name,
        this.#keys.getKeys(name),
        (type) => this.#keys.toKey(name, type),
        settings,
        undefined,
        false,
      );
    const queue = new Queue<JobData>(name, settings, backend);
    const worker = new GroupWorker(name, null, settings, backend);
    queue.on('error', onError);
    worker.on('stalled', onStalled);
    const keys = new GroupKeys(client, this.#keys.getQueueQualifiedName(name));
    return new BullGroup({ queue, worker, client, keys, locks, clock, invalidValues, onError });
  }
}

/** Takes no job that a process of the team has not added. */
class GroupWorker extends Worker<JobData> {
  /** @throws TypeError for a job that is not valid */
  protected override createJob(...[json, jobId]: Parameters<Worker<JobData>['createJob']>) {
    if (!isValidJob(json)) throw new TypeError(`the job ${jobId} is not valid`);
    return super.createJob(json, jobId);
  }
}

export interface BullGroupOptions extends Omit<BullGroupsOptions, 'prefix' | 'name'> {
  readonly queue: Queue<JobData>;
  readonly worker: Worker<JobData>;
  readonly keys: GroupKeys;
}

/** The queue of one group. */
export class BullGroup {
  readonly name: string;
  readonly queue: Queue<JobData>;
  readonly #options: BullGroupOptions;
  readonly #client: Redis;
  readonly #worker: Worker<JobData>;
  readonly #clock: Clock;
  #isDamaged = false;

  constructor(options: BullGroupOptions) {
    const { queue, worker, client, clock, onError } = options;
    this.name = queue.name;
    this.queue = queue;
    this.#options = options;
    this.#client = client;
    this.#worker = worker;
    this.#clock = clock;
    worker.on('error', (error) => {
      this.#isDamaged ||= isAboutValue(error);
      onError(error);
    });
  }

  /**
   * Starts to return to the queue what other processes have lost, and to hold the group to its
   * limit.
   */
  startConsuming(limit: number | undefined): void {
    const { onError } = this.#options;
    void this.#worker.startStalledCheckTimer().catch(onError);
    void this.limit(limit).catch(onError);
  }

  /**
   * Does something with the group; where values in Redis prevent it, removes those that are not
   * valid, and does it again. Where none is found, the whole group is removed from Redis: what is
   * due is in the storage.
   */
  async #repairing<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        if (!isAboutValue(error) || attempt > maxRepairs) throw error;
        await this.#repair();
      }
    }
  }

  async #repair(): Promise<void> {
    const { keys, invalidValues, onError } = this.#options;
    const removed = await keys.removeInvalid();
    if (removed === 0) await keys.removeAll();
    invalidValues.add(removed === 0 ? 'key' : 'job', Math.max(1, removed));
    onError(
      new Error(
        removed === 0
          ? `the queue ${this.name} could not be read: it was removed from Redis, and is filled again`
          : `${removed} values of the queue ${this.name} were not valid: they were removed from Redis`,
      ),
    );
  }

  /** Holds the group to its limit, and its keys in Redis to their form. */
  async maintain(perGroup: number | undefined): Promise<void> {
    if (this.#isDamaged) {
      this.#isDamaged = false;
      await this.#repair();
    }
    await this.#repairing(async () => {
      await this.limit(perGroup);
      const { keys, invalidValues } = this.#options;
      invalidValues.add('key', await keys.removeForeignSettings());
    });
  }

  /** Limits how many tasks of the group run at once, in all processes together. */
  async limit(perGroup: number | undefined): Promise<void> {
    await (perGroup === undefined
      ? this.queue.removeGlobalConcurrency()
      : this.queue.setGlobalConcurrency(perGroup));
  }

  /**
   * Adds a task. A task is a job with the task's id for deduplication: BullMQ 6.7 drops a job whose
   * own id is that of a running one before it applies `keepLastIfActive`.
   */
  async add(task: QueuedTask): Promise<void> {
    await this.#repairing(async () => {
      const isAdded = await this.#addOnce(task);
      // The job that was there for the task was in no list, and is removed.
      if (!isAdded) await this.#addOnce(task);
    });
  }

  /** @returns false where the task has a job that no process would ever take */
  async #addOnce({ id, priority, runAt }: QueuedTask): Promise<boolean> {
    const now = this.#clock.now().epochMilliseconds;
    const delay = Math.max(0, (runAt?.epochMilliseconds ?? 0) - now);
    const rank = rankOf(priority);
    const jobId = `${id}~${randomBytes(6).toString('base64url')}`;
    const job = await this.queue.add(
      'task',
      { id },
      {
        jobId,
        priority: rank,
        delay,
        attempts: 1,
        removeOnComplete: true,
        removeOnFail: true,
        deduplication: { id, keepLastIfActive: true },
      },
    );
    if (job.id === undefined || job.id === jobId) return true;
    const existing = await Job.fromId<JobData>(this.queue, job.id);
    if (!existing) return true;
    if ((await existing.getState()) === 'unknown') {
      const { keys, invalidValues } = this.#options;
      await keys.removeJob(job.id, id);
      invalidValues.add('job');
      return false;
    }
    await this.#advance(existing, rank, now + delay);
    return true;
  }

  /**
   * Lets the earlier time and the more urgent priority of a waiting job win. A job that begins at
   * this moment needs neither.
   */
  async #advance(job: Job<JobData>, rank: number, at: number): Promise<void> {
    if (rank < (job.priority ?? rank)) await job.changePriority({ priority: rank });
    const sooner = job.timestamp + job.delay - at;
    if (sooner <= 0 || !(await job.isDelayed())) return;
    const isDue = at <= this.#clock.now().epochMilliseconds;
    await (isDue ? job.promote() : job.changeDelay(job.delay - sooner)).catch((error: unknown) => {
      if (!isLost(error)) throw error;
    });
  }

  /**
   * Returns how urgent the next task is: 0 for one that its process has lost, then 1 for urgent to
   * 4 for low, then 5 for one whose delay is over; undefined where no task can run.
   */
  async headRank(): Promise<number | undefined> {
    return await this.#repairing(async () => await this.#headRank());
  }

  async #headRank(): Promise<number | undefined> {
    const [lost, [, score], [, delayed]] = await Promise.all([
      this.#client.llen(this.queue.toKey('wait')),
      this.#client.zrange(this.queue.toKey('prioritized'), '0', '0', 'WITHSCORES'),
      this.#client.zrange(this.queue.toKey('delayed'), '0', '0', 'WITHSCORES'),
    ]);
    if (lost > 0) return 0;
    if (score !== undefined) return Math.floor(Number(score) / priorityFactor);
    const isDue =
      delayed !== undefined && Number(delayed) / timeFactor <= this.#clock.now().epochMilliseconds;
    return isDue ? priorities.length + 1 : undefined;
  }

  /** Takes the next task, where the group's limit allows it. */
  async take(): Promise<TakenTask | undefined> {
    return await this.#repairing(async () => {
      const token = randomBytes(9).toString('base64url');
      const job = await this.#worker.getNextJob(token, { block: false });
      return job && new TakenTask(this, job, token);
    });
  }

  /** Keeps tasks from counting as lost. */
  async renewLocks(tasks: readonly TakenTask[]): Promise<void> {
    await this.#worker.extendJobLocks(
      tasks.map(({ jobId }) => jobId),
      tasks.map(({ token }) => token),
      this.#options.locks.lockDuration,
    );
  }

  /** Removes a task that waits, and the repetition of a task that runs. */
  async remove(id: string): Promise<void> {
    await this.#repairing(async () => {
      const jobId = await this.queue.getDeduplicationJobId(id);
      if (jobId === null) return;
      await this.#client.del(this.queue.toKey(`dn:${id}`));
      // A job that runs is locked, and stays.
      await this.queue.remove(jobId);
    });
  }

  async counts(): Promise<GroupCounts> {
    return await this.#repairing(async () => await this.#counts());
  }

  async #counts(): Promise<GroupCounts> {
    const [{ wait: lost = 0, delayed = 0, active = 0 }, byRank] = await Promise.all([
      this.queue.getJobCounts('wait', 'delayed', 'active'),
      this.queue.getCountsPerPriority(priorities.map(rankOf)),
    ]);
    // A task that was lost is taken before all others.
    const waiting = byPriority(
      (priority) => (byRank[rankOf(priority)] ?? 0) + (priority === 'urgent' ? lost : 0),
    );
    return { group: this.name, waiting, delayed, running: active };
  }

  async close(): Promise<void> {
    await this.#worker.close(true);
    await this.queue.close();
  }
}

/** A task that this process does, locked for it. */
export class TakenTask {
  readonly group: BullGroup;
  readonly token: string;
  readonly #job: Job<JobData>;

  constructor(group: BullGroup, job: Job<JobData>, token: string) {
    this.group = group;
    this.token = token;
    this.#job = job;
  }

  get id(): string {
    return this.#job.data.id;
  }

  get jobId(): string {
    return this.#job.id ?? '';
  }

  /** @throws Error for a task that too many processes have lost; it is out of the queue then */
  async assertNotLostTooOften(): Promise<void> {
    const { deferredFailure } = this.#job;
    if (!deferredFailure) return;
    await this.#job.moveToFailed(new Error(deferredFailure), this.token);
    throw new Error(`${maxStalledCount} processes ended while they worked on it`);
  }

  /** Ends the task. @returns false where another process has it, or Redis has lost it */
  async complete(): Promise<boolean> {
    return await isKept(this.#job.moveToCompleted(null, this.token, false));
  }

  /**
   * Lets another process continue the task.
   * @returns false where another process has it, or Redis has lost it
   */
  async release(): Promise<boolean> {
    return await isKept(this.#job.moveToWait(this.token));
  }
}

async function isKept(change: Promise<unknown>): Promise<boolean> {
  return await change.then(
    () => true,
    (error: unknown) => {
      if (!isLost(error)) throw error;
      return false;
    },
  );
}

/**
 * Returns whether BullMQ reports a job that is gone, not locked by this process, or in another
 * state: such errors have negative codes.
 */
function isLost(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    typeof error.code === 'number' &&
    error.code < 0
  );
}
