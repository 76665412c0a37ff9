import type { CryptoBackend } from '@acmex/certificate';
import { timestamp } from '@acmex/clock';
import { errorText } from '@acmex/errors';
import { untilWritten } from '@acmex/storage';
import {
  areAllSeen,
  awaitedText,
  awaitedUntil,
  isAwaiting,
  newlyWanted,
  removable,
  wantedRecords,
} from './awaited-records.ts';
import type { BudgetedOrder } from './budgeted-order.ts';
import {
  type CertificateSummary,
  readableGeneration,
  summaryChanges,
  writeWithIndexes,
} from './certificate-record.ts';
import { failureOf } from './failure.ts';
import type { HeldOrder, Holds } from './holds.ts';
import { firstRenewal, type Issued, issuedAsOrdered, usableRefusal } from './issued-certificate.ts';
import type { Awaited, IssuedChains, Issuer, IssuerRequest, IssuerStep } from './issuer.ts';
import type { JsonObject } from './json.ts';
import type { BudgetRequest } from './order-budget.ts';
import type { OrderEnd, OrderEndOptions, Outcome } from './order-end.ts';
import type { OrderAndCertificate, OrderJournal, OrderPart } from './order-journal.ts';
import { isPrepared, prepareOrder } from './order-key.ts';
import { firstIssuedStep, noKey, orderPart, withFirst } from './order-part.ts';
import { isOrdered, orderKeys, type OrderRecord } from './order-record.ts';
import { isRefusal, refusalChanges, refusalRemoval } from './refused-certificate.ts';
import { mayConcernReplaces, mayReplace } from './refused-reference.ts';

/** An attempt to issue at one issuer. */
export interface Attempt {
  /** The order, with the name of the issuer. */
  readonly wanted: HeldOrder;
  /** Why the issuers before it have not issued. */
  readonly failure: IssuerFailure | undefined;
  /** The issuers that have refused this certificate. */
  readonly refusedBy: readonly string[];
  /** Whether the order waits until a time for the budget of this issuer. */
  readonly waitsUntil: BudgetRequest['waitsUntil'];
}

/** Why an issuer has not issued. */
export interface IssuerFailure {
  /** The name of the issuer. */
  readonly issuer: string;
  readonly error: unknown;
  /** Whether nothing was sent. */
  readonly isHeld?: true | undefined;
}

/** A certificate that the CA has issued and that cannot be used. It is stored apart. */
export interface RefusedIssue {
  readonly state: 'refused';
  /** Its id: see `RefusedCertificate`. */
  readonly id: string;
  /** Why it cannot be used. */
  readonly error: unknown;
}

export interface IssuanceOptions extends OrderEndOptions {
  readonly crypto: CryptoBackend;
  readonly issuer: (name: string) => Promise<Issuer>;
  readonly holds: Holds;
  readonly end: OrderEnd;
}

const unusableAlternate: IssuerStep = {
  type: 'warning',
  message:
    'the CA sent an alternate that is not a valid chain of this certificate: it is not stored',
};

/**
 * Makes an order at one issuer, from key and CSR to a certificate that is in use. What the next step
 * depends on is stored before it, so that another process can continue after each step: key and CSR
 * before the first request to the CA, the issuer's state whenever it asks for it, and what the CA
 * has issued before anything else is done.
 */
export class Issuance {
  readonly #id: string;
  readonly #options: IssuanceOptions;
  readonly #journal: OrderJournal;
  readonly #budget: BudgetedOrder;

  constructor(id: string, options: IssuanceOptions) {
    this.#id = id;
    this.#options = options;
    this.#journal = options.journal;
    this.#budget = options.budget;
  }

  /**
   * Uses what the order issued before and was refused, if it can be used now.
   * @returns undefined where there is no such certificate, or it is the first of a pair
   */
  async useRefused(begun: OrderAndCertificate): Promise<Outcome | undefined> {
    const { issuer } = begun.order.record;
    const read = orderPart(begun, issuer, this.#options);
    if (!isPrepared(read, issuer)) return undefined;
    const usable = await usableRefusal(this.#id, read, this.#options);
    if (!usable) return undefined;
    if (read.part === 'first') return await this.#holdFirst(usable);
    return await this.#options.end.succeed(usable, { issuer: await this.#options.issuer(issuer) });
  }

  /**
   * Issues at the issuer of an attempt, continuing what exists there; of a pair both certificates,
   * one after the other.
   * @throws what the issuer throws; OrchestratorError `ERR_ORCHESTRATOR_BUDGET`
   */
  async issue(attempt: Attempt, signal: AbortSignal): Promise<Outcome | RefusedIssue> {
    const { wanted, refusedBy, waitsUntil } = attempt;
    const { issuer: name } = wanted;
    const issuer = await this.#options.issuer(name);
    const read = orderPart(await this.#journal.readWithCertificate(), name, this.#options);
    const { order, replaces } = await this.#begin(read, issuer, attempt);
    const result = await this.#chainsOf(requestOf(order, read.certificate.record, replaces), {
      ...{ issuer, order, waitsUntil, signal },
    });
    await this.#options.holds.succeeded(wanted);
    if ('records' in result) return await this.#wait(result, order);
    const ordered = { ...read, order: { ...read.order, record: order } };
    const ended = await this.#use(result, ordered, { issuer, refusedBy });
    return ended ?? (await this.issue(attempt, signal));
  }

  /** Takes the budget of an order, and stores key and CSR, where it is not continued. */
  async #begin(
    read: OrderPart,
    issuer: Issuer,
    { wanted: { issuer: name }, failure, waitsUntil }: Attempt,
  ): Promise<{ readonly order: OrderRecord; readonly replaces: string | undefined }> {
    const { order, certificate } = read;
    const isContinued = isPrepared(read, name);
    const isMoved = failure !== undefined && order.record.issuer !== name;
    if (isMoved && !failure.isHeld)
      await this.#budget.settle({ type: 'failed', error: failure.error });
    const replaces = mayReplace(certificate.record, name)
      ? await this.#chainInUse(read)
      : undefined;
    if (!(isContinued && isOrdered(order.record)))
      await this.#budget.take(issuer, read, { replaces: replaces !== undefined, waitsUntil });
    // Written with the change of the issuer.
    if (isMoved) this.#journal.add(changedStep(name, failure));
    return { order: isContinued ? order.record : await this.#prepare(read, name), replaces };
  }

  async #chainInUse({ order, certificate, part }: OrderPart): Promise<string | undefined> {
    const { current } = certificate.record;
    if (!current) return undefined;
    const { certificate: id } = order.record;
    const inUse = await readableGeneration(this.#options.storage, id, current.generation);
    return inUse && (part === 'second' ? inUse.second : inUse)?.chain;
  }

  /** Creates key and CSR. An issuance for an earlier spec is abandoned. */
  async #prepare(read: OrderPart, issuer: string): Promise<OrderRecord> {
    await this.abandon(read);
    const { request, privateKey } = await prepareOrder(read, issuer, this.#options);
    const first = read.order.record.first
      ? (await orderKeys.read(this.#options.storage, this.#id))?.record.first
      : undefined;
    return await this.#journal.change(
      (order) => ({
        ...{ ...order, ...request },
        issuance: undefined,
        url: undefined,
        unfinished: undefined,
        ...removable(order),
      }),
      () => [orderKeys.put(this.#id, { privateKey, ...(first ? { first } : {}) })],
    );
  }

  /**
   * Asks the issuer for a certificate. When the CA refuses the reference to the certificate that is
   * replaced, orders again without it: it is only a hint (RFC 9773 §5).
   */
  async #chainsOf(
    request: IssuerRequest,
    {
      issuer,
      order,
      waitsUntil,
      signal,
    }: Pick<Attempt, 'waitsUntil'> & {
      readonly issuer: Issuer;
      readonly order: OrderRecord;
      readonly signal: AbortSignal;
    },
  ): Promise<IssuedChains | Awaited> {
    const wasAwaiting = isAwaiting(order);
    const issue = async (wanted: IssuerRequest, state: JsonObject | undefined) =>
      await issuer.issue(wanted, {
        state,
        save: (issuance) => this.#save(issuance),
        onStep: (step) => {
          // An order that waits for a person is continued often.
          if (!wasAwaiting || step.type !== 'resumed') this.#journal.add(step);
        },
        traceparent: order.traceparent,
        signal,
      });
    try {
      return await issue(request, order.issuance);
    } catch (error) {
      const { issuance } = (await this.#journal.read()).record;
      if (request.replaces === undefined || isOrdered({ issuance }) || !mayConcernReplaces(error))
        throw error;
      const read = await this.#journal.readWithCertificate();
      const part = orderPart(read, issuer.name, this.#options);
      await this.#budget.take(issuer, part, { replaces: false, waitsUntil });
      return await issue({ ...request, replaces: undefined }, issuance);
    }
  }

  async #save(issuance: JsonObject): Promise<void> {
    const { order: url } = issuance;
    await this.#journal.change(
      (order) => ({ ...order, issuance, url: typeof url === 'string' ? url : order.url }),
      async (order) =>
        isOrdered({ issuance }) && !isOrdered(order)
          ? await this.#budget.after(order, { type: 'ordered' })
          : [],
    );
    this.#journal.cancelled.throwIfAborted();
  }

  /**
   * Stores which records a person has to set, and reports those that are new. The order is continued
   * when they are looked at again.
   * @param before the order before its records were looked at
   */
  async #wait(awaited: Awaited, before: OrderRecord): Promise<Outcome> {
    const { records, until } = awaited;
    const added = newlyWanted(before, awaited).map(({ name }) => name);
    if (added.length > 0)
      this.#journal.add({ type: 'records-wanted', message: awaitedText(added, until) });
    await this.#journal.prepareEnd();
    return await untilWritten(async () => {
      const { order, certificate } = await this.#journal.readWithCertificate();
      this.#journal.cancelled.throwIfAborted();
      const { record } = certificate;
      const isNoted = !areAllSeen(before) && areAllSeen(order.record);
      const { clock, lock } = this.#options;
      const awaits = awaitedUntil(record, { until, isNew: added.length > 0, isNoted }, clock.now());
      const next = { ...record, order: this.#id, failure: undefined, awaits };
      await writeWithIndexes(
        (batch) => lock.write(batch),
        [
          ...summaryChanges(order.record.certificate, certificate, next),
          ...this.#journal.pause(order, {
            state: 'pending',
            failure: undefined,
            ...wantedRecords(order.record, awaited),
          }),
        ],
      );
      const missing = records.filter((wanted) => !wanted.isSeen).map(({ name }) => name);
      return { state: 'waiting', lookAt: awaits.lookAt, message: awaitedText(missing, until) };
    });
  }

  /**
   * Checks what was issued, and uses it.
   * @returns undefined for the first certificate of a pair, which waits for the second
   */
  async #use(
    chains: IssuedChains,
    read: OrderPart,
    options: Parameters<OrderEnd['succeed']>[1],
  ): Promise<Outcome | RefusedIssue | undefined> {
    try {
      const issued = await issuedAsOrdered(chains, read, {
        clock: this.#options.clock,
        onUnusableAlternate: () => this.#journal.add(unusableAlternate),
      });
      if (read.part === 'first') return await this.#holdFirst(issued);
      return await this.#options.end.succeed(issued, options);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return { state: 'refused', id: await this.#storeRefused(chains.chain, error), error };
    }
  }

  /**
   * Stores the first certificate of a pair until the second is issued, in one write with what it has
   * taken of the budget.
   * @throws OrchestratorError `ERR_ORCHESTRATOR_DUE_AT_ONCE`
   */
  async #holdFirst(issued: Issued): Promise<undefined> {
    const { storage } = this.#options;
    const { certificate } = await this.#journal.readWithCertificate();
    firstRenewal(issued, certificate.record, this.#options);
    const privateKey = (await orderKeys.read(storage, this.#id))?.record.privateKey;
    if (privateKey === undefined) throw noKey(this.#id);
    const { pem: chain, alternates, wasRefused } = issued;
    this.#journal.add(firstIssuedStep(issued, certificate.record));
    await this.#journal.change(
      (order) => ({ ...withFirst(order, issued, certificate.record), ...removable(order) }),
      async (order) => [
        ...(await this.#budget.after(order, { type: 'issued' })),
        orderKeys.put(this.#id, { privateKey, first: { chain, alternates, privateKey } }),
        ...(wasRefused === undefined ? [] : [refusalRemoval(order.certificate, wasRefused)]),
      ],
    );
  }

  /**
   * Stores a chain that cannot be used, with its key and the reason, before anything else.
   * @returns its id
   */
  async #storeRefused(chain: string, error: unknown): Promise<string> {
    const { code, message } = failureOf(error);
    const { certificate, names } = (await this.#journal.read()).record;
    const { storage, lock, clock } = this.#options;
    const { id, changes } = await refusalChanges(storage, {
      certificate,
      order: this.#id,
      names,
      at: timestamp(clock.now()),
      code,
      message,
      chain,
      privateKey: (await orderKeys.read(storage, this.#id))?.record.privateKey ?? '',
    });
    await lock.write(changes);
    // The CA has counted it all the same.
    await this.#budget.settle({ type: 'issued' });
    return id;
  }

  /**
   * Removes the challenge responses of an order at a CA that is not continued. What only a person can
   * fix, such as an issuer that is no longer configured, does not stop the order: it is a step of it.
   */
  async abandon({ order, certificate }: OrderAndCertificate): Promise<void> {
    const { issuer, issuance } = order.record;
    const { proof } = certificate.record;
    if (!issuance) return;
    try {
      const opened = await this.#options.issuer(issuer);
      await opened.abandon(issuance, { proof, onStep: (step) => this.#journal.add(step) });
    } catch (error) {
      const { permanent, message } = failureOf(error);
      if (!permanent) throw error;
      this.#journal.add({
        type: 'left-on-display',
        message: `challenge responses may still be published: ${message}`,
      });
    }
  }
}

function requestOf(
  { names, csr = '' }: OrderRecord,
  { profile, preferredChain, proof, deploy, current }: CertificateSummary,
  replaces: string | undefined,
): IssuerRequest {
  return {
    names,
    csr: Uint8Array.from(Buffer.from(csr, 'base64')),
    ...{ profile, preferredChain, replaces, proof, deploy },
    isRenewal: current !== undefined,
  };
}

function changedStep(name: string, { issuer, error }: IssuerFailure): IssuerStep {
  return {
    type: 'issuer-changed',
    message: `the order is made at ${name}, because ${issuer} has not issued: ${errorText(error)}`,
  };
}
