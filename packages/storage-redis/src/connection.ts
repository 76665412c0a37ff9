import type { Clock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { formatHostPort } from '@acmex/identifier';
import { StorageUnavailableError } from '@acmex/storage';
import type { Redis } from 'ioredis';
import { failureOf } from './failure.ts';
import { type ConnectionAttempt, type ConnectionAttemptOptions, startAttempt } from './attempt.ts';
import { TimeLimits } from './time-limits.ts';

/** The transfer rate that the time limit of a large call assumes. */
const bytesPerMillisecond = 10_000;

export interface ConnectionOptions extends ConnectionAttemptOptions {
  readonly clock: Clock;
  /** Called on each new connection, before any command of a call. */
  readonly onConnected: (redis: Redis) => Promise<void>;
}

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** The number of bytes that the call sends. */
  readonly bytes?: number | undefined;
}

/**
 * A connection that opens on the first call, and again on the first call after it was lost.
 * Disposing waits for the running calls.
 */
export interface Connection extends AsyncDisposable {
  /**
   * Runs the work with a connected client, within the time limit.
   *
   * @throws StorageUnavailableError on any failure and when the time is over
   * @throws StorageError `ERR_STORAGE_PLACE`
   * @throws the signal's reason
   */
  run<T>(work: (redis: Redis) => Promise<T>, options?: RunOptions): Promise<T>;
}

export function connection(options: ConnectionOptions): Connection {
  const where = options.target.addresses.map(formatHostPort).join(', ');
  const attempts = reusedAttempt(options);
  const limits = new TimeLimits(options.clock);
  const running = new Set<Promise<unknown>>();
  let closed = false;
  let bytesInFlight = 0;

  const run: Connection['run'] = async (work, { signal, bytes = 0 } = {}) => {
    const attempt = attempts.current();
    bytesInFlight += bytes;
    const transferTime = bytesInFlight / bytesPerMillisecond;
    const limitMs = Math.ceil(options.patience + transferTime);
    try {
      return await limits.hold(attempt.redis.then(work), { limitMs, signal });
    } catch (reason) {
      signal?.throwIfAborted();
      if (errorCode(reason) === 'ERR_STORAGE_PLACE') throw reason;
      const { error, broken } = failureOf(reason, where, attempt.lastError());
      if (broken) attempts.drop(attempt);
      throw error;
    } finally {
      bytesInFlight -= bytes;
    }
  };

  return {
    async run(work, runOptions = {}) {
      runOptions.signal?.throwIfAborted();
      if (closed) throw new StorageUnavailableError(`Redis at ${where}: the storage was closed`);
      const call = run(work, runOptions);
      running.add(call);
      try {
        return await call;
      } finally {
        running.delete(call);
      }
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      await Promise.allSettled(running);
      limits[Symbol.dispose]();
      attempts.abandon();
    },
  };
}

/** Starts an attempt to connect when there is none, and reuses it until it fails or is dropped. */
function reusedAttempt({ onConnected, ...options }: ConnectionOptions) {
  let current: ConnectionAttempt | undefined;
  const forget = (attempt: ConnectionAttempt) => {
    if (current === attempt) current = undefined;
  };
  const drop = (attempt: ConnectionAttempt) => {
    forget(attempt);
    attempt.abandon();
  };
  const start = (): ConnectionAttempt => {
    const bare = startAttempt(options);
    const redis = bare.redis.then(async (client) => {
      client.once('end', () => forget(attempt));
      await onConnected(client);
      return client;
    });
    const attempt: ConnectionAttempt = { ...bare, redis };
    redis.catch(() => drop(attempt));
    return attempt;
  };
  return {
    current: () => {
      current ??= start();
      return current;
    },
    drop,
    abandon: () => current?.abandon(),
  };
}
