import {
  type Backoff,
  backoffMs,
  type Clock,
  mapConcurrent,
  systemClock,
  timestamp,
} from '@acmex/clock';
import { errorCode, errorText, printable } from '@acmex/errors';
import {
  type AcmexEvent,
  CertificateStore,
  type NotificationType,
  outbox,
} from '@acmex/orchestrator';
import {
  acquireLock,
  type Change,
  newId,
  type Storage,
  type Stored,
  writeIfUnchanged,
} from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import type { Channel, ChannelKind, Receipt } from './channel.ts';
import {
  deadChanges,
  deliveredChanges,
  type Delivery,
  deliveryChange,
  type DeliveryRecord,
  listDeliveries,
  type ListDeliveriesOptions,
  postponedChanges,
  allWaiting,
  removeOldDead,
  replayDead,
  waitingFor,
} from './deliveries.ts';
import { NotificationsError } from './errors.ts';
import {
  eventNotification,
  exampleNotification,
  type Notification,
  report,
  summaryNotification,
} from './notification.ts';
import { summaryEntry, type SummaryEntry, summaryOf } from './summary.ts';
import { lastMoment, summaries, type WeeklyTime } from './weekly.ts';

/** Which events a receiver gets: those for which every condition holds. */
export interface Filter {
  /** All by default. */
  readonly events?: readonly NotificationType[] | undefined;
  /**
   * Patterns of names, of which the certificate must have at least one: `example.com`, or
   * `*.example.com` for every name below it; `*` is any text.
   */
  readonly names?: readonly string[] | undefined;
  /** The certificate must have all of them. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** Who is notified, and of what. */
export interface Receiver extends Filter {
  /** Names its deliveries in the storage: a-z, 0-9 and -. */
  readonly name: string;
  readonly channel: Channel;
  /** More new events than this become one report; 20 by default. `Infinity`: never a report. */
  readonly reportAbove?: number | undefined;
}

/** An attempt to send a notification, and what became of it. */
export interface DeliveryAttempt {
  readonly channel: ChannelKind;
  /** `failed`: it is tried again. `dead`: it failed, and is a dead letter now. */
  readonly outcome: 'delivered' | 'failed' | 'dead';
}

export interface NotifierOptions {
  readonly storage: Storage;
  readonly receivers: readonly Receiver[];
  /** Named in notifications. */
  readonly tenant?: string | undefined;
  /** When receivers get `weekly_summary`; never by default. */
  readonly summary?: WeeklyTime | undefined;
  /** Called with what is given up, and with records that cannot be read. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Called after each attempt to send a notification. */
  readonly onAttempt?: ((attempt: DeliveryAttempt) => void) | undefined;
  readonly clock?: Clock | undefined;
  /** 0 to 1, for the pauses between attempts. */
  readonly random?: (() => number) | undefined;
}

export interface TestOptions {
  readonly event?: NotificationType | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The subscriber of the outbox for which receivers are notified. */
export const notificationSubscriber = 'notifications';
/** The pauses between attempts. */
const backoff: Backoff = { first: { seconds: 30 }, longest: { hours: 1 } };
/** After an attempt that fails this long after the first, a notification is a dead letter. */
const longestTrialMs = 24 * 3_600_000;
/** Older events are history when notifications begin again after a long time. */
const oldestEventMs = 7 * 24 * 3_600_000;
/** How long a dead letter can be replayed. */
const deadLifetimeMs = 90 * 24 * 3_600_000;
/** The highest number of events that are read at a time. */
const mostEvents = 1000;
/** A write has at most 100 changes: one for each delivery, and that of the position. */
const mostDeliveries = 99;
const fewEvents = 20;
/** Failures of a single record. */
const damaged: ReadonlySet<string> = new Set(['ERR_STORAGE_CORRUPT', 'ERR_STORAGE_NEWER']);

/**
 * Gives the events of a storage to receivers. What is to be sent is in the storage before it is
 * sent, so that it survives a crash; several processes can do this at the same time. A receiver gets
 * its notifications in order, each at least once; one that comes again has the same id.
 */
export class Notifier {
  readonly #storage: Storage;
  readonly #receivers: readonly Receiver[];
  readonly #tenant: string | undefined;
  readonly #certificates: CertificateStore;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #warn: (message: string) => void;
  readonly #onAttempt: NotifierOptions['onAttempt'];
  /** A storage that has never had receivers notifies them of what happens from now on. */
  readonly #since: Temporal.Instant;
  readonly #summary: WeeklyTime | undefined;
  /** The last moment of `summary` that this process has seen, in milliseconds. */
  #summarizedMs = -Infinity;
  #retired: Promise<void> | undefined;

  constructor({ storage, receivers, tenant, onWarning, ...options }: NotifierOptions) {
    const { clock = systemClock, random = Math.random } = options;
    this.#storage = storage;
    this.#receivers = receivers;
    this.#tenant = tenant;
    this.#certificates = new CertificateStore({ storage, clock });
    this.#clock = clock;
    this.#random = random;
    this.#warn = (message) => onWarning?.(message);
    this.#onAttempt = options.onAttempt;
    this.#since = clock.now();
    this.#summary = options.summary;
  }

  /** The names of the receivers. */
  get receivers(): readonly string[] {
    return this.#receivers.map(({ name }) => name);
  }

  /**
   * Sends what is new and what is due.
   * @param as `report`: each receiver gets all new events as one notification
   * @returns when something is due next, if anything waits
   */
  async notify({
    as,
    signal,
  }: {
    readonly as?: 'report' | undefined;
    readonly signal?: AbortSignal | undefined;
  } = {}): Promise<Temporal.Instant | undefined> {
    const { length } = this.#receivers;
    if (length === 0) return undefined;
    this.#retired ??= this.#retireRemoved();
    await this.#retired;
    const events = outbox(this.#storage, { clock: this.#clock });
    const isEach = this.#receivers.some(({ reportAbove }) => reportAbove === Infinity);
    const limit = isEach ? this.#mostEach : mostEvents;
    const options = { since: this.#since, limit, signal };
    const changesOf = async (fresh: readonly AcmexEvent[]) => await this.#changesOf(fresh, as);
    for (let count = 1; count > 0;)
      count = await events.forward(notificationSubscriber, changesOf, options);
    await this.#summarize(signal);
    const due = await mapConcurrent(length, this.#receivers, async (receiver) => {
      return await this.#sendTo(receiver, signal);
    });
    return due.filter((next) => next !== undefined).sort(Temporal.Instant.compare)[0];
  }

  /**
   * Sends a test message once, past what waits and whatever the receiver filters.
   * @param event the type of event of which an example is sent; a plain test message by default
   * @throws NotificationsError `ERR_NOTIFICATIONS_RECEIVER`; what the channel throws
   */
  async test(name: string, { event, signal }: TestOptions = {}): Promise<Receipt> {
    const receiver = this.#receivers.find((candidate) => candidate.name === name);
    if (!receiver)
      throw new NotificationsError(
        'ERR_NOTIFICATIONS_RECEIVER',
        `there is no receiver ${printable(name, 50)}: use ${this.receivers.join(', ') || 'a name from [notifications] of acmex.toml'}`,
      );
    return await receiver.channel.send(this.#testNotification(event), { signal });
  }

  /**
   * Lists the notifications that wait, then the dead letters.
   * @param options.onCorrupt called with each record that cannot be read; a warning by default
   */
  deliveries({
    onCorrupt = this.#onCorrupt,
    ...options
  }: Partial<ListDeliveriesOptions> = {}): AsyncIterable<Delivery> {
    return listDeliveries(this.#storage, { onCorrupt, ...options });
  }

  /** Makes dead letters wait again, as `replayDead`. */
  async replay(id?: string): Promise<number> {
    return await replayDead(this.#storage, {
      id,
      clock: this.#clock,
      onCorrupt: this.#onCorrupt,
    });
  }

  #testNotification(event: NotificationType | undefined): Notification {
    const time = timestamp(this.#clock.now());
    const tenant = this.#tenant;
    if (event !== undefined)
      return exampleNotification(event, { id: newId('evt', this.#clock), time, tenant });
    return {
      id: newId('msg', this.#clock),
      type: 'test',
      time,
      severity: 'info',
      title: 'Test message from AcmeX',
      tenant,
      events: [],
    };
  }

  readonly #onCorrupt = ({ message }: Error) => this.#warn(message);

  async #changesOf(events: readonly AcmexEvent[], as: 'report' | undefined): Promise<Change[]> {
    const oldest = this.#clock.now().epochMilliseconds - oldestEventMs;
    const recent = events.filter(({ time }) => Date.parse(time) >= oldest);
    const labelsOf = this.#labelSource();
    const changes: Change[] = [];
    for (const receiver of this.#receivers) {
      const matching: AcmexEvent[] = [];
      for (const event of recent)
        if (await matches(receiver, event, labelsOf)) matching.push(event);
      for (const notification of this.#notifications(receiver, matching, as))
        changes.push(deliveryChange(receiver.name, notification, this.#clock));
    }
    return changes;
  }

  /**
   * Queues a summary for each receiver if one is due. A storage that had none begins with the next
   * moment. After a pause of several weeks there is one summary, of the present.
   */
  async #summarize(signal: AbortSignal | undefined): Promise<void> {
    if (!this.#summary) return;
    const now = this.#clock.now();
    const moment = lastMoment(this.#summary, now.epochMilliseconds);
    if (moment <= this.#summarizedMs) return;
    const last = await summaries.read(this.#storage, 'weekly');
    if (!last || Date.parse(last.record.at) < moment) {
      const record = { at: new Date(moment).toISOString() };
      const changes: readonly Change[] = last
        ? [summaries.changed(last, record), ...(await this.#summaryChanges(signal))]
        : [summaries.added('weekly', record)];
      // Where another process has written it at the same time, it is queued as well.
      await writeIfUnchanged(this.#storage, changes);
    }
    this.#summarizedMs = moment;
  }

  /** Returns the changes that queue a summary for each receiver that has a certificate. */
  async #summaryChanges(signal: AbortSignal | undefined): Promise<readonly Change[]> {
    const entries = new Map(this.#receivers.map((receiver) => [receiver, [] as SummaryEntry[]]));
    for await (const certificate of this.#certificates.list({
      signal,
      onCorrupt: this.#onCorrupt,
    })) {
      if (certificate.names.length === 0) continue;
      const entry = summaryEntry(certificate, this.#clock);
      const subject = { type: 'weekly_summary', ...certificate } as const;
      for (const receiver of this.#receivers)
        if (isWanted(receiver, subject) && hasLabels(receiver, subject.labels))
          entries.get(receiver)?.push(entry);
    }
    const time = timestamp(this.#clock.now());
    return [...entries].flatMap(([receiver, matching]) => {
      if (matching.length === 0) return [];
      const start = { id: newId('msg', this.#clock), time, tenant: this.#tenant };
      const notification = summaryNotification(summaryOf(matching), start);
      return [deliveryChange(receiver.name, notification, this.#clock)];
    });
  }

  /** The highest number of events of which each receiver gets every one in the same write. */
  get #mostEach(): number {
    return Math.max(1, Math.floor(mostDeliveries / this.#receivers.length));
  }

  #notifications(
    { reportAbove = fewEvents }: Receiver,
    events: readonly AcmexEvent[],
    as: 'report' | undefined,
  ): readonly Notification[] {
    if (events.length === 0) return [];
    const isLong = events.length > Math.min(reportAbove, this.#mostEach);
    const isReport = reportAbove !== Infinity && (as === 'report' || isLong);
    return isReport
      ? [report(events, this.#tenant)]
      : events.map((event) => eventNotification(event, this.#tenant));
  }

  /** Returns a function that reads the labels of a certificate, each certificate once. */
  #labelSource(): LabelSource {
    const read = new Map<string, ReturnType<LabelSource>>();
    return async (id) => {
      const labels =
        read.get(id) ??
        this.#certificates.find(id).then(
          (certificate) => certificate && (certificate.labels ?? {}),
          (error: unknown) => {
            // A storage that does not answer says nothing of labels: the events come again.
            if (!damaged.has(errorCode(error) ?? '')) throw error;
            this.#warn(`the labels of ${id} are unknown: ${errorText(error)}`);
            return undefined;
          },
        );
      read.set(id, labels);
      return await labels;
    };
  }

  /** Sends what is due to a receiver until an attempt fails, so that it gets all in order. */
  async #sendTo(
    receiver: Receiver,
    signal: AbortSignal | undefined,
  ): Promise<Temporal.Instant | undefined> {
    const next = await this.#firstDue(receiver);
    if (!next || this.#isLater(next)) return next;
    await using lock = await acquireLock(this.#storage, `notification/${receiver.name}`, {
      clock: this.#clock,
      signal,
    });
    const working = signal ? AbortSignal.any([signal, lock.signal]) : lock.signal;
    for await (const stored of waitingFor(this.#storage, receiver.name, this.#onCorrupt)) {
      const at = Temporal.Instant.from(stored.record.nextAt);
      if (this.#isLater(at)) return at;
      const attempted = await this.#attempt(receiver, stored, working);
      await lock.write(attempted.changes);
      this.#onAttempt?.({ channel: receiver.channel.kind, outcome: attempted.outcome });
      if (attempted.nextAt) return attempted.nextAt;
    }
    return undefined;
  }

  /** Gives up what has waited for a day for receivers that are not configured any more. */
  async #retireRemoved(): Promise<void> {
    const oldest = this.#clock.now().epochMilliseconds - longestTrialMs;
    for await (const stored of allWaiting(this.#storage, this.#onCorrupt)) {
      const { receiver, createdAt } = stored.record;
      if (this.receivers.includes(receiver) || Date.parse(createdAt) >= oldest) continue;
      await writeIfUnchanged(this.#storage, deadChanges(stored, stored.record));
    }
  }

  async #firstDue({ name }: Receiver): Promise<Temporal.Instant | undefined> {
    for await (const { record } of waitingFor(this.#storage, name, this.#onCorrupt))
      return Temporal.Instant.from(record.nextAt);
    return undefined;
  }

  #isLater(at: Temporal.Instant): boolean {
    return Temporal.Instant.compare(at, this.#clock.now()) > 0;
  }

  /** Sends a notification once. @returns the changes, and the time of the next attempt if any */
  async #attempt(
    receiver: Receiver,
    stored: Stored<DeliveryRecord>,
    signal: AbortSignal,
  ): Promise<{
    readonly changes: readonly Change[];
    readonly outcome: DeliveryAttempt['outcome'];
    readonly nextAt?: Temporal.Instant | undefined;
  }> {
    const { notification, acceptedBy } = stored.record;
    try {
      await receiver.channel.send(notification, { signal, acceptedBy });
      return { outcome: 'delivered', changes: deliveredChanges(stored) };
    } catch (error) {
      signal.throwIfAborted();
      const failed = this.#afterFailure(stored.record, error);
      if (!this.#isGivenUp(stored.record, error)) {
        if (stored.record.attempts === 0)
          this.#warn(
            `${receiver.name} is not notified yet (${notification.title}): ${failed.text}; the next attempt is at ${failed.record.nextAt}`,
          );
        return {
          outcome: 'failed',
          changes: postponedChanges(stored, failed.record),
          nextAt: failed.nextAt,
        };
      }
      this.#warn(
        `${receiver.name} did not get ${notification.id} (${notification.title}), which is a dead letter now: ${failed.text}; acmex notify replay ${notification.id} sends it again`,
      );
      const before = this.#clock.now().epochMilliseconds - deadLifetimeMs;
      await removeOldDead(this.#storage, receiver.name, {
        before: new Date(before).toISOString(),
        onCorrupt: this.#onCorrupt,
      });
      return { outcome: 'dead', changes: deadChanges(stored, failed.record) };
    }
  }

  #isGivenUp({ createdAt }: DeliveryRecord, error: unknown): boolean {
    const age = this.#clock.now().epochMilliseconds - Date.parse(createdAt);
    return errorCode(error) === 'ERR_NOTIFICATIONS_REFUSED' || age >= longestTrialMs;
  }

  #afterFailure(record: DeliveryRecord, error: unknown) {
    const attempts = record.attempts + 1;
    const now = this.#clock.now();
    const pause = Math.ceil(backoffMs(backoff, attempts, this.#random()));
    const usual = now.add({ milliseconds: pause });
    const nextAt = later(usual, retryAfterOf(error), now.add({ hours: 1 }));
    const text = printable(errorText(error), 1000);
    const failure = { code: errorCode(error) ?? 'unknown', message: text, at: now.toString() };
    const changed = {
      attempts,
      nextAt: nextAt.toString(),
      failure,
      ...acceptedAfter(record, error),
    };
    return { text, nextAt, record: { ...record, ...changed } };
  }
}

/** Returns when the receiver allows the next attempt, if that is later than usual; within a limit. */
function later(
  usual: Temporal.Instant,
  allowed: Temporal.Instant | undefined,
  latest: Temporal.Instant,
): Temporal.Instant {
  if (!allowed || Temporal.Instant.compare(allowed, usual) <= 0) return usual;
  return Temporal.Instant.compare(allowed, latest) > 0 ? latest : allowed;
}

/** Returns the recipients that have a notification after a failure, if there are any. */
function acceptedAfter(
  { acceptedBy = [] }: DeliveryRecord,
  error: unknown,
): Pick<DeliveryRecord, 'acceptedBy'> {
  const accepted = error instanceof NotificationsError ? (error.acceptedBy ?? []) : [];
  const all = [...new Set([...acceptedBy, ...accepted])];
  return all.length === 0 ? {} : { acceptedBy: all };
}

function retryAfterOf(error: unknown): Temporal.Instant | undefined {
  return error instanceof NotificationsError ? error.retryAfter : undefined;
}

/** Returns undefined for a certificate that is not, or cannot be read. */
type LabelSource = (certificate: string) => Promise<Readonly<Record<string, string>> | undefined>;

async function matches(filter: Filter, event: AcmexEvent, labelsOf: LabelSource): Promise<boolean> {
  if (!isWanted(filter, event)) return false;
  if (Object.keys(filter.labels ?? {}).length === 0) return true;
  if (event.certificate === undefined) return false;
  return hasLabels(filter, (await labelsOf(event.certificate)) ?? event.labels);
}

/** What is compared with a filter, apart from labels. */
interface Subject {
  readonly type: NotificationType;
  readonly names?: readonly string[] | undefined;
}

function isWanted({ events = [], names = [] }: Filter, subject: Subject): boolean {
  if (events.length > 0 && !events.includes(subject.type)) return false;
  return names.length === 0 || names.some((pattern) => hasName(subject, pattern));
}

function hasLabels({ labels = {} }: Filter, existing: Filter['labels'] = {}): boolean {
  return Object.entries(labels).every(
    ([name, value]) => Object.hasOwn(existing, name) && existing[name] === value,
  );
}

function hasName({ names = [] }: Subject, pattern: string): boolean {
  const [first = '', ...rest] = pattern.toLowerCase().split('*');
  return names.some((name) => {
    const text = name.toLowerCase();
    if (rest.length === 0) return text === first;
    return text.startsWith(first) && endsWithPieces(text.slice(first.length), rest);
  });
}

/** Returns whether a text has the pieces in this order, the last one at its end. */
function endsWithPieces(text: string, pieces: readonly string[]): boolean {
  const last = pieces.at(-1) ?? '';
  let position = 0;
  for (const piece of pieces.slice(0, -1)) {
    const at = text.indexOf(piece, position);
    if (at < 0) return false;
    position = at + piece.length;
  }
  return text.length - last.length >= position && text.endsWith(last);
}
