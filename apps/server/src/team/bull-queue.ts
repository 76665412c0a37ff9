import { randomBytes } from 'node:crypto';
import { type Clock, milliseconds, systemClock } from '@acmex/clock';
import {
  type Again,
  byPriority,
  countsOfAll,
  type GroupCounts,
  priorities,
  type Priority,
  type ProcessOptions,
  type QueuedTask,
  type TaskHandler,
  type TaskQueue,
} from '@acmex/scheduler';
import { Job, Queue, QueueKeys, RedisConnection, RedisQueueBackend, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Bell } from './bell.ts';
import type { Colleague, Presence } from './presence.ts';

export interface BullQueueOptions {
  readonly client: Redis;
  /** What keys in Redis begin with; in braces where they are to lie on one node. */
  readonly prefix: string;
  readonly bell: Bell;
  readonly presence: Presence;
  /** As whom this process counts where it works. */
  readonly name: string;
  readonly clock?: Clock | undefined;
  /** Is told what a handler throws, and of what cannot be ended: the task is out of the queue then. */
  readonly onError?: ((id: string, error: unknown) => void) | undefined;
  /** Is told what goes wrong with the queue itself; it goes on. */
  readonly onTrouble?: ((error: unknown) => void) | undefined;
}

/** A queue of tasks, and the queues of BullMQ that it is made of. */
export interface BullQueue extends TaskQueue {
  queues(): readonly Queue[];
  /** How many tasks this process has done that were not its own anymore at their end: it was silent too long and another has taken them up, or Redis has lost them. */
  readonly lost: number;
}

/**
 * Whoever is silent for so long has lost its task; how often that is looked for; how often a task may be lost. Milliseconds. One look
 * counts for all, and the next may come twice as late when the process that was about to take it has died: another goes on within 15 seconds.
 */
const [lockDuration, stalledInterval, maxStalledCount] = [10_000, 2000, 10];
/** How often somebody looks who was told of nothing. Milliseconds. */
const look = 1000;

/** 1 is the most urgent; BullMQ would let 0 overtake everything. */
const rankOf = (priority: Priority) => priorities.indexOf(priority) + 1;
/** As BullMQ orders by priority. */
const inScore = 2 ** 32;

/** The queue of one group in Redis. */
interface Lane {
  readonly group: string;
  readonly queue: Queue<{ readonly id: string }>;
  readonly worker: Worker<{ readonly id: string }>;
  /** Which turn was its last. */
  served: number;
}

interface Running {
  readonly id: string;
  readonly lane: Lane;
  readonly job: Job<{ readonly id: string }>;
  readonly token: string;
  readonly abort: AbortController;
  /** It was removed while it ran. */
  removed: boolean;
}

interface Working extends ProcessOptions {
  readonly handler: TaskHandler;
  readonly present: AsyncDisposable;
}

/**
 * A queue in Redis, by BullMQ: any number of processes add to it and work for it. Each group is a queue of BullMQ. Jobs are fetched
 * by hand over one connection for all of them, because `concurrency` holds for all groups of a process together, and the more
 * urgent is to come first among all groups. A task is a job with its id for deduplication: BullMQ 6.7 drops a job whose own id is
 * one that runs before it looks at `keepLastIfActive`.
 */
export function bullQueue({
  client,
  prefix,
  bell,
  presence,
  name,
  clock = systemClock,
  onError = () => {
    /* nobody wants to know */
  },
  onTrouble = () => {
    /* nobody wants to know */
  },
}: BullQueueOptions): BullQueue {
  const connection = new RedisConnection(client, { shared: true, blocking: false });
  connection.on('error', onTrouble);
  const keys = new QueueKeys(prefix);
  const settings = {
    connection: client,
    prefix,
    name,
    autorun: false,
    lockDuration,
    stalledInterval,
    maxStalledCount,
    streams: { events: { maxLen: 100 } },
  };
  const groupsKey = `${prefix}:groups`;
  const backendOf = (group: string) =>
    new RedisQueueBackend(
      connection,
      group,
      keys.getKeys(group),
      (type) => keys.toKey(group, type),
      settings,
      undefined,
      false,
    );
  const lanes = new Map<string, Lane>();
  const running = new Set<Running>();
  const ended = new AbortController();
  let working: Working | undefined;
  let turn = 0;
  let fetching: Promise<void> | undefined;
  let fetchAgain = false;
  let closed = false;
  let lost = 0;
  let idle: (() => void) | undefined;

  const laneOf = (group: string): Lane => {
    const known = lanes.get(group);
    if (known) return known;
    const queue = new Queue<{ readonly id: string }>(group, settings, () => backendOf(group));
    const worker = new Worker<{ readonly id: string }>(group, null, settings, () =>
      backendOf(group),
    );
    queue.on('error', onTrouble);
    worker.on('error', onTrouble);
    worker.on('stalled', () => fetch());
    const lane: Lane = { group, queue, worker, served: 0 };
    lanes.set(group, lane);
    if (working) serve(lane, working);
    return lane;
  };
  /** Looks after what others have lost here, and holds the group to its limit. */
  const serve = ({ queue, worker }: Lane, { perGroup }: ProcessOptions) => {
    void worker.startStalledCheckTimer().catch(onTrouble);
    void limited(queue, perGroup).catch(onTrouble);
  };
  const learnGroups = async () => {
    for (const group of await client.smembers(groupsKey)) laneOf(group);
  };

  /** Lanes that have something to do, the most urgent first, and in one priority the one that was served longest ago. */
  const inTurn = async (): Promise<readonly Lane[]> => {
    const now = clock.now().epochMilliseconds;
    const heads = await Promise.all(
      [...lanes.values()].map(async (lane) => {
        const { queue } = lane;
        const [lost, [, score], [, delayed]] = await Promise.all([
          client.llen(queue.toKey('wait')),
          client.zrange(queue.toKey('prioritized'), '0', '0', 'WITHSCORES'),
          client.zrange(queue.toKey('delayed'), '0', '0', 'WITHSCORES'),
        ]);
        // What somebody has lost lies in a list of its own, and a delayed job's score is its time and a number of twelve bits.
        const rank =
          lost > 0
            ? 0
            : score !== undefined
              ? Math.floor(Number(score) / inScore)
              : delayed !== undefined && Number(delayed) / 4096 <= now
                ? priorities.length + 1
                : undefined;
        return { lane, rank };
      }),
    );
    return heads
      .flatMap(({ lane, rank }) => (rank === undefined ? [] : [{ lane, rank }]))
      .sort((one, other) => one.rank - other.rank || one.lane.served - other.lane.served)
      .map(({ lane }) => lane);
  };
  /** @returns whether there was something */
  const fetchOne = async (): Promise<boolean> => {
    for (const lane of await inTurn()) {
      const token = randomBytes(9).toString('base64url');
      const job = await lane.worker.getNextJob(token, { block: false });
      if (!job) continue;
      // Nobody works here anymore: it is another's.
      if (!working || closed) {
        await job.moveToWait(token);
        bell.waits();
        return false;
      }
      lane.served = ++turn;
      begin(lane, job, token, working.handler);
      return true;
    }
    return false;
  };
  const fetch = () => {
    fetchAgain = true;
    if (fetching || !working) return;
    fetching = (async () => {
      while (fetchAgain && working && !closed) {
        fetchAgain = false;
        while (working && !closed && running.size < working.concurrency && (await fetchOne())) {
          /* until nothing is left, or no room */
        }
      }
    })()
      .catch(onTrouble)
      .finally(() => {
        fetching = undefined;
      });
  };

  const begin = (
    lane: Lane,
    job: Job<{ readonly id: string }>,
    token: string,
    handler: TaskHandler,
  ) => {
    const { id } = job.data;
    const own: Running = { id, lane, job, token, abort: new AbortController(), removed: false };
    running.add(own);
    void (async () => {
      const again = await done(own, handler).catch((error: unknown) => {
        onError(id, error);
      });
      running.delete(own);
      if (again && !own.removed)
        await add({ ...again, id }).catch((error: unknown) => onError(id, error));
      bell.ended(id);
      fetch();
      if (running.size === 0) idle?.();
    })();
  };
  const done = async (
    { id, job, token, abort: { signal } }: Running,
    handler: TaskHandler,
  ): Promise<Again | undefined> => {
    if (job.deferredFailure) {
      await job.moveToFailed(new Error(job.deferredFailure), token);
      throw new Error(`${maxStalledCount} processes ended while they worked for it`);
    }
    const again = await handler(id, { signal }).catch((error: unknown) => {
      onError(id, error);
    });
    // What was stopped on the way goes on elsewhere at once. What another process has by now, or Redis has lost, is not ours to end.
    await (signal.aborted ? job.moveToWait(token) : job.moveToCompleted(null, token, false)).catch(
      (error: unknown) => {
        if (isNotOurs(error)) lost += 1;
        else onTrouble(error);
      },
    );
    if (signal.aborted) bell.waits();
    return again ?? undefined;
  };

  const extendLocks = async () => {
    for (const lane of lanes.values()) {
      const own = [...running].filter((one) => one.lane === lane);
      if (own.length === 0) continue;
      // A task that was lost is not stopped for it: whoever takes it up waits for the lock of the storage, which this process has.
      await lane.worker.extendJobLocks(
        own.map(({ job: { id = '' } }) => id),
        own.map(({ token }) => token),
        lockDuration,
      );
    }
  };
  const each = (pause: number, work: () => Promise<void>) => {
    void (async () => {
      for (;;) {
        await clock.sleep({ milliseconds: pause }, { signal: ended.signal });
        await work().catch((error: unknown) => {
          if (!ended.signal.aborted) onTrouble(error);
        });
      }
    })().catch(() => {
      /* it ends */
    });
  };

  const add = async ({ id, group, priority, runAt }: QueuedTask) => {
    const { queue } = laneOf(group);
    const delay = Math.max(0, (runAt?.epochMilliseconds ?? 0) - clock.now().epochMilliseconds);
    const rank = rankOf(priority);
    const jobId = `${id}~${randomBytes(6).toString('base64url')}`;
    const options = {
      jobId,
      priority: rank,
      delay,
      attempts: 1,
      removeOnComplete: true,
      removeOnFail: true,
      deduplication: { id, keepLastIfActive: true },
    };
    const [job] = await Promise.all([
      queue.add('task', { id }, options),
      client.sadd(groupsKey, group),
    ]);
    if (job.id !== undefined && job.id !== jobId)
      await hasten(queue, job.id, {
        rank,
        at: clock.now().epochMilliseconds + delay,
        now: delay === 0,
      });
    bell.waits();
  };

  bell.on({ waits: fetch, ended: fetch });
  each(look, async () => {
    if (!working) return;
    await learnGroups();
    fetch();
  });
  each(lockDuration / 4, extendLocks);
  // A Redis that was wiped has forgotten the limits too.
  each(stalledInterval, async () => {
    for (const { queue } of lanes.values()) if (working) await limited(queue, working.perGroup);
  });

  return {
    add,
    queues: () => [...lanes.values()].map(({ queue }) => queue),
    get lost() {
      return lost;
    },
    process(handler, options) {
      if (working) throw new TypeError('this queue is worked for already');
      const self: Colleague = {
        name,
        capacity: options.concurrency,
        since: clock.now().toString(),
      };
      const own: Working = (working = {
        ...options,
        handler: async (...args) => await handler(...args),
        present: presence.appear(self),
      });
      for (const lane of lanes.values()) serve(lane, own);
      void learnGroups().then(fetch).catch(onTrouble);
      return () => {
        if (working !== own) return;
        working = undefined;
        void own.present[Symbol.asyncDispose]();
      };
    },
    async remove(id) {
      for (const one of running) if (one.id === id) one.removed = true;
      await learnGroups();
      for (const { queue } of lanes.values()) {
        const jobId = await queue.getDeduplicationJobId(id);
        if (jobId === null) continue;
        await client.del(queue.toKey(`dn:${id}`));
        // What runs is locked, and stays.
        await queue.remove(jobId);
      }
    },
    async counts() {
      await learnGroups();
      const groups = await Promise.all(
        [...lanes.values()].map(async ({ group, queue }) => await countsOf(client, group, queue)),
      );
      const capacity = (await presence.here()).reduce((all, one) => all + one.capacity, 0);
      return countsOfAll(groups, Math.max(capacity, working?.concurrency ?? 0));
    },
    async close({ within }) {
      closed = true;
      const own = working;
      await own?.present[Symbol.asyncDispose]();
      await fetching;
      const aborted: string[] = [];
      if (running.size > 0) {
        const all = new Promise<void>((resolve) => {
          idle = resolve;
        });
        const limit = new AbortController();
        await Promise.race([
          all,
          clock
            .sleep({ milliseconds: milliseconds(within) }, { signal: limit.signal })
            .catch(() => {
              /* all ended before */
            }),
        ]);
        limit.abort();
        for (const { id, abort } of running) {
          aborted.push(id);
          abort.abort(new DOMException('the queue is closing', 'AbortError'));
        }
        if (running.size > 0) await all;
      }
      working = undefined;
      ended.abort();
      for (const { queue, worker } of lanes.values()) {
        await worker.close(true);
        await queue.close();
      }
      return aborted;
    },
  };
}

/** Lets the earlier time and the more urgent priority of a waiting job win. One that begins at this moment needs neither. */
async function hasten(
  queue: Queue,
  jobId: string,
  { rank, at, now }: { readonly rank: number; readonly at: number; readonly now: boolean },
): Promise<void> {
  const job = await Job.fromId(queue, jobId);
  if (!job) return;
  if (rank < (job.priority ?? rank)) await job.changePriority({ priority: rank });
  const sooner = job.timestamp + job.delay - at;
  if (sooner <= 0 || !(await job.isDelayed())) return;
  await (now ? job.promote() : job.changeDelay(job.delay - sooner)).catch((error: unknown) => {
    if (!isNotOurs(error)) throw error;
  });
}

/** How many of a group run at once, over all processes. */
async function limited(queue: Queue, perGroup: number | undefined): Promise<void> {
  await (perGroup === undefined
    ? queue.removeGlobalConcurrency()
    : queue.setGlobalConcurrency(perGroup));
}

async function countsOf(client: Redis, group: string, queue: Queue): Promise<GroupCounts> {
  const key = (type: string) => queue.toKey(type);
  const [lost, delayed, active, ...counted] = await Promise.all([
    client.llen(key('wait')),
    client.zcard(key('delayed')),
    client.llen(key('active')),
    ...priorities.map(
      async (one) =>
        await client.zcount(
          key('prioritized'),
          rankOf(one) * inScore,
          `(${(rankOf(one) + 1) * inScore}`,
        ),
    ),
  ]);
  // What somebody has lost is taken up before everything else.
  const waiting = byPriority(
    (one) => (counted[priorities.indexOf(one)] ?? 0) + (one === 'urgent' ? lost : 0),
  );
  return { group, waiting, delayed, running: active };
}

/** BullMQ says of a job that it is gone, not locked by this process, or not in the state for this. */
function isNotOurs(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    typeof error.code === 'number' &&
    error.code < 0
  );
}
