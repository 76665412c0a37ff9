import { type Clock, withTimeLimit } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { StorageUnavailableError } from '@acmex/storage';
import type { Redis } from 'ioredis';
import { failureOf } from './failure.ts';
import { type Opening, opening, type OpeningOptions } from './opening.ts';
import { shown } from './place.ts';

/** What a connection is expected to carry, so that a call with much to carry may take longer. */
const bytesPerMillisecond = 10_000;

export interface ConnectionOptions extends OpeningOptions {
  readonly clock: Clock;
  /** Runs at each new connection, before anything else. */
  readonly greet: (redis: Redis) => Promise<void>;
}

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** How much the call sends. */
  readonly bytes?: number | undefined;
}

/** A connection that comes into being with the first call, and anew with the first call after it was lost. Disposing of it waits for the calls that are running. */
export interface Connection extends AsyncDisposable {
  /**
   * @throws StorageUnavailableError whatever goes wrong, and after the patience at the latest; the signal's reason; `ERR_STORAGE_PLACE`
   */
  run<T>(work: (redis: Redis) => Promise<T>, options?: RunOptions): Promise<T>;
}

export function connection({ clock, greet, ...options }: ConnectionOptions): Connection {
  const where = options.target.addresses.map(shown).join(', ');
  let current: Opening | undefined;
  let closed = false;
  let onTheWay = 0;
  const running = new Set<Promise<unknown>>();

  const forget = (one: Opening) => {
    if (current === one) current = undefined;
  };
  const opened = (): Opening => {
    if (current) return current;
    const bare = opening(options);
    const greeted = bare.redis.then(async (redis) => {
      redis.once('end', () => forget(mine));
      await greet(redis);
      return redis;
    });
    const mine: Opening = { ...bare, redis: greeted };
    greeted.catch(() => {
      forget(mine);
      mine.abandon();
    });
    return (current = mine);
  };

  const run: Connection['run'] = async (work, { signal, bytes = 0 } = {}) => {
    const through = opened();
    onTheWay += bytes;
    const limit = { milliseconds: Math.ceil(options.patience + onTheWay / bytesPerMillisecond) };
    try {
      return await withTimeLimit({ clock, limit, signal }, (limited) =>
        Promise.race([through.redis.then(work), endOf(limited)]),
      );
    } catch (reason) {
      signal?.throwIfAborted();
      if (errorCode(reason) === 'ERR_STORAGE_PLACE') throw reason;
      const { error, broken } = failureOf(reason, where, through.trouble());
      if (broken) {
        forget(through);
        through.abandon();
      }
      throw error;
    } finally {
      onTheWay -= bytes;
    }
  };

  return {
    async run(work, runOptions = {}) {
      runOptions.signal?.throwIfAborted();
      if (closed) throw new StorageUnavailableError(`Redis at ${where}: the storage was closed`);
      const one = run(work, runOptions);
      running.add(one);
      try {
        return await one;
      } finally {
        running.delete(one);
      }
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      await Promise.allSettled(running);
      current?.abandon();
    },
  };
}

/** Rejects when the signal aborts, and one look at what has arrived later: a process that was busy itself must not blame Redis. */
function endOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => setImmediate(() => reject(signal.reason)), {
      once: true,
    });
  });
}
