import { Readable } from 'node:stream';
import type { Clock } from '@acmex/clock';
import type { FastifyReply } from 'fastify';
import type { Caller } from '../access/caller.ts';
import type { CredentialMonitor } from '../access/credential-monitor.ts';
import { type AuthGuard, credentialId, type ParsedRequest } from './auth-guard.ts';
import type { EndpointDescription } from './endpoint.ts';

/** What was permitted so long ago is checked again before it is answered. */
const freshMs = 1000;

export interface LiveRequestOptions {
  readonly endpoint: EndpointDescription;
  readonly request: ParsedRequest;
  readonly reply: FastifyReply;
  /** Undefined where the route needs no key. */
  readonly caller: Caller | undefined;
  readonly guard: AuthGuard;
  readonly monitor: CredentialMonitor;
  readonly clock: Clock;
  /** Aborts when the server stops. */
  readonly stopping: AbortSignal;
}

/**
 * A request that may last longer than its credential. Everything that waits for it, or streams to
 * it, takes its life from here.
 */
export class LiveRequest {
  readonly #options: LiveRequestOptions;
  #checkedAtMs: number;
  #signal: AbortSignal | undefined;
  #ended: AbortSignal | undefined;

  constructor(options: LiveRequestOptions) {
    this.#options = options;
    this.#checkedAtMs = options.clock.monotonic();
  }

  /**
   * Aborts when the request is over, when the server stops, and when the credential has ended. Made
   * when it is first read: few requests need it, and it costs more than all the rest.
   */
  get signal(): AbortSignal {
    this.#signal ??= this.#observe();
    return this.#signal;
  }

  /** @throws ServerError `ERR_SERVER_UNAUTHENTICATED` where the credential has ended */
  readonly reauthenticate = async (): Promise<void> => {
    const { guard, caller, endpoint, request, clock } = this.#options;
    if (!caller) return;
    this.#ended?.throwIfAborted();
    const atMs = clock.monotonic();
    await guard.reauthenticate(caller, endpoint, request);
    this.#checkedAtMs = atMs;
  };

  /** Authenticates again where the last check is not recent. */
  async assertFresh(): Promise<void> {
    const { clock } = this.#options;
    if (clock.monotonic() - this.#checkedAtMs >= freshMs) await this.reauthenticate();
  }

  /** Returns a stream that ends, as if nothing more came, when the signal aborts. */
  stream(source: Readable): Readable {
    return Readable.from(untilAborted(source, this.signal), { objectMode: false });
  }

  #observe(): AbortSignal {
    const { reply, stopping, caller, endpoint, request, monitor } = this.#options;
    const over = new AbortController();
    reply.raw.once('close', () => over.abort());
    if (!caller) return AbortSignal.any([stopping, over.signal]);
    this.#ended = monitor.watch(
      { id: credentialId(endpoint, request), check: this.reauthenticate },
      over.signal,
    );
    return AbortSignal.any([stopping, over.signal, this.#ended]);
  }
}

async function* untilAborted(source: Readable, signal: AbortSignal): AsyncGenerator<unknown> {
  const end = () => source.destroy();
  signal.addEventListener('abort', end, { once: true });
  try {
    if (signal.aborted) return;
    for await (const chunk of source) yield chunk;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', end);
    source.destroy();
  }
}
