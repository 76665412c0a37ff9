import { type Clock, systemClock } from '@acmex/clock';
import type { Redis } from 'ioredis';

/** A process that does tasks. */
export interface WorkerInfo {
  /** `host/pid/random`, for people. */
  readonly name: string;
  /** How many tasks it does at once. */
  readonly capacity: number;
  /** RFC 3339 */
  readonly since: string;
}

/** A worker that has not renewed its entry for `lifetimeMs` counts as gone. */
const [lifetimeMs, renewalMs] = [15_000, 5000];

/** The workers of a team. */
export interface WorkerRegistry {
  list(): Promise<readonly WorkerInfo[]>;
  /** Lists a worker until the registration is disposed of. */
  register(worker: WorkerInfo): AsyncDisposable;
}

export function redisWorkerRegistry({
  client,
  prefix,
  clock = systemClock,
}: {
  readonly client: Redis;
  readonly prefix: string;
  readonly clock?: Clock | undefined;
}): WorkerRegistry {
  const namesKey = `${prefix}:workers`;
  const keyOf = (name: string) => `${prefix}:worker:${name}`;
  const renewUntil = async (worker: WorkerInfo, signal: AbortSignal) => {
    const text = JSON.stringify(worker);
    while (!signal.aborted) {
      await Promise.all([
        client.set(keyOf(worker.name), text, 'PX', lifetimeMs),
        client.sadd(namesKey, worker.name),
      ]).catch(() => {
        /* Redis is away: the next renewal registers again */
      });
      await clock.sleep({ milliseconds: renewalMs }, { signal }).catch(() => {
        /* the registration ends */
      });
    }
  };
  return {
    async list() {
      const names = await client.smembers(namesKey);
      if (names.length === 0) return [];
      const texts = await client.mget(names.map(keyOf));
      const gone = names.filter((_, index) => texts[index] === null);
      if (gone.length > 0) await client.srem(namesKey, ...gone);
      return texts.flatMap(workerIn);
    },
    register(worker) {
      const ended = new AbortController();
      const renewing = renewUntil(worker, ended.signal);
      return {
        async [Symbol.asyncDispose]() {
          ended.abort();
          await renewing;
          await client.del(keyOf(worker.name)).catch(() => {
            /* the entry expires */
          });
        },
      };
    },
  };
}

/** Reads an entry; returns nothing for one that is gone. */
function workerIn(text: string | null | undefined): readonly WorkerInfo[] {
  return text === null || text === undefined ? [] : [JSON.parse(text) as WorkerInfo];
}
