import { type Change, type Lock, type Storage, type Stored, untilWritten } from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import { removable } from './awaited-records.ts';
import { type BudgetedOrder, isLimited } from './budgeted-order.ts';
import {
  type CertificateSummary,
  type Failure,
  generationId,
  generations,
  indexChanges,
  issuersInOrder,
  storedGenerations,
  summaryChanges,
  writeWithIndexes,
} from './certificate-record.ts';
import type { EventType } from './event-types.ts';
import { eventChange } from './events.ts';
import { failureOf, isAtWork, isHeldBack, nextFailure } from './failure.ts';
import { readIdentities } from './identity.ts';
import {
  assertCoversAll,
  type Issued,
  type IssuedOptions,
  specInUse,
} from './issued-certificate.ts';
import type { Issuer } from './issuer.ts';
import { coverageEvents, namesAfterFailure, takeBackAfterFailure } from './left-out-names.ts';
import type { OrderAndCertificate, OrderJournal } from './order-journal.ts';
import {
  assertKeysUsable,
  completedChains,
  noKey,
  storedFirst,
  withCompleted,
} from './order-part.ts';
import { isOrdered, orderKeys, type OrderRecord } from './order-record.ts';
import { refusalRemoval, refusedCertificates } from './refused-certificate.ts';
import { isRenewal, renewableAt } from './renewal-plan.ts';
import { policyOf } from './renewal-time.ts';
import { traceIdOf } from './trace-context.ts';

/**
 * How the execution of an order ended. `elsewhere`: the order had ended before. `traceparent`: the
 * trace of the order. `failed`: the order is tried again at `retryAt`, or never if that is
 * absent.
 */
export type Outcome = {
  readonly elsewhere?: true | undefined;
  readonly traceparent?: string | undefined;
} &
  /** A person has to set DNS records first; the order is looked at again at `lookAt`. */
  (
    | {
        readonly state: 'waiting';
        readonly lookAt: string;
        /** What the person has to do: see `awaitedText`. */
        readonly message: string;
      }
    | {
        readonly state: 'succeeded';
        readonly generation: number;
        /** What was unusual in the chain that the CA sent, as sentences; absent for none. */
        readonly warnings?: readonly string[] | undefined;
      }
    | {
        readonly state: 'failed';
        readonly error: unknown;
        readonly retryAt?: string | undefined;
        /** The id of the certificate that was issued and is not used: see `RefusedCertificate`. */
        readonly refused?: string | undefined;
      }
    | { readonly state: 'cancelled' }
  );

/** What the attempts of an execution have shown, besides the error that it ends with. */
export interface Findings {
  /**
   * The id of the chain that the issuer returned and that cannot be used: the next try creates a new
   * order at the CA.
   */
  readonly refused?: string | undefined;
  /** When an issuer is tried again that does not work. */
  readonly triedAgainAt?: Temporal.Instant | undefined;
  /** Whether the order at the CA was given up: it is not continued. */
  readonly isGivenUp?: boolean | undefined;
}

/** What an execution has failed with, and what it changes whether the order ends or is tried again. */
interface Failed {
  readonly error: unknown;
  readonly failure: Failure;
  readonly certificate: Partial<CertificateSummary>;
  readonly order: Partial<OrderRecord>;
}

export interface OrderEndOptions extends IssuedOptions {
  readonly storage: Storage;
  /** The certificate's lock, held throughout. */
  readonly lock: Lock;
  readonly journal: OrderJournal;
  readonly budget: BudgetedOrder;
}

const eventOfFailure: Readonly<Record<string, EventType>> = {
  ERR_CLIENT_VALIDATION_FAILED: 'challenge_failed',
  ERR_ORCHESTRATOR_BUDGET: 'renewal_skipped',
};

/**
 * Ends an order: it succeeds, fails or is cancelled. Each end is one write of the order, its
 * certificate with the indexes, what it has taken of the budget and the events, fenced by the lock of
 * the certificate.
 */
export class OrderEnd {
  readonly #id: string;
  readonly #options: OrderEndOptions;
  readonly #journal: OrderJournal;
  readonly #budget: BudgetedOrder;

  constructor(id: string, options: OrderEndOptions) {
    this.#id = id;
    this.#options = options;
    this.#journal = options.journal;
    this.#budget = options.budget;
  }

  /**
   * Writes the issued certificate as a new generation, which is in use from then on; with the first
   * certificate of a pair, both.
   * @param options `refusedBy`: the issuers that have refused this certificate; none by default
   * @throws OrchestratorError for what may not be used: `ERR_ORCHESTRATOR_KEY_COMPROMISED`,
   * `ERR_ORCHESTRATOR_DUE_AT_ONCE`, `ERR_ORCHESTRATOR_COVERS_LESS`, `ERR_ORCHESTRATOR_NO_KEY`
   */
  async succeed(
    issued: Issued,
    {
      issuer,
      refusedBy = [],
    }: { readonly issuer: Issuer; readonly refusedBy?: readonly string[] | undefined },
  ): Promise<Outcome> {
    const key = await orderKeys.read(this.#options.storage, this.#id);
    if (!key) throw noKey(this.#id);
    const { first, privateKey } = key.record;
    const pair = first && storedFirst(this.#id, (await this.#journal.read()).record, first);
    const warnings = [...new Set([...(pair?.issued.warnings ?? []), ...issued.warnings])];
    for (const message of warnings) this.#journal.add({ type: 'warning', message });
    await this.#journal.prepareEnd();
    return await untilWritten(async () => {
      const read = await this.#journal.readWithCertificate();
      assertKeysUsable(this.#id, read, pair);
      assertCoversAll(read);
      const { certificate: id, names } = read.order.record;
      const generation = (read.certificate.record.current?.generation ?? 0) + 1;
      const next = {
        ...withCompleted({ issued, pair }, { ...read, generation, issuer }, this.#options),
        lineage: lineageAfter(read, refusedBy),
      };
      const { wasRefused } = issued;
      await this.#write([
        ...(await this.#budget.after(read.order.record, { type: 'issued' })),
        // Before the record that names it: others may read between two keys of a write.
        generations.put(generationId(id, generation), {
          names,
          ...completedChains({ issued, pair }, privateKey),
          order: this.#id,
        }),
        ...summaryChanges(id, read.certificate, next),
        ...(generation > storedGenerations
          ? [{ remove: generations.key(generationId(id, generation - storedGenerations)) }]
          : []),
        ...this.#succeededChanges(read, generation),
        ...coverageEvents({ order: { id: this.#id }, read }, next, this.#options.clock),
        { remove: orderKeys.key(this.#id) },
        ...(wasRefused === undefined ? [] : [refusalRemoval(id, wasRefused)]),
      ]);
      return { state: 'succeeded', generation, ...(warnings.length > 0 ? { warnings } : {}) };
    });
  }

  #succeededChanges(
    { order, certificate }: OrderAndCertificate,
    generation: number,
  ): readonly Change[] {
    return this.#journal.end(
      order,
      {
        ...removable(order.record),
        state: 'succeeded',
        generation,
        failure: undefined,
        issuance: undefined,
        charged: undefined,
        waitedFor: undefined,
        unfinished: undefined,
        first: undefined,
      },
      { type: certificate.record.current ? 'renewal_success' : 'certificate_obtained' },
    );
  }

  /**
   * Stores the failure. An order with `onFailure: 'end'` ends, and the certificate's spec is again
   * what was issued; any other is tried again. While the CA is at work on it, or the first certificate
   * of a pair waits for the second, it is tried again too, so that what the CA issues is not lost.
   */
  async fail(error: unknown, findings: Findings): Promise<Outcome> {
    const { refused } = findings;
    await this.#journal.prepareEnd();
    return await untilWritten(async () => {
      const read = await this.#journal.readWithCertificate();
      const failed = this.#failed(read, error, findings);
      const isEnd = this.#isEnd(read.order.record, error, findings);
      await this.#write(
        isEnd ? await this.#endedChanges(read, failed) : await this.#retriedChanges(read, failed),
      );
      return {
        state: 'failed',
        error,
        ...(isEnd ? {} : { retryAt: failed.failure.retryAt }),
        ...(refused === undefined ? {} : { refused }),
      };
    });
  }

  #isEnd(order: OrderRecord, error: unknown, { isGivenUp = false }: Findings): boolean {
    const { code, permanent } = failureOf(error);
    if (order.onFailure !== 'end' || (order.first && !permanent)) return false;
    return isGivenUp || !isAtWork(this.#journal.stepTypes(order), code);
  }

  #failed(read: OrderAndCertificate, error: unknown, { refused, triedAgainAt }: Findings): Failed {
    const { order, certificate } = read;
    const { clock, policy } = this.#options;
    const now = clock.now();
    const cause = failureOf(error);
    const refusals = (order.record.refused ?? 0) + (refused === undefined ? 0 : 1);
    const failure = nextFailure(certificate.record, cause, {
      ...{ clock, order: this.#id, refused: refusals, triedAgainAt },
    });
    const { added, ...names } = namesAfterFailure(read, error, { now });
    // The next order is for different names.
    const isAtOnce = added.length > 0 && cause.retryAfter === undefined;
    return {
      error,
      failure: this.#inWindow(read, isAtOnce ? { ...failure, retryAt: failure.at } : failure),
      certificate: order.record.takesBack
        ? takeBackAfterFailure(read, error, { now, policy })
        : names,
      order: {
        ...(isLimited(error) ? { countsInFull: true } : {}),
        ...(refused === undefined ? {} : { issuance: undefined, refused: refusals }),
      },
    };
  }

  /** An attempt to take names back changes neither what is wanted of the certificate nor its failure. */
  async #endedChanges(read: OrderAndCertificate, failed: Failed): Promise<readonly Change[]> {
    const { order, certificate } = read;
    const { error, failure } = failed;
    const { record } = certificate;
    const isAttempt = order.record.takesBack === true;
    const next = {
      ...record,
      ...(isAttempt ? {} : specInUse(record)),
      ...failed.certificate,
      awaits: undefined,
      order: undefined,
      orderedAt: undefined,
      failure: isAttempt ? record.failure : failure,
    };
    return [
      ...(await this.#budget.after(order.record, { type: 'failed', error })),
      ...(await this.#withoutOrder(read, next)),
      ...this.#failedChanges(order, {
        state: 'failed',
        onFailure: 'end',
        failure,
        first: undefined,
        charged: undefined,
        ...removable(order.record),
        ...failed.order,
      }),
      { remove: orderKeys.key(this.#id) },
    ];
  }

  async #retriedChanges(
    { order, certificate }: OrderAndCertificate,
    failed: Failed,
  ): Promise<readonly Change[]> {
    const { error, failure } = failed;
    const { certificate: id, takesBack } = order.record;
    const next = {
      ...certificate.record,
      ...failed.certificate,
      awaits: undefined,
      order: this.#id,
      failure,
    };
    // An order that exists at the CA is continued, with what it has taken.
    const isCounted = !isOrdered(order.record) || isLimited(error);
    return [
      ...(isCounted ? await this.#budget.after(order.record, { type: 'failed', error }) : []),
      ...summaryChanges(id, certificate, next),
      ...this.#failedChanges(order, {
        state: 'pending',
        onFailure: takesBack ? 'end' : 'retry',
        failure,
        ...(isCounted ? { charged: undefined } : {}),
        ...(isOrdered(order.record) ? {} : removable(order.record)),
        ...failed.order,
      }),
    ];
  }

  /** An order that is held back again has no further event. */
  #failedChanges(
    order: Stored<OrderRecord>,
    change: Partial<OrderRecord> & { readonly failure: Failure },
  ): readonly Change[] {
    const { code, message } = change.failure;
    if (change.state === 'pending' && isHeldBack(code) && order.record.failure?.code === code)
      return this.#journal.pause(order, change);
    const type = eventOfFailure[code] ?? 'renewal_failed';
    return this.#journal.end(order, change, { type, code, message });
  }

  /**
   * Ends an order that is cancelled; its challenge responses must be removed. An issued certificate is
   * not ordered for a while; one that was never issued is removed.
   */
  async cancel(): Promise<Outcome> {
    const { clock } = this.#options;
    await this.#journal.prepareEnd();
    return await untilWritten(async () => {
      const read = await this.#journal.readWithCertificate();
      const { order, certificate } = read;
      const cause = {
        code: 'ERR_ORCHESTRATOR_CANCELLED',
        message: `the order ${this.#id} was cancelled`,
        permanent: true,
      };
      const next = {
        ...certificate.record,
        order: undefined,
        orderedAt: undefined,
        awaits: undefined,
        failure: nextFailure(certificate.record, cause, { clock, order: this.#id }),
      };
      await this.#write([
        ...(await this.#budget.after(order.record, { type: 'failed' })),
        ...(await this.#withoutOrder(read, next)),
        ...this.#journal.end(
          order,
          {
            state: 'cancelled',
            issuance: undefined,
            charged: undefined,
            first: undefined,
            ...removable(order.record),
          },
          { type: 'order_cancelled' },
        ),
        { remove: orderKeys.key(this.#id) },
      ]);
      return { state: 'cancelled' };
    });
  }

  /**
   * Returns the changes of a certificate whose order ends without a new certificate. One that was
   * never issued is removed; if an issued certificate was refused, it stays, paused, so that the
   * refused one can be read and nothing is ordered until a person wants it.
   */
  async #withoutOrder(
    { order, certificate }: OrderAndCertificate,
    next: CertificateSummary,
  ): Promise<readonly Change[]> {
    const { certificate: id, traceparent } = order.record;
    if (certificate.record.current) return summaryChanges(id, certificate, next);
    const refused = await refusedCertificates(this.#options.storage, id);
    if (refused.length > 0) return summaryChanges(id, certificate, { ...next, paused: true });
    const { names, labels } = certificate.record;
    const identities = await readIdentities(this.#options.storage, names);
    const traceId = traceIdOf(traceparent);
    const event = { type: 'certificate_removed', certificate: id, names, labels, traceId } as const;
    return [
      { remove: certificate.key, ifVersion: certificate.version },
      ...indexChanges(id, certificate.record, undefined),
      ...identities.release(id),
      eventChange(event, this.#options.clock),
    ];
  }

  /** Returns the failure of a renewal, which is tried again in a maintenance window. */
  #inWindow({ order, certificate }: OrderAndCertificate, failure: Failure): Failure {
    if (!isRenewal(order.record.cause)) return failure;
    const policy = policyOf(certificate.record, this.#options.policy);
    const usual = Temporal.Instant.from(failure.retryAt);
    return { ...failure, retryAt: renewableAt(usual, certificate.record, policy).toString() };
  }

  async #write(changes: readonly Change[]): Promise<void> {
    await writeWithIndexes((batch) => this.#options.lock.write(batch), changes);
  }
}

/**
 * Returns the lineage when an order has succeeded: a refusal moves it to the issuer that has issued,
 * an outage does not.
 */
function lineageAfter(
  { order, certificate: { record } }: OrderAndCertificate,
  refusedBy: readonly string[],
): string | undefined {
  const [first] = issuersInOrder(record);
  const { issuer } = order.record;
  const next = first !== undefined && refusedBy.includes(first) ? issuer : first;
  return next === record.issuer ? undefined : next;
}
