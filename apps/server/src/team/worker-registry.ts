import { type Clock, systemClock } from '@acmex/clock';
import type { Redis } from 'ioredis';
import { type InvalidValues, readWorker, type WorkerInfo } from './redis-values.ts';
import { ofType } from './typed-key.ts';

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
  invalidValues,
  clock = systemClock,
}: {
  readonly client: Redis;
  readonly prefix: string;
  readonly invalidValues: InvalidValues;
  readonly clock?: Clock | undefined;
}): WorkerRegistry {
  const namesKey = `${prefix}:workers`;
  const keyOf = (name: string | Buffer) =>
    Buffer.concat([Buffer.from(`${prefix}:worker:`), Buffer.from(name)]);
  const names = { client, key: namesKey, invalidValues };
  const renewUntil = async (worker: WorkerInfo, signal: AbortSignal) => {
    const text = JSON.stringify(worker);
    while (!signal.aborted) {
      await Promise.all([
        client.set(keyOf(worker.name), text, 'PX', lifetimeMs),
        ofType(names, async () => await client.sadd(namesKey, worker.name)),
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
      const members = await ofType(names, async () => await client.smembersBuffer(namesKey));
      if (members.length === 0) return [];
      const texts = await client.mget(members.map(keyOf));
      const gone = members.filter((_, index) => texts[index] === null);
      if (gone.length > 0) await client.srem(namesKey, ...gone);
      const workers = texts.map((text) => (text === null ? undefined : readWorker(text)));
      const invalid = members.filter((_, index) => texts[index] !== null && !workers[index]);
      if (invalid.length > 0) {
        invalidValues.add('worker', await client.srem(namesKey, ...invalid));
        await client.del(...invalid.map(keyOf));
      }
      return workers.filter((worker) => worker !== undefined);
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
