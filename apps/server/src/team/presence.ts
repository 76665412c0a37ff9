import { type Clock, systemClock } from '@acmex/clock';
import type { Redis } from 'ioredis';

/** A process that works. */
export interface Colleague {
  /** `host/pid`, for people. */
  readonly name: string;
  /** How many tasks it does at once. */
  readonly capacity: number;
  /** RFC 3339 */
  readonly since: string;
}

/** How long a process counts as there that says nothing, and how often it says so. Milliseconds. */
const [lasting, often] = [15_000, 5000];

/** Who works, as far as they say so. */
export interface Presence {
  here(): Promise<readonly Colleague[]>;
  /** Counts as here until this ends. */
  appear(self: Colleague): AsyncDisposable;
}

export function presence({
  client,
  prefix,
  clock = systemClock,
}: {
  readonly client: Redis;
  readonly prefix: string;
  readonly clock?: Clock | undefined;
}): Presence {
  const all = `${prefix}:workers`;
  const keyOf = (name: string) => `${prefix}:worker:${name}`;
  return {
    async here() {
      const names = await client.smembers(all);
      if (names.length === 0) return [];
      const texts = await client.mget(names.map(keyOf));
      const left = names.filter((_, at) => texts[at] === null);
      if (left.length > 0) await client.srem(all, ...left);
      return texts.flatMap((text) =>
        text === null || text === undefined ? [] : [JSON.parse(text) as Colleague],
      );
    },
    appear(self) {
      const ended = new AbortController();
      const text = JSON.stringify(self);
      const beating = (async () => {
        while (!ended.signal.aborted) {
          await Promise.all([
            client.set(keyOf(self.name), text, 'PX', lasting),
            client.sadd(all, self.name),
          ]).catch(() => {
            /* Redis is away: said again when it is back */
          });
          await clock.sleep({ milliseconds: often }, { signal: ended.signal }).catch(() => {
            /* it ends */
          });
        }
      })();
      return {
        async [Symbol.asyncDispose]() {
          ended.abort();
          await beating;
          await client.del(keyOf(self.name)).catch(() => {
            /* it is forgotten by itself */
          });
        },
      };
    },
  };
}
