import { type Clock, timestamp } from '@acmex/clock';
import { type Change, idOf, records, schemaCheck, type Storage, type Stored } from '@acmex/storage';
import * as z from 'zod';
import { NotificationsError } from './errors.ts';
import type { Notification } from './notification.ts';

/** Why a receiver did not get a notification. */
export interface DeliveryFailure {
  readonly code: string;
  readonly message: string;
  /** RFC 3339 */
  readonly at: string;
}

/** A notification on its way to a receiver. */
export interface DeliveryRecord {
  readonly receiver: string;
  readonly notification: Notification;
  /** When its day of attempts began, RFC 3339. */
  readonly createdAt: string;
  readonly attempts: number;
  /** When it is sent next, RFC 3339. A dead letter is not sent. */
  readonly nextAt: string;
  readonly failure?: DeliveryFailure | undefined;
  /** The recipients of the receiver that have it already. */
  readonly acceptedBy?: readonly string[] | undefined;
}

export interface Delivery extends DeliveryRecord {
  /** The id of its notification. */
  readonly id: string;
  /** `waiting`: it is sent, or sent again. `dead`: it is not sent unless it is replayed. */
  readonly state: 'waiting' | 'dead';
}

const time = z.iso.datetime({ offset: true });
const check = schemaCheck(
  z.looseObject({
    receiver: z.string(),
    notification: z.custom<Notification>(isNotification, 'it is not a notification'),
    createdAt: time,
    attempts: z.int(),
    nextAt: time,
    failure: z.looseObject({ code: z.string(), message: z.string(), at: time }).optional(),
    acceptedBy: z.array(z.string()).optional(),
  }),
);

function isNotification(value: unknown): boolean {
  const shape = z.looseObject({
    id: z.string(),
    type: z.string(),
    time: z.string(),
    severity: z.string(),
    title: z.string(),
    events: z.array(z.looseObject({ id: z.string(), type: z.string(), time: z.string() })),
  });
  return shape.safeParse(value).success;
}

/** Deliveries in the order in which each receiver gets them: their ids begin with their time. */
const waiting = records<DeliveryRecord>({
  kind: 'notification',
  version: 1,
  check,
  under: 'notification/waiting',
});
const dead = records<DeliveryRecord>({
  kind: 'notification that was not delivered',
  version: 1,
  check,
  under: 'notification/dead',
});

const recordId = ({ receiver, notification }: DeliveryRecord) => `${receiver}/${notification.id}`;

/** Returns the change that gives a notification to a receiver. */
export function deliveryChange(receiver: string, notification: Notification, clock: Clock): Change {
  const now = timestamp(clock.now());
  const record = { receiver, notification, createdAt: now, attempts: 0, nextAt: now };
  return waiting.put(recordId(record), record);
}

/** Yields what waits for a receiver, in order. */
export function waitingFor(
  storage: Storage,
  receiver: string,
  onCorrupt: (error: Error) => void,
): AsyncIterable<Stored<DeliveryRecord>> {
  return waiting.list(storage, { under: receiver, onCorrupt });
}

/** Yields what waits for any receiver. */
export function allWaiting(
  storage: Storage,
  onCorrupt: (error: Error) => void,
): AsyncIterable<Stored<DeliveryRecord>> {
  return waiting.list(storage, { onCorrupt });
}

/** Returns the changes after a delivery. */
export function deliveredChanges({ key, version }: Stored<DeliveryRecord>): readonly Change[] {
  return [{ remove: key, ifVersion: version }];
}

/** Returns the changes after a failure that is tried again. */
export function postponedChanges(
  stored: Stored<DeliveryRecord>,
  record: DeliveryRecord,
): readonly Change[] {
  return [waiting.changed(stored, record)];
}

/** Returns the changes that make a delivery a dead letter. */
export function deadChanges(
  stored: Stored<DeliveryRecord>,
  record: DeliveryRecord,
): readonly Change[] {
  return [...deliveredChanges(stored), dead.put(recordId(record), record)];
}

/** What a delivery is found by in the list of deliveries. */
export type DeliveryPosition = Pick<Delivery, 'state' | 'receiver' | 'id'>;

export interface ListDeliveriesOptions {
  /** Both by default. */
  readonly state?: Delivery['state'] | undefined;
  /** Only what is behind this delivery, which may be gone. */
  readonly after?: DeliveryPosition | undefined;
  /** Called with each record that cannot be read. */
  readonly onCorrupt: (error: Error) => void;
}

/** Lists the deliveries that wait, then the dead letters. */
export async function* listDeliveries(
  storage: Storage,
  { state: wanted, after, onCorrupt }: ListDeliveriesOptions,
): AsyncGenerator<Delivery> {
  for (const [state, kind] of [
    ['waiting', waiting],
    ['dead', dead],
  ] as const) {
    if ((wanted ?? state) !== state || (after?.state === 'dead' && state === 'waiting')) continue;
    const position =
      after?.state === state ? { after: kind.key(`${after.receiver}/${after.id}`) } : {};
    for await (const stored of kind.list(storage, { onCorrupt, ...position }))
      yield { id: idOf(stored), state, ...stored.record };
  }
}

/**
 * Makes dead letters wait again, for another day, with their ids.
 * @param id of one notification; all dead letters by default
 * @returns their number
 * @throws NotificationsError `ERR_NOTIFICATIONS_DELIVERY` where no dead letter has the id
 */
export async function replayDead(
  storage: Storage,
  {
    id,
    clock,
    onCorrupt,
  }: {
    readonly id?: string | undefined;
    readonly clock: Clock;
    readonly onCorrupt: (error: Error) => void;
  },
): Promise<number> {
  let count = 0;
  const nextAt = timestamp(clock.now());
  for await (const { key, version, record } of dead.list(storage, { onCorrupt })) {
    if (id !== undefined && record.notification.id !== id) continue;
    const again = { ...record, createdAt: nextAt, attempts: 0, nextAt, failure: undefined };
    const removal: Change = { remove: key, ifVersion: version };
    await storage.write([removal, waiting.put(recordId(again), again)]);
    count += 1;
  }
  if (count === 0 && id !== undefined)
    throw new NotificationsError(
      'ERR_NOTIFICATIONS_DELIVERY',
      `there is no dead letter ${id}: use an id that acmex notify list shows as dead`,
    );
  return count;
}

/** Removes the dead letters of a receiver that were given up before a moment, RFC 3339. */
export async function removeOldDead(
  storage: Storage,
  receiver: string,
  { before, onCorrupt }: { readonly before: string; onCorrupt: (error: Error) => void },
): Promise<void> {
  const keys: string[] = [];
  for await (const { key, record } of dead.list(storage, { under: receiver, onCorrupt })) {
    if (Date.parse(record.nextAt) >= Date.parse(before) || keys.length === 100) break;
    keys.push(key);
  }
  if (keys.length > 0) await storage.write(keys.map((remove) => ({ remove })));
}
