import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';

/** A failure that no client learns of in full. */
export interface ServerFailure {
  /** The work that failed: `POST /acme/new-order`, `validation of auth_…`. */
  readonly during: string;
  /** The same as in the problem document that the client received, where there was one. */
  readonly correlationId: string;
  readonly error: unknown;
}

/** Work that no request waits for. One piece of work under one name at a time in this process. */
export interface Background {
  /**
   * Starts the work, unless work of this name is under way. A failure is reported, never thrown.
   */
  run(name: string, work: (options: { readonly signal: AbortSignal }) => Promise<void>): void;
  /** Returns a function that reports a failure during this work, which continues. */
  report(during: string): (error: unknown) => void;
  /** Resolves when no work of this name is running. */
  done(name: string): Promise<void>;
  /** Resolves when no work is running. */
  idle(): Promise<void>;
  /**
   * Ends running work and starts no more. Unfinished work is in the storage, and the next start
   * continues it.
   */
  close(): Promise<void>;
}

export function background(onError: (failure: ServerFailure) => void): Background {
  const running = new Map<string, Promise<void>>();
  const closed = new AbortController();
  // One listener a piece of work, and there may be many at once: no leak.
  setMaxListeners(0, closed.signal);
  const idle = async () => {
    while (running.size > 0) await Promise.all(running.values());
  };
  return {
    run(name, work) {
      if (running.has(name) || closed.signal.aborted) return;
      const task = (async () => {
        try {
          await work({ signal: closed.signal });
        } catch (error) {
          if (!closed.signal.aborted) onError({ during: name, correlationId: randomUUID(), error });
        } finally {
          running.delete(name);
        }
      })();
      running.set(name, task);
      task.catch(() => {
        /* only onError itself can have thrown: that is its owner's */
      });
    },
    report: (during) => (error) => onError({ during, correlationId: randomUUID(), error }),
    done: async (name) => {
      await running.get(name);
    },
    idle,
    async close() {
      closed.abort();
      await idle();
    },
  };
}
