import { finished } from 'node:stream/promises';
import type { Clock, DurationInput } from '@acmex/clock';
import type { FastifyReply } from 'fastify';

/**
 * The requests that are being handled. A handler runs on when its caller has gone, and its writes
 * must be over before the storage is closed.
 */
export class RunningRequests {
  readonly #clock: Clock;
  readonly #running = new Set<Promise<unknown>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Returns what the handler returns, and counts the request as running until it is answered. */
  async track<T>(reply: FastifyReply, handling: Promise<T>): Promise<T> {
    // A caller that has gone takes no answer: only the handler is waited for.
    const responded = finished(reply.raw).catch(() => undefined);
    const over = Promise.allSettled([handling, responded]);
    this.#running.add(over);
    void over.then(() => this.#running.delete(over));
    return await handling;
  }

  /** Waits until all requests are answered, but no longer than `limit`. */
  async settled(limit: DurationInput): Promise<void> {
    const ended = new AbortController();
    const timeIsUp = this.#clock.sleep(limit, { signal: ended.signal }).catch(() => undefined);
    await Promise.race([Promise.all(this.#running), timeIsUp]);
    ended.abort('the wait has ended');
  }
}
