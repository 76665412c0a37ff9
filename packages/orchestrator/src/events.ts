import { type Clock, type DurationInput, milliseconds, systemClock } from '@acmex/clock';
import {
  type Change,
  firstId,
  idOf,
  newId,
  type ReadManyOptions,
  records,
  type Storage,
} from '@acmex/storage';

/** Everything that is told of, and what it means. Past tense: each was seen. */
export const eventMeanings = {
  renewal_started: 'An order was begun, the first of a certificate or a later one.',
  renewal_success: 'A certificate was renewed, and lies in the storage.',
  renewal_failed: 'An order failed; it is tried again unless somebody waited for it.',
  renewal_skipped: 'A renewal that was due was put off, because the CA has moved its window.',
  account_registered: 'An account was made at a CA, or found there by its key.',
  account_updated: 'The contacts of an account were changed, or it was given up.',
  account_key_changed: 'An account has another key.',
  challenge_created: 'A response to a challenge was put on display.',
  challenge_validated: 'The CA has found every name of an order proven.',
  challenge_failed: 'The CA has not found a response where it looked.',
  order_created: 'The CA has taken an order.',
  order_cancelled: 'An order was cancelled, and nothing of it is on display.',
  order_orphaned: 'An order may lie unused at the CA, because a process ended while it made it.',
  certificate_added: 'A certificate is managed from now on.',
  certificate_changed: 'What is wanted of a certificate was changed.',
  certificate_obtained: 'A certificate was issued for the first time.',
  certificate_deployed:
    'A certificate lies where it is used, and was seen there where a probe looked.',
  deployment_failed:
    'A certificate could not be put where it is used; it is tried again without ordering again.',
  certificate_expired: 'A certificate has expired.',
  certificate_revoked: 'A certificate was revoked at its CA.',
  private_key_read: 'A private key was given out by the API.',
  api_key_created: 'An API key was made.',
  api_key_changed: 'An API key was given another secret, or another end.',
  api_key_revoked: 'An API key is taken no more.',
  certificate_removed: 'A certificate is managed no more, and its keys are gone from the storage.',
} as const;
export type EventType = keyof typeof eventMeanings;
export const eventTypes = Object.keys(eventMeanings) as readonly EventType[];

/** What happened. Never holds a private key or a credential. */
export interface AcmexEvent {
  /** `evt_` and a ULID: by it a subscriber knows what it has had before. */
  readonly id: string;
  readonly type: EventType;
  /** RFC 3339 */
  readonly time: string;
  readonly certificate?: string | undefined;
  readonly order?: string | undefined;
  readonly names?: readonly string[] | undefined;
  readonly issuer?: string | undefined;
  /** Who asked for it, where somebody did: the id of an API key, or what an identity provider calls them. */
  readonly actor?: string | undefined;
  /** For a person. What came from a server in it is data. */
  readonly message?: string | undefined;
  /** Stable, for programs: the code of an error. */
  readonly code?: string | undefined;
  readonly explanationUrl?: string | undefined;
}

export type NewEvent = Omit<AcmexEvent, 'id' | 'time'>;

const events = records<Omit<AcmexEvent, 'id'>>({
  kind: 'event',
  version: 1,
  under: 'events',
  many: true,
});
interface Cursor {
  /** What was delivered of the last minutes: an event can become visible after one with a later id. */
  readonly seen: readonly string[];
  /** All whose ids sort before it are delivered. */
  readonly from: string;
}
const cursors = records<Cursor>({
  kind: 'cursor of a subscriber',
  version: 1,
  under: 'event-cursor',
});
/** How long after its id was made an event may become visible: writers wait for storage, and clocks differ. */
const lateness = 2 * 60_000;

/** How many events a clock's present millisecond has had: what one process tells stays in its order. */
const told = new WeakMap<Clock, { readonly at: number; readonly count: number }>();

/** A ULID that is greater than those before it of the same clock. */
function nextId(clock: Clock): string {
  const now = clock.now().epochMilliseconds;
  const last = told.get(clock);
  const count = last?.at === now ? last.count + 1 : 0;
  told.set(clock, { at: now, count });
  const id = newId('evt', clock);
  return `${firstId('evt', now)}${count.toString().padStart(5, '0')}${id.slice(-11)}`;
}

/** An event, to be written along with the change that it tells of. */
export function eventChange(event: NewEvent, clock: Clock): Change {
  return events.added(nextId(clock), { ...event, time: clock.now().toString() });
}

/** The events that were written along with changes, for those who want to know. */
export interface Outbox {
  /** From the oldest, or behind an id. */
  list(
    options?: ReadManyOptions & {
      readonly after?: string | undefined;
      readonly limit?: number | undefined;
    },
  ): AsyncIterable<AcmexEvent>;
  /**
   * Gives a subscriber what it has not had, in order, at least once: what a crash interrupts comes again, under the same id.
   * A handler that throws ends the delivery there; the next call goes on with that event.
   * @returns how many were delivered
   */
  deliver(
    subscriber: string,
    handler: (event: AcmexEvent) => Promise<void>,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<number>;
  /** Removes what is older. @returns how many */
  prune(olderThan: DurationInput): Promise<number>;
}

export function outbox(
  storage: Storage,
  { clock = systemClock }: { readonly clock?: Clock | undefined } = {},
): Outbox {
  const list: Outbox['list'] = async function* ({ after, ...options } = {}) {
    for await (const stored of events.list(storage, {
      ...options,
      ...(after === undefined ? {} : { after: events.key(after) }),
    }))
      yield { id: idOf(stored), ...stored.record };
  };
  return {
    list,
    async deliver(subscriber, handler, { signal } = {}) {
      const { from, seen } = (await cursors.read(storage, subscriber))?.record ?? {
        from: 'evt_',
        seen: [],
      };
      const had = new Set(seen);
      let waiting: string | undefined;
      let delivered = 0;
      try {
        for await (const event of list({ after: from, signal })) {
          if (had.has(event.id)) continue;
          waiting = event.id;
          signal?.throwIfAborted();
          await handler(event);
          had.add(event.id);
          waiting = undefined;
          delivered += 1;
        }
      } finally {
        const late = firstId('evt', clock.now().epochMilliseconds - lateness);
        const next =
          [late, ...(waiting === undefined ? [] : [waiting.slice(0, late.length)])].sort()[0] ??
          from;
        if (delivered > 0)
          await storage.write([
            cursors.put(subscriber, {
              from: next > from ? next : from,
              seen: [...had].filter((id) => id > next),
            }),
          ]);
      }
      return delivered;
    },
    async prune(olderThan) {
      const before = firstId('evt', clock.now().epochMilliseconds - milliseconds(olderThan));
      let keys: string[] = [];
      let removed = 0;
      const flush = async () => {
        removed += keys.length;
        if (keys.length > 0) await storage.write(keys.map((remove) => ({ remove })));
        keys = [];
      };
      for await (const { key } of events.list(storage)) {
        if (key >= events.key(before)) break;
        if (keys.push(key) === 100) await flush();
      }
      await flush();
      return removed;
    },
  };
}
