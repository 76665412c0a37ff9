import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { type Clock, type DurationInput, systemClock } from '@acmex/clock';
import { type RedisDescription, redisPlace } from '@acmex/config';
import { defaultLease } from '@acmex/storage';
import { durabilityOf, type RedisTarget, redisTarget } from '@acmex/storage-redis';
import type { Redis } from 'ioredis';
import { LastScan } from './last-scan.ts';
import { type Notifier, redisNotifier } from './notifier.ts';
import { BullQueue } from './bull-queue.ts';
import { InvalidValues, type Scan, type ValueKind, type WorkerInfo } from './redis-values.ts';
import { redisWorkerRegistry } from './worker-registry.ts';
import { type TeamRedis, teamRedis } from './team-redis.ts';

export interface TeamOptions {
  readonly redis: RedisDescription;
  /**
   * How long a process may be silent before others take over its work; 10 seconds by default. The
   * same for all processes of the team.
   */
  readonly lease?: DurationInput | undefined;
  readonly clock?: Clock | undefined;
  /** Called with each error that the team recovers from, and what it was about. */
  readonly onError: (subject: string, error: unknown) => void;
  /** Called when the connection to Redis is lost, and when it is back. */
  readonly onChange?: ((isConnected: boolean) => void) | undefined;
}

/** The processes that share a Redis, as one of them sees them. */
export interface Team extends AsyncDisposable {
  readonly queue: BullQueue;
  readonly notifier: Notifier;
  /** The connection for commands that block until Redis has something. */
  readonly blockingClient: Redis;
  /** What the keys of queues begin with. */
  readonly prefix: string;
  /** How long a process may be silent before others take over its work. */
  readonly lease: DurationInput;
  /** Returns whether Redis answered when it was last asked, a second ago at most. */
  isConnected(): boolean;
  workers(): Promise<readonly WorkerInfo[]>;
  /** Returns what Redis could lose of what it has acknowledged, and what to do about it. */
  notices(): Promise<readonly string[]>;
  /**
   * Returns the last scan for what is due, by whichever process, as it was known a few seconds ago.
   */
  lastScan(): Scan | undefined;
  /** Returns how many values in Redis this process has removed or ignored as not valid. */
  invalidValues(): ReadonlyMap<ValueKind, number>;
  /** Records a scan by this process. */
  recordScan(late: Scan['late']): void;
}

/** All keys are on one node of a Cluster, beside those of a storage in the same Redis. */
const prefix = '{acmex}:team';

/**
 * Connects this process to the team that shares a Redis.
 * @throws StorageError `ERR_STORAGE_PLACE` where the connection would not be safe
 * @throws ServerError `ERR_SERVER_UNAVAILABLE`
 */
export async function joinTeam({
  redis: description,
  lease = defaultLease,
  clock = systemClock,
  onError,
  onChange,
}: TeamOptions): Promise<Team> {
  const target = redisTarget(await redisPlace(description), {
    allowPlaintextConnection: description.allowPlaintextConnection,
  });
  const redis = await teamRedis({ target, clock, onChange });
  try {
    return await teamOver(redis, { kind: target.kind, lease, clock, onError });
  } catch (error) {
    await redis[Symbol.asyncDispose]();
    throw error;
  }
}

async function teamOver(
  redis: TeamRedis,
  {
    kind,
    lease,
    clock,
    onError,
  }: Pick<TeamOptions, 'onError'> &
    Pick<RedisTarget, 'kind'> &
    Pick<Team, 'lease'> & { readonly clock: Clock },
): Promise<Team> {
  const { client, listener } = redis;
  const invalidValues = new InvalidValues();
  const channel = `${prefix}:bell`;
  const notifier = await redisNotifier({ client, listener, channel, invalidValues, clock });
  const registry = redisWorkerRegistry({ client, prefix, invalidValues, clock });
  const queue = await BullQueue.connect({
    client,
    prefix,
    notifier,
    registry,
    invalidValues,
    lease,
    clock,
    name: `${hostname()}/${process.pid}/${randomBytes(3).toString('hex')}`,
    onTaskError: (id, error) => onError(`${id} failed`, error),
    // While Redis is away everything fails, which `onChange` has reported.
    onError: (error) => {
      if (redis.isConnected()) onError('the queue in Redis', error);
    },
  });
  const lastScan = new LastScan({ client, prefix, invalidValues, clock });
  return {
    queue,
    notifier,
    blockingClient: redis.blockingClient,
    prefix,
    lease,
    isConnected: () => redis.isConnected(),
    workers: async () => await registry.list(),
    notices: async () => (await durabilityOf(client, kind)).map(({ message }) => message),
    lastScan: () => lastScan.get(),
    invalidValues: () => invalidValues.counts(),
    recordScan: (late) => lastScan.record(late),
    async [Symbol.asyncDispose]() {
      await queue.close({ within: { seconds: 0 } });
      await lastScan[Symbol.asyncDispose]();
      await redis[Symbol.asyncDispose]();
    },
  };
}
