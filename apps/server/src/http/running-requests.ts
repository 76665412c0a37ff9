import type { ServerResponse } from 'node:http';
import { finished } from 'node:stream/promises';
import { type Clock, type DurationInput, settledWithin } from '@acmex/clock';
import type { FastifyReply } from 'fastify';

interface RunningRequest {
  readonly response: ServerResponse;
  readonly handling: Promise<unknown>;
}

/**
 * The requests that are being handled. A handler continues when its caller has gone, and its
 * writes must be over before the storage is closed.
 */
export class RunningRequests {
  readonly #clock: Clock;
  readonly #running = new Set<RunningRequest>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Returns what the handler returns, and counts the request as running until it is answered. */
  async track<T>(reply: FastifyReply, handling: Promise<T>): Promise<T> {
    const request = { response: reply.raw, handling };
    this.#running.add(request);
    try {
      return await handling;
    } finally {
      const over = () => this.#running.delete(request);
      if (reply.raw.closed) over();
      else reply.raw.once('close', over);
    }
  }

  /** Waits until all requests are answered, but no longer than `limit`. */
  async settled(limit: DurationInput): Promise<void> {
    await settledWithin(limit, Array.from(this.#running, answeredOrGone), this.#clock);
  }
}

/** Waits for the handler, and for its answer where the caller is still there. */
async function answeredOrGone({ response, handling }: RunningRequest): Promise<void> {
  const sent = response.closed ? undefined : finished(response);
  await Promise.allSettled([handling, sent]);
}
