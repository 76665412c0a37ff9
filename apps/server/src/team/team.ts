import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { type Clock, systemClock } from '@acmex/clock';
import { type RedisDescription, redisPlace } from '@acmex/config';
import { durabilityOf, redisTarget } from '@acmex/storage-redis';
import type { Redis } from 'ioredis';
import { bell, type Bell } from './bell.ts';
import { bullQueue, type BullQueue } from './bull-queue.ts';
import { type Colleague, presence } from './presence.ts';
import { teamRedis } from './team-redis.ts';

export interface TeamOptions {
  readonly redis: RedisDescription;
  readonly clock?: Clock | undefined;
  /** Is told what a task ended with that nobody expected. */
  readonly onError: (what: string, error: unknown) => void;
  /** Is told when Redis is gone, and when it is back. */
  readonly onChange?: ((here: boolean) => void) | undefined;
}

/** What the process that looks for what is due has seen. */
export interface Looked {
  /** RFC 3339 */
  readonly at: string;
  /** The oldest task that is late. */
  readonly late?: { readonly id: string; readonly dueAt: string } | undefined;
}

/** The processes that share a Redis, as one of them sees them. */
export interface Team extends AsyncDisposable {
  readonly queue: BullQueue;
  readonly bell: Bell;
  /** For those who wait for Redis to tell them something. */
  readonly patient: Redis;
  /** What the keys of queues begin with. */
  readonly prefix: string;
  /** Whether Redis answered when it was last asked, a second ago at most. */
  isHere(): boolean;
  /** Those who work. */
  colleagues(): Promise<readonly Colleague[]>;
  /** What Redis could lose of what it has acknowledged. */
  notices(): Promise<readonly string[]>;
  /** The last look for what is due, by whichever process takes them; as it was known a few seconds ago. */
  lastLook(): Looked | undefined;
  /** This process has looked. */
  looked(late: Looked['late']): void;
}

/** All keys lie on one node of a Cluster, beside those of a storage in the same Redis. */
const prefix = '{acmex}:team';
/** How often the last look is read, and written at most. Milliseconds. */
const [reads, writes] = [2000, 1000];

/** @throws StorageError `ERR_STORAGE_PLACE` where it would not be safe to speak with this Redis; ServerError `ERR_SERVER_UNAVAILABLE` */
export async function joinTeam({
  redis: described,
  clock = systemClock,
  onError,
  onChange,
}: TeamOptions): Promise<Team> {
  const target = redisTarget(await redisPlace(described), {
    allowPlaintextConnection: described.allowPlaintextConnection,
  });
  const redis = await teamRedis({ target, clock, onChange });
  const { client, listener } = redis;
  const ring = await bell({ client, listener, channel: `${prefix}:bell`, clock }).catch(
    async (error: unknown) => {
      await redis[Symbol.asyncDispose]();
      throw error;
    },
  );
  const present = presence({ client, prefix, clock });
  const queue = bullQueue({
    client,
    prefix,
    bell: ring,
    presence: present,
    clock,
    name: `${hostname()}/${process.pid}/${randomBytes(3).toString('hex')}`,
    onError: (id, error) => onError(`${id} failed`, error),
    // While Redis is away everything fails, and that was told.
    onTrouble: (error) => {
      if (redis.isHere()) onError('the queue in Redis', error);
    },
  });
  const key = `${prefix}:looked`;
  const ended = new AbortController();
  let last: Looked | undefined;
  let written = -Infinity;
  const reading = (async () => {
    while (!ended.signal.aborted) {
      last = await client.get(key).then(
        (text) => (text === null ? undefined : (JSON.parse(text) as Looked)),
        () => last,
      );
      await clock.sleep({ milliseconds: reads }, { signal: ended.signal }).catch(() => {
        /* it ends */
      });
    }
  })();
  return {
    queue,
    bell: ring,
    patient: redis.patient,
    prefix,
    isHere: () => redis.isHere(),
    colleagues: async () => await present.here(),
    notices: async () => (await durabilityOf(client, target.kind)).map(({ message }) => message),
    lastLook: () => last,
    looked(late) {
      last = { at: clock.now().toString(), ...(late ? { late } : {}) };
      if (clock.monotonic() - written < writes) return;
      written = clock.monotonic();
      client.set(key, JSON.stringify(last), 'EX', 3600).catch(() => {
        /* the next look tells it */
      });
    },
    async [Symbol.asyncDispose]() {
      ended.abort();
      await queue.close({ within: { seconds: 0 } });
      await reading;
      await redis[Symbol.asyncDispose]();
    },
  };
}
