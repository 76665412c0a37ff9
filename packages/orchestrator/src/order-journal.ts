import { type Clock, timestamp } from '@acmex/clock';
import { type Change, type Lock, type Storage, type Stored, untilWritten } from '@acmex/storage';
import { certificates, type CertificateSummary } from './certificate-record.ts';
import { OrchestratorError } from './errors.ts';
import type { EventType } from './event-types.ts';
import { eventChange, type NewEvent } from './events.ts';
import type { IssuerStep } from './issuer.ts';
import { hasEnded, type OrderRecord, orders, type OrderStep } from './order-record.ts';
import { traceIdOf } from './trace-context.ts';

const storedSteps = 100;
/** As many steps as fit into a write, with their events. */
const stepsInOneWrite = 60;
/** The same for the last write of an execution, which has many other changes. */
const stepsInLastWrite = 20;
const cancelCheckInterval = { seconds: 5 };
/** Steps of an issuer that are events too. */
const eventOfStep: Readonly<Record<string, EventType>> = {
  ordered: 'order_created',
  presented: 'challenge_created',
  validated: 'challenge_validated',
  'order-orphaned': 'order_orphaned',
  'records-wanted': 'challenge_record_wanted',
  'issuer-changed': 'issuer_changed',
  'given-up': 'order_given_up',
};

export interface OrderJournalOptions {
  readonly storage: Storage;
  /** The certificate's lock, held throughout. */
  readonly lock: Lock;
  readonly clock: Clock;
}

/** An order and its certificate. */
export interface OrderAndCertificate {
  readonly order: Stored<OrderRecord>;
  readonly certificate: Stored<CertificateSummary>;
}

/**
 * What an order is at work on: the only certificate, or one of a pair. For the second, `certificate`
 * is as its key sees it: see `withKeysSwapped`.
 */
export interface OrderPart extends OrderAndCertificate {
  readonly part: 'only' | 'first' | 'second';
}

/** Returns changes that are written with a change of an order. */
type ChangesAlongside = (order: OrderRecord) => readonly Change[] | Promise<readonly Change[]>;

/**
 * Reads and writes an order's record while it is executed, with its steps and their events, and
 * notices when it is cancelled.
 */
export class OrderJournal {
  readonly #id: string;
  readonly #storage: Storage;
  readonly #lock: Lock;
  readonly #clock: Clock;
  readonly #cancelled = new AbortController();
  /** Steps since the last write. */
  #steps: readonly IssuerStep[] = [];

  constructor(id: string, { storage, lock, clock }: OrderJournalOptions) {
    this.#id = id;
    this.#storage = storage;
    this.#lock = lock;
    this.#clock = clock;
  }

  /** Aborts when a read shows that the order is cancelled. */
  get cancelled(): AbortSignal {
    return this.#cancelled.signal;
  }

  /** Adds a step, which is written with the next change. */
  add(step: IssuerStep): void {
    this.#steps = [...this.#steps, step];
  }

  /** @throws OrchestratorError `ERR_ORCHESTRATOR_NOT_FOUND` */
  async read(): Promise<Stored<OrderRecord>> {
    const stored = await orders.read(this.#storage, this.#id);
    if (!stored)
      throw new OrchestratorError(
        'ERR_ORCHESTRATOR_NOT_FOUND',
        `the order ${this.#id} is no longer in the storage`,
      );
    if (stored.record.cancelRequested && !hasEnded(stored.record))
      this.#cancelled.abort(
        new OrchestratorError('ERR_ORCHESTRATOR_CANCELLED', `the order ${this.#id} was cancelled`),
      );
    return stored;
  }

  /** @throws OrchestratorError `ERR_ORCHESTRATOR_NOT_FOUND` */
  async readWithCertificate(): Promise<OrderAndCertificate> {
    const order = await this.read();
    const { certificate: id } = order.record;
    const certificate = await certificates.read(this.#storage, id);
    if (!certificate)
      throw new OrchestratorError(
        'ERR_ORCHESTRATOR_NOT_FOUND',
        `the certificate ${id} was removed while it was ordered`,
      );
    return { order, certificate };
  }

  /**
   * Writes a change of the order together with the steps that were added.
   * @param alongside returns further changes of the same write; is called first, and again when
   * another process has changed what it has read
   */
  async change(
    to: (order: OrderRecord) => OrderRecord,
    alongside: ChangesAlongside = () => [],
  ): Promise<OrderRecord> {
    await this.#writeSteps(stepsInOneWrite);
    return await this.#change(to, alongside);
  }

  /** Writes steps until so few are left that they fit into the write of `end`. */
  async prepareEnd(): Promise<void> {
    await this.#writeSteps(stepsInLastWrite);
  }

  /** Writes steps until no more than `limit` are left. */
  async #writeSteps(limit: number): Promise<void> {
    while (this.#steps.length > limit)
      await this.#change(
        (order) => order,
        () => [],
      );
  }

  async #change(
    to: (order: OrderRecord) => OrderRecord,
    alongside: ChangesAlongside,
  ): Promise<OrderRecord> {
    return await untilWritten(async () => {
      const stored = await this.read();
      const steps = this.#steps.slice(0, stepsInOneWrite);
      const changes = await alongside(stored.record);
      const record = to(this.#withSteps(stored.record, steps));
      await this.#lock.write([
        orders.changed(stored, record),
        ...changes,
        ...this.#stepEvents(record, steps),
      ]);
      this.#steps = this.#steps.slice(steps.length);
      return record;
    });
  }

  /**
   * Returns the last changes of an execution that is continued later: the order, and the events of
   * its steps. Call `prepareEnd` first.
   */
  pause(order: Stored<OrderRecord>, change: Partial<OrderRecord>): readonly Change[] {
    return [
      orders.changed(order, { ...this.#withSteps(order.record, this.#steps), ...change }),
      ...this.#stepEvents(order.record, this.#steps),
    ];
  }

  /**
   * Returns the last changes of an execution: the order, the events of its steps, and the event of
   * its end. Call `prepareEnd` first.
   */
  end(
    order: Stored<OrderRecord>,
    change: Partial<OrderRecord>,
    event: Pick<NewEvent, 'type' | 'code' | 'message'>,
  ): readonly Change[] {
    const { certificate, names, issuer, labels, traceparent } = order.record;
    const traceId = traceIdOf(traceparent);
    return [
      ...this.pause(order, change),
      eventChange(
        { ...event, certificate, order: this.#id, names, issuer, labels, traceId },
        this.#clock,
      ),
    ];
  }

  /**
   * Reads the order every few seconds until `stop` aborts, so that a cancellation is noticed while
   * nothing is written.
   */
  async watch(stop: AbortSignal): Promise<void> {
    while (!stop.aborted && !this.#cancelled.signal.aborted) {
      // A failure to read is met by the next write.
      await this.read().catch(() => undefined);
      await this.#clock.sleep(cancelCheckInterval, { signal: stop }).catch(() => undefined);
    }
  }

  /** Returns the types of all steps of an order, with those that are not written yet. */
  stepTypes({ steps }: OrderRecord): readonly string[] {
    return [...steps, ...this.#steps].map(({ type }) => type);
  }

  #withSteps(order: OrderRecord, added: readonly IssuerStep[]): OrderRecord {
    const at = timestamp(this.#clock.now());
    const last = order.steps.at(-1)?.number ?? 0;
    const steps = added.map(({ type, name, message }, index): OrderStep => ({
      number: last + index + 1,
      at,
      type,
      ...(name === undefined ? {} : { name }),
      ...(message === undefined ? {} : { message }),
    }));
    const orphaned = order.orphaned + steps.filter(({ type }) => type === 'order-orphaned').length;
    return {
      ...order,
      orphaned,
      steps: [...order.steps, ...steps].slice(-storedSteps),
      updatedAt: at,
    };
  }

  #stepEvents(
    { certificate, issuer, names, labels, traceparent }: OrderRecord,
    added: readonly IssuerStep[],
  ): readonly Change[] {
    const changes: Change[] = [];
    for (const { type, name, message } of added) {
      const event = eventOfStep[type];
      if (event === undefined) continue;
      changes.push(
        eventChange(
          {
            type: event,
            certificate,
            order: this.#id,
            names: name === undefined ? names : [name],
            issuer,
            labels,
            message,
            traceId: traceIdOf(traceparent),
          },
          this.#clock,
        ),
      );
    }
    return changes;
  }
}
