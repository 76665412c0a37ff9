import { type Clock, type DurationInput, milliseconds, systemClock, timestamp } from '@acmex/clock';
import {
  type Change,
  firstId,
  idOf,
  newId,
  type ReadManyOptions,
  records,
  schemaCheck,
  type Storage,
  type StorageCallOptions,
  type Stored,
  untilWritten,
} from '@acmex/storage';
import type { Temporal } from 'temporal-polyfill';
import * as z from 'zod';
import type { EventType } from './event-types.ts';
import { texts, time, traceId } from './record-fields.ts';

/** Something that has happened. Never contains a private key or a credential. */
export interface AcmexEvent {
  /** `evt_` and a ULID. A subscriber recognises by it an event that it receives again. */
  readonly id: string;
  readonly type: EventType;
  /** RFC 3339 */
  readonly time: string;
  readonly certificate?: string | undefined;
  readonly order?: string | undefined;
  readonly names?: readonly string[] | undefined;
  readonly issuer?: string | undefined;
  /**
   * The labels of the certificate; those of an order are from its beginning. Absent in events of
   * earlier versions.
   */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /**
   * Who requested it, if anyone did: the id of an API key, or the name that an identity provider
   * uses.
   */
  readonly actor?: string | undefined;
  /** For a person. Text from a server in it is data. */
  readonly message?: string | undefined;
  /** The code of an error; stable, for programs. */
  readonly code?: string | undefined;
  readonly explanationUrl?: string | undefined;
  /**
   * Which alarm of the certificate it raises or resolves: that of its renewal and expiry, or that of
   * its servers; absent for any other event.
   */
  readonly alarm?: 'renewal' | 'served' | undefined;
  /**
   * The trace that it belongs to: 32 hexadecimal digits. Each order has one, so that its events, its
   * deployment, log lines and spans are found by it. W3C Trace Context §3.2.2.3
   */
  readonly traceId?: string | undefined;
}

/** An event about a certificate has its labels, so that it can be filtered by them ever after. */
export type NewEvent = Omit<AcmexEvent, 'id' | 'time' | 'certificate' | 'labels'> &
  (
    | { readonly certificate: string; readonly labels: AcmexEvent['labels'] }
    | { readonly certificate?: undefined; readonly labels?: undefined }
  );

const events = records<Omit<AcmexEvent, 'id'>>({
  kind: 'event',
  version: 1,
  check: schemaCheck(
    z.looseObject({
      // A newer version may have more types.
      type: z.custom<EventType>((value) => typeof value === 'string', 'it is not a text'),
      time,
      certificate: z.string().optional(),
      order: z.string().optional(),
      names: texts.optional(),
      issuer: z.string().optional(),
      labels: z.record(z.string(), z.string()).optional(),
      actor: z.string().optional(),
      message: z.string().optional(),
      code: z.string().optional(),
      explanationUrl: z.string().optional(),
      alarm: z.enum(['renewal', 'served']).optional(),
      traceId,
    }),
  ),
  under: 'events',
  many: true,
});
interface Cursor {
  /**
   * The delivered events of the last minutes: an event can become visible after an event with a
   * later id.
   */
  readonly seen: readonly string[];
  /** All events with ids before this one are delivered. */
  readonly from: string;
}
const cursors = records<Cursor>({
  kind: 'cursor of a subscriber',
  version: 1,
  check: schemaCheck(
    z.looseObject({ seen: texts, from: z.string().regex(/^evt_[0-9a-z]{0,26}$/) }),
  ),
  under: 'event-cursor',
});
/**
 * How long after the creation of its id an event may become visible: writers wait for the storage,
 * and clocks differ.
 */
const latenessMs = 2 * 60_000;

/**
 * The number of events in the present millisecond of a clock, which keeps the events of a process
 * in order.
 */
const eventCounts = new WeakMap<Clock, { readonly at: number; readonly count: number }>();

/** Returns an id that is greater than all earlier ones of the same clock. */
function nextId(clock: Clock): string {
  const now = clock.now().epochMilliseconds;
  const last = eventCounts.get(clock);
  const count = last?.at === now ? last.count + 1 : 0;
  eventCounts.set(clock, { at: now, count });
  const id = newId('evt', clock);
  return `${firstId('evt', now)}${count.toString().padStart(5, '0')}${id.slice(-11)}`;
}

/** Returns the change that writes an event, for the same write as what it reports. */
export function eventChange(event: NewEvent, clock: Clock): Change {
  return events.added(nextId(clock), { ...event, time: timestamp(clock.now()) });
}

/** Returns the event that a change writes; undefined for any other change. */
export function eventWrittenBy(change: Change): AcmexEvent | undefined {
  if (!('set' in change) || !change.set.startsWith('events/')) return undefined;
  const stored = events.parse({ key: change.set, value: change.value, version: '', secret: false });
  return { id: idOf(stored), ...stored.record };
}

/** The place of an event in the whole storage or in a part of it, as that of a tenant. */
const eventKey = /(?:^|\/)(events\/(?:[0-9a-z]+\/)*evt_[0-9a-z]+)$/;

/**
 * Returns a storage that gives events without a trace that of what is done at present. Events of an
 * order have the trace of the order, and keep it.
 * @param currentTraceId returns 32 hexadecimal digits; undefined where nothing is traced
 */
export function tracedEvents(storage: Storage, currentTraceId: () => string | undefined): Storage {
  return {
    get: (key, options) => storage.get(key, options),
    list: (prefix, options) => storage.list(prefix, options),
    snapshot: (options) => storage.snapshot(options),
    write: async (changes, options) => {
      const traceId = currentTraceId();
      const traced =
        traceId === undefined ? changes : changes.map((change) => inTrace(change, traceId));
      return await storage.write(traced, options);
    },
    [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose](),
  };
}

function inTrace(change: Change, traceId: string): Change {
  const [, key] = ('set' in change && eventKey.exec(change.set)) || [];
  if (!('set' in change) || key === undefined) return change;
  const event = eventWrittenBy({ ...change, set: key });
  if (!event || event.traceId !== undefined) return change;
  const { id, ...record } = event;
  return { ...events.added(id, { ...record, traceId }), set: change.set };
}

/** The events in a storage, for subscribers. */
export interface Outbox {
  /** Lists events, the oldest first; with `after`, those behind an id, without those of `except`. */
  list(
    options?: ReadManyOptions & {
      readonly after?: string | undefined;
      readonly except?: ReadonlySet<string> | undefined;
      readonly limit?: number | undefined;
    },
  ): AsyncIterable<AcmexEvent>;
  /**
   * Delivers to a subscriber, in order, the events that it has not received. Each is delivered at
   * least once: after a crash an event may come again, with the same id. When the handler throws,
   * the delivery stops; the next call continues with that event.
   * @returns the number of delivered events
   */
  deliver(
    subscriber: string,
    handler: (event: AcmexEvent) => Promise<void>,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<number>;
  /**
   * Passes to a subscriber, in order, events that it has not received, and writes the changes that
   * it returns together with its new position: each event has its effect exactly once, even where
   * several processes do this at the same time. An event that cannot be read is left out.
   * @returns the number of events that were passed; 0 when there are no more
   */
  forward(
    subscriber: string,
    changesOf: (events: readonly AcmexEvent[]) => Promise<readonly Change[]>,
    options?: ForwardOptions,
  ): Promise<number>;
  /**
   * Removes the oldest events that are older, at most `limit` of them, up to the first one that a
   * subscriber has not received. Safe while other processes do the same.
   * @returns the number of events that were removed; `limit` where there may be more
   */
  prune(olderThan: DurationInput, options?: PruneOptions): Promise<number>;
}

export interface PruneOptions {
  /** 1000 by default. */
  readonly limit?: number | undefined;
  /** The subscribers that receive no more: what they have not received is removed. */
  readonly retired?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ForwardOptions {
  /** Where a new subscriber begins; with all events by default. */
  readonly since?: Temporal.Instant | undefined;
  /** The highest number of events in one write; 50 by default. */
  readonly limit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Returns the events of a storage. */
export function outbox(
  storage: Storage,
  { clock = systemClock }: { readonly clock?: Clock | undefined } = {},
): Outbox {
  return {
    list: (options) => listEvents(storage, options),
    deliver: (subscriber, handler, { signal } = {}) =>
      deliverEvents({ storage, clock }, { subscriber, handler, signal }),
    forward: (subscriber, changesOf, options = {}) =>
      untilWritten(() => forwardEvents({ storage, clock }, { subscriber, changesOf, ...options })),
    prune: (olderThan, options = {}) => {
      const before = firstId('evt', clock.now().epochMilliseconds - milliseconds(olderThan));
      return pruneEvents(storage, { before, ...options });
    },
  };
}

async function* listEvents(
  storage: Storage,
  { after, except, ...options }: Parameters<Outbox['list']>[0] = {},
): AsyncGenerator<AcmexEvent> {
  const position = after === undefined ? {} : { after: events.key(after) };
  const skip = except && ((key: string) => except.has(idOf({ key })));
  for await (const stored of events.list(storage, { ...options, ...position, skip }))
    yield { id: idOf(stored), ...stored.record };
}

async function deliverEvents(
  { storage, clock }: { readonly storage: Storage; readonly clock: Clock },
  {
    subscriber,
    handler,
    signal,
  }: {
    readonly subscriber: string;
    readonly handler: Parameters<Outbox['deliver']>[1];
    readonly signal: AbortSignal | undefined;
  },
): Promise<number> {
  const stored = await cursors.read(storage, subscriber);
  const { from, seen } = stored?.record ?? { from: 'evt_', seen: [] };
  const received = new Set(seen);
  let interrupted: string | undefined;
  let delivered = 0;
  try {
    for await (const event of listEvents(storage, { after: from, signal })) {
      if (received.has(event.id)) continue;
      interrupted = event.id;
      signal?.throwIfAborted();
      await handler(event);
      received.add(event.id);
      interrupted = undefined;
      delivered += 1;
    }
  } finally {
    if (delivered > 0) {
      const next = nextPosition({ from, interrupted }, clock);
      const recent = [...received].filter((id) => id > next);
      await storage.write([cursors.put(subscriber, { from: next, seen: recent })]);
    }
  }
  return delivered;
}

async function forwardEvents(
  { storage, clock }: { readonly storage: Storage; readonly clock: Clock },
  {
    subscriber,
    changesOf,
    since,
    limit = 50,
    signal,
  }: ForwardOptions & {
    readonly subscriber: string;
    readonly changesOf: Parameters<Outbox['forward']>[1];
  },
): Promise<number> {
  const stored = await cursors.read(storage, subscriber);
  const first = since === undefined ? 'evt_' : firstId('evt', since.epochMilliseconds);
  const { from, seen } = stored?.record ?? { from: first, seen: [] };
  const received = new Set(seen);
  const fresh: AcmexEvent[] = [];
  let next: string | undefined;
  for await (const event of listEvents(storage, { after: from, signal, onCorrupt: leaveOut })) {
    if (received.has(event.id)) continue;
    if (fresh.length === limit) {
      next = event.id;
      break;
    }
    fresh.push(event);
  }
  if (fresh.length === 0 && stored) return 0;
  const changes = await changesOf(fresh);
  for (const { id } of fresh) received.add(id);
  const position = nextPosition({ from, interrupted: next }, clock);
  const recent = [...received].filter((id) => id > position);
  await storage.write([
    ...changes,
    changedCursor(stored, subscriber, { from: position, seen: recent }),
  ]);
  return fresh.length;
}

/** Returns the change of a cursor, which fails when another process has changed it. */
function changedCursor(stored: Stored<Cursor> | undefined, id: string, cursor: Cursor): Change {
  return stored ? cursors.changed(stored, cursor) : cursors.added(id, cursor);
}

/** The work on a damaged record reports it. */
function leaveOut(): void {
  /* the other events are passed on */
}

/**
 * Returns the id before which all events are delivered: a while ago, or before the event that was
 * interrupted, but never further back.
 */
function nextPosition(
  { from, interrupted }: { readonly from: string; readonly interrupted: string | undefined },
  clock: Clock,
): string {
  const settled = firstId('evt', clock.now().epochMilliseconds - latenessMs);
  const next =
    interrupted !== undefined && interrupted < settled
      ? interrupted.slice(0, settled.length)
      : settled;
  return next > from ? next : from;
}

/** A write has 100 changes at most. */
const mostChanges = 100;

async function pruneEvents(
  storage: Storage,
  {
    before,
    limit = 1000,
    retired = [],
    signal,
  }: PruneOptions & {
    /** The id before which events are old. */
    readonly before: string;
  },
): Promise<number> {
  const isReceived = await receivedByAll(storage, { retired, signal });
  const keys: string[] = [];
  const options = { limit, signal, onCorrupt: leaveOut };
  for await (const { key } of storage.list('events', options)) {
    if (key >= events.key(before) || !isReceived(idOf({ key }))) break;
    keys.push(key);
  }
  for (let first = 0; first < keys.length; first += mostChanges) {
    const changes = keys.slice(first, first + mostChanges).map((remove) => ({ remove }));
    await storage.write(changes, { signal });
  }
  return keys.length;
}

/** Returns a function that says whether every subscriber that still receives has had an event. */
async function receivedByAll(
  storage: Storage,
  { retired, signal }: { readonly retired: readonly string[] } & StorageCallOptions,
): Promise<(id: string) => boolean> {
  const positions: Cursor[] = [];
  for await (const stored of cursors.list(storage, { signal }))
    if (!retired.includes(idOf(stored))) positions.push(stored.record);
  return (id) => positions.every(({ from, seen }) => id < from || seen.includes(id));
}
