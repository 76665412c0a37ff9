import type { MillisecondTimer } from '@acmex/clock';
import { createParser, type EventSourceMessage, type ParseError } from 'eventsource-parser';
import { within } from './connection.ts';
import { ApiError } from './errors.ts';
import type { components } from './rest-api.ts';

type Schemas = components['schemas'];

/**
 * What happens to an order: a step, another state or failure, the DNS records that a person sets, or
 * its end with the whole order. `id` resumes after a step.
 */
export type OrderEvent =
  | { readonly type: 'step'; readonly id: string; readonly step: Schemas['Step'] }
  | {
      readonly type: 'state';
      readonly state: Schemas['Order']['state'];
      /** RFC 3339 */
      readonly at: string;
      readonly failure?: Schemas['Failure'];
    }
  | {
      /** The records have changed, or what was seen of them. */
      readonly type: 'records';
      readonly records?: Schemas['Order']['records'];
      readonly recordsUntil?: Schemas['Order']['recordsUntil'];
    }
  | { readonly type: 'end'; readonly order: Schemas['Order'] };

export interface WatchOptions {
  /** Ends the iteration with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** The id of the last step that was seen; by default it begins with the first. */
  readonly lastEventId?: string | undefined;
  /** Called when the stream is open: at first, and after each reconnection. */
  readonly onConnect?: (() => void) | undefined;
  /** Called when the connection is lost, with the reason, before each attempt to connect again. */
  readonly onReconnect?: ((reason: ApiError) => void) | undefined;
}

export interface OrderStreams {
  /** Opens the stream of an order after an event. */
  readonly connect: (
    id: string,
    lastEventId: string | undefined,
    signal: AbortSignal | undefined,
  ) => Promise<Response>;
  readonly timer: MillisecondTimer;
}

const subject = 'GET /api/orders/{id}/events';
/** The server sends something at least every 15 seconds. */
const longestSilenceMs = 60_000;
const longestMessage = 4 * 1024 * 1024;
const maxFailuresInARow = 10;
const [firstPauseMs, longestPauseMs] = [1000, 30_000];

/**
 * @throws ApiError if the first connection fails, if the server refuses a later one for good, and
 * after ten failures in a row
 */
export async function* watchOrder(
  id: string,
  streams: OrderStreams,
  { signal, lastEventId, onConnect, onReconnect }: WatchOptions = {},
): AsyncGenerator<OrderEvent, void, undefined> {
  const seen = { id: lastEventId, state: '', records: '', failures: 0 };
  for (let hasBegun = false; ;) {
    let reason = new ApiError('ERR_API_UNREACHABLE', `${subject}: the server ended the stream`);
    try {
      const response = await streams.connect(id, seen.id, signal);
      hasBegun = true;
      onConnect?.();
      for await (const message of messages(response, { timer: streams.timer, signal })) {
        seen.failures = 0;
        seen.id = message.id ?? seen.id;
        const event = toEvent(message);
        // Each connection begins with the state and the records.
        if (event?.type === 'state') {
          const state = `${event.state} ${event.failure?.at ?? ''}`;
          if (state === seen.state) continue;
          seen.state = state;
        }
        if (event?.type === 'records') {
          if (message.data === seen.records) continue;
          seen.records = message.data;
        }
        if (event === undefined) continue;
        yield event;
        if (event.type === 'end') return;
      }
    } catch (error) {
      if (!hasBegun || !(error instanceof ApiError) || !isTransient(error)) throw error;
      reason = error;
    }
    seen.failures += 1;
    if (seen.failures > maxFailuresInARow) throw reason;
    onReconnect?.(reason);
    await streams.timer.sleep({ milliseconds: pauseMs(seen.failures, reason) }, { signal });
  }
}

interface ReadOptions {
  readonly timer: MillisecondTimer;
  readonly signal: AbortSignal | undefined;
}

async function* messages(
  { body }: Response,
  { timer, signal }: ReadOptions,
): AsyncGenerator<EventSourceMessage, void, undefined> {
  const reader = body?.getReader();
  if (!reader) return;
  const decoder = new TextDecoder();
  let received: EventSourceMessage[] = [];
  const parser = createParser({
    onEvent: (message) => received.push(message),
    onError: refuseTooLong,
    maxBufferSize: longestMessage,
  });
  try {
    for (;;) {
      const limits = { timer, limitMs: longestSilenceMs, signal };
      const { done, value } = await within(subject, limits, async (limited) => {
        const cancel = () => void reader.cancel(limited.reason).catch(() => undefined);
        limited.addEventListener('abort', cancel, { once: true });
        const chunk = await reader.read();
        limited.throwIfAborted();
        return chunk;
      });
      if (done) return;
      parser.feed(decoder.decode(value as Uint8Array, { stream: true }));
      const ready = received;
      received = [];
      yield* ready;
    }
  } finally {
    // A reader of a connection that is lost rejects again with what was thrown already.
    await reader.cancel().catch(() => undefined);
  }
}

/** Ignores fields that a later version may send. */
function refuseTooLong(error: ParseError): void {
  if (error.type === 'max-buffer-size-exceeded')
    throw new ApiError('ERR_API_ANSWER', `${subject}: an event is larger than 4 MiB`, {
      cause: error,
    });
}

/** Returns undefined for what a later version of the server may send. */
function toEvent({ event, id = '', data }: EventSourceMessage): OrderEvent | undefined {
  try {
    if (event === 'step') return { type: 'step', id, step: JSON.parse(data) as Schemas['Step'] };
    if (event === 'state')
      return {
        type: 'state',
        ...(JSON.parse(data) as Omit<OrderEvent & { type: 'state' }, 'type'>),
      };
    if (event === 'records')
      return {
        type: 'records',
        ...(JSON.parse(data) as Omit<OrderEvent & { type: 'records' }, 'type'>),
      };
    if (event === 'end') return { type: 'end', order: JSON.parse(data) as Schemas['Order'] };
  } catch (cause) {
    throw new ApiError('ERR_API_ANSWER', `${subject}: an event is not valid JSON`, { cause });
  }
  return undefined;
}

/** Whether a server that is overloaded, or starts again, may be there soon. */
function isTransient({ code, status }: ApiError): boolean {
  return code === 'ERR_API_UNREACHABLE' || [429, 502, 503, 504].includes(status ?? 0);
}

function pauseMs(failures: number, { retryAfterSeconds = 0 }: ApiError): number {
  const usual = Math.min(firstPauseMs * 2 ** (failures - 1), longestPauseMs);
  return Math.max(usual, Math.ceil(retryAfterSeconds * 1000));
}
