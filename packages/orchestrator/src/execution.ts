import { createCsr, type CryptoBackend, preferredChainWarning } from '@acmex/certificate';
import { type Clock, type DurationInput, isInWindow, timestamp } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { identifiers } from '@acmex/identifier';
import { type Change, type Lock, type Storage, type Stored, untilWritten } from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import {
  areAllSeen,
  awaitedText,
  awaitedUntil,
  isAwaiting,
  newlyWanted,
  removable,
  wantedRecords,
} from './awaited-records.ts';
import { BudgetedOrder, isLimited } from './budgeted-order.ts';
import {
  type CertificateSummary,
  type Failure,
  generationId,
  generations,
  indexChanges,
  readableGeneration,
  storedGenerations,
  summaryChanges,
  writeWithIndexes,
} from './certificate-record.ts';
import {
  allIssuers,
  orderedSpec,
  type OrderedSpec,
  storedOrderedSpec,
} from './certificate-spec.ts';
import { OrchestratorError } from './errors.ts';
import type { EventType } from './event-types.ts';
import { eventChange } from './events.ts';
import { expiryOf } from './expiry.ts';
import {
  afterFailedNames,
  afterFailedTakeBack,
  areAsWanted,
  failedNames,
  namesToOrder,
} from './failing-names.ts';
import { failureOf, isAtWork, isHeldBack, nextFailure, retryAfterOf } from './failure.ts';
import type { HeldOrder, Holds } from './holds.ts';
import { readIdentities } from './identity.ts';
import {
  assertCoversAll,
  firstRenewal,
  type Issued,
  usableAlternates,
  usableRefusal,
  verifyOrdered,
} from './issued-certificate.ts';
import type { Awaited, IssuedChains, Issuer, IssuerRequest, IssuerStep } from './issuer.ts';
import {
  type Attempt,
  type AttemptFailure,
  changedStep,
  isLeftFor,
  issuersToTry,
  lineageAfter,
  longestBudgetWait,
  worse,
} from './issuer-attempts.ts';
import type { JsonObject } from './json.ts';
import { isPrepared, keyFor, storedText, usesRefusedKey } from './order-key.ts';
import { type OrderAndCertificate, OrderJournal, type OrderPart } from './order-journal.ts';
import {
  completedChains,
  firstIssuedStep,
  issuerOfFirst,
  noKey,
  isOfRefusedKey,
  orderPart,
  storedFirst,
  withCompleted,
  withFirst,
} from './order-part.ts';
import { hasEnded, isOrdered, type OrderRecord, orderKeys } from './order-record.ts';
import {
  isRefusal,
  refusalChanges,
  refusalRemoval,
  refusedCertificates,
} from './refused-certificate.ts';
import { maintenanceWindows } from './renewal-time.ts';
import { isRenewal, renewableAt } from './renewal-plan.ts';
import { policyOf, type RenewalPolicy } from './renewal-time.ts';
import { coverageEvents, leftOutStep } from './left-out-names.ts';
import { mayConcernReplaces, mayReplace } from './refused-reference.ts';
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

export interface ExecutionOptions {
  readonly storage: Storage;
  /** The certificate's lock, held throughout. */
  readonly lock: Lock;
  readonly crypto: CryptoBackend;
  readonly clock: Clock;
  readonly issuer: (name: string) => Promise<Issuer>;
  readonly holds: Holds;
  /** Whether a person wants the order now, even if its issuer does not work. */
  readonly isForced?: boolean | undefined;
  /** For what certificates do not say themselves. */
  readonly policy: RenewalPolicy;
  /** See `ProvisionerOptions`. */
  readonly checkRevocationEvery?: DurationInput | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** After so many attempts in which the CA has not ended its work, a new order is made. */
const attemptsToFinish = 5;
const eventOfFailure: Readonly<Record<string, EventType>> = {
  ERR_CLIENT_VALIDATION_FAILED: 'challenge_failed',
  ERR_ORCHESTRATOR_BUDGET: 'renewal_skipped',
};
const outsideWindows = 'outside-windows';
const unusableAlternate: IssuerStep = {
  type: 'warning',
  message:
    'the CA sent an alternate that is not a valid chain of this certificate: it is not stored',
};

/** One execution of an order by the holder of the certificate's lock, which fences each write. */
export class Execution {
  readonly #id: string;
  readonly #options: ExecutionOptions;
  readonly #journal: OrderJournal;
  readonly #budget: BudgetedOrder;
  /**
   * The id of the chain that the issuer returned and that cannot be used: the next try creates a new
   * order at the CA.
   */
  #refused: string | undefined;
  /** When an issuer is tried again that does not work. */
  #triedAgainAt: Temporal.Instant | undefined;
  /** Whether the order at the CA was given up: it is not continued. */
  #gaveUp = false;

  constructor(id: string, options: ExecutionOptions) {
    this.#id = id;
    this.#options = options;
    this.#journal = new OrderJournal(id, options);
    this.#budget = new BudgetedOrder(id, { ...options, journal: this.#journal });
  }

  async run(): Promise<Outcome> {
    const { lock, signal } = this.#options;
    const begun = await this.#journal.read();
    if (hasEnded(begun.record)) return endedBefore(begun.record);
    const stop = new AbortController();
    const watching = this.#journal.watch(stop.signal);
    const { cancelled } = this.#journal;
    const either = AbortSignal.any([lock.signal, cancelled, ...(signal ? [signal] : [])]);
    try {
      either.throwIfAborted();
      return await this.#issueWithSomeNames(either);
    } catch (error) {
      if (errorCode(error) === 'ERR_STORAGE_LOCK_LOST' || lock.signal.aborted) throw error;
      if (cancelled.aborted) return await this.#cancel();
      if (signal?.aborted) throw error;
      return await this.#fail(error);
    } finally {
      stop.abort();
      await watching;
    }
  }

  /**
   * Issues with the names that are validated, where someone waits for a first certificate and permits
   * that names are left out.
   */
  async #issueWithSomeNames(signal: AbortSignal): Promise<Outcome> {
    for (;;) {
      try {
        return await this.#issue(signal);
      } catch (error) {
        if (signal.aborted || !(await this.#leavesOutAtOnce(error))) throw error;
      }
    }
  }

  /** Whether names that have failed are left out without waiting; then they are. */
  async #leavesOutAtOnce(error: unknown): Promise<boolean> {
    const read = await this.#journal.readWithCertificate();
    const { onFailure } = read.order.record;
    if (onFailure === 'retry' || read.certificate.record.current) return false;
    const { added, ...names } = this.#afterFailedNames(read, error, { atOnce: true });
    if (added.length === 0) return false;
    await this.#abandon(read);
    this.#journal.add(leftOutStep(added, names.leftOut));
    await this.#journal.change(
      (order) => ({ ...order, issuance: undefined, url: undefined }),
      async () => {
        const { order, certificate } = await this.#journal.readWithCertificate();
        return summaryChanges(order.record.certificate, certificate, {
          ...certificate.record,
          ...names,
        });
      },
    );
    return true;
  }

  #afterFailedNames(
    { order, certificate: { record } }: OrderAndCertificate,
    error: unknown,
    options: { readonly atOnce?: boolean } = {},
  ): ReturnType<typeof afterFailedNames> {
    const failed = failedNames(error, namesToOrder(record, order.record));
    return afterFailedNames(record, failed, { now: this.#options.clock.now(), ...options });
  }

  /**
   * Tries the issuers of the certificate in their order. The next one is used where one is not
   * available, or refuses this certificate; see `issuerFault`. An order that exists at a CA is
   * continued there first.
   */
  async #issue(signal: AbortSignal): Promise<Outcome> {
    await this.#journal.change((order) => ({ ...order, state: 'running' }));
    const begun = await this.#journal.readWithCertificate();
    const read = orderPart(begun, begun.order.record.issuer, this.#options);
    const usable = isPrepared(read, read.order.record.issuer)
      ? await usableRefusal(this.#id, read, this.#options)
      : undefined;
    if (usable && read.part !== 'first')
      return await this.#succeed(usable, await this.#options.issuer(read.order.record.issuer));
    if (usable) await this.#holdFirst(usable);
    this.#noteOutside(begun);
    const refusedBy: string[] = [];
    const names = issuersToTry(begun, issuerOfFirst(begun, this.#options));
    const waitsUntil = this.#patience(begun, names);
    let failure: AttemptFailure | undefined;
    for (const name of names) {
      const wanted = this.#heldOrder(begun, name);
      const attempt = { name, wanted, failure, refusedBy, waitsUntil };
      const failed = await this.#tryIssuer(attempt, signal);
      if (!('movesOn' in failed)) return failed;
      if (failed.fault === 'refusal') refusedBy.push(name);
      failure = worse(failure, failed);
      if (!failed.movesOn) throw failed.error;
    }
    if (failure?.fault !== 'budget' || begun.order.record.onFailure === 'end') throw failure?.error;
    return await this.#waitAt(failure.issuer, { read: begun, refusedBy, signal });
  }

  /** Lets an order wait for the budget of the issuer that has some first. */
  async #waitAt(
    name: string,
    {
      read,
      refusedBy,
      signal,
    }: Pick<Attempt, 'refusedBy'> & {
      readonly read: OrderAndCertificate;
      readonly signal: AbortSignal;
    },
  ): Promise<Outcome> {
    const wanted = this.#heldOrder(read, name);
    const attempt = { name, wanted, failure: undefined, refusedBy, waitsUntil: () => true };
    const failed = await this.#tryIssuer(attempt, signal);
    if ('movesOn' in failed) throw failed.error;
    return failed;
  }

  /** Returns whether an order waits until a time for the budget of an issuer. */
  #patience(
    { order: { record }, certificate }: OrderAndCertificate,
    issuers: readonly string[],
  ): Attempt['waitsUntil'] {
    if (record.onFailure === 'end') return () => false;
    if (issuers.length === 1) return () => true;
    const longest = longestBudgetWait(certificate.record, this.#options.clock.now());
    return (at) => Temporal.Instant.compare(at, longest) <= 0;
  }

  /** @throws what an issuer cannot be the cause of */
  async #tryIssuer(attempt: Attempt, signal: AbortSignal): Promise<Outcome | AttemptFailure> {
    const { name, wanted } = attempt;
    const { holds } = this.#options;
    const isWaitedFor = (await this.#journal.read()).record.onFailure === 'end';
    const obstacle = await holds.obstacle(wanted);
    if (obstacle) {
      const movesOn = isWaitedFor || isLeftFor(obstacle, attempt);
      return { issuer: name, error: obstacle.error, movesOn, isHeld: true };
    }
    try {
      return await this.#issueAt(attempt, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      const fault = await holds.note(wanted, error);
      if (fault === 'budget') {
        const at = retryAfterOf(error);
        const movesOn = at === undefined || !attempt.waitsUntil(at);
        return { issuer: name, error, fault, movesOn, isHeld: true };
      }
      const isGivenUp = errorCode(error) === 'ERR_ACME_POLL_LIMIT' && (await this.#isGivenUp());
      const next = fault === 'failed-validations' ? undefined : await holds.obstacle(wanted);
      if (fault === 'outage' || fault === 'action') this.#triedAgainAt = next?.error.retryAfter;
      const movesOn =
        isGivenUp ||
        (next !== undefined && isLeftFor(next, attempt)) ||
        ['account', 'action', 'refusal'].includes(fault) ||
        (fault === 'limit' && retryAfterOf(error) === undefined) ||
        (isWaitedFor && ['limit', 'outage'].includes(fault) && !(await this.#isAtCa()));
      return { issuer: name, error, fault, movesOn };
    }
  }

  /** Whether the CA may still issue the present order of someone who waits for it. */
  async #isAtCa(): Promise<boolean> {
    const { record } = await this.#journal.read();
    return isOrdered(record) && this.#journal.stepTypes(record).includes('finalized');
  }

  /**
   * Counts that the CA has not ended its work on the order in time. After several times the order is
   * given up, so that the next attempt makes a new one.
   */
  async #isGivenUp(): Promise<boolean> {
    const { record } = await this.#journal.read();
    const unfinished = (record.unfinished ?? 0) + 1;
    const isGivenUp = unfinished >= attemptsToFinish;
    if (isGivenUp) {
      await this.#abandon(await this.#journal.readWithCertificate());
      this.#journal.add({
        type: 'given-up',
        message: `${record.issuer} has not ended its work in ${unfinished} attempts: its order ${record.url ?? ''} is given up`,
      });
      this.#gaveUp = true;
    }
    await this.#journal.change((order) => ({
      ...order,
      ...(isGivenUp ? { issuance: undefined, url: undefined } : {}),
      unfinished: isGivenUp ? undefined : unfinished,
    }));
    return isGivenUp;
  }

  /**
   * Orders at one issuer. Key and CSR are stored before the first request to the CA, and the
   * issuer's state before anything that depends on it.
   */
  async #issueAt(attempt: Attempt, signal: AbortSignal): Promise<Outcome> {
    const { name, wanted, failure, refusedBy, waitsUntil } = attempt;
    const issuer = await this.#options.issuer(name);
    const read = orderPart(await this.#journal.readWithCertificate(), name, this.#options);
    const certificate = read.certificate.record;
    const isContinued = isPrepared(read, name);
    const isMoved = failure !== undefined && read.order.record.issuer !== name;
    if (isMoved && !failure.isHeld) await this.#settleBudget(failure.error);
    const replaces = mayReplace(certificate, name) ? await this.#chainInUse(read) : undefined;
    if (!(isContinued && isOrdered(read.order.record)))
      await this.#budget.take(issuer, read, { replaces: replaces !== undefined, waitsUntil });
    // Written with the change of the issuer.
    if (isMoved) this.#journal.add(changedStep(name, failure));
    const order = isContinued ? read.order.record : await this.#prepare(read, name);
    const result = await this.#chainsOf(
      {
        names: order.names,
        csr: bytes(order.csr),
        profile: certificate.profile,
        preferredChain: certificate.preferredChain,
        replaces,
        proof: certificate.proof,
        deploy: certificate.deploy,
        isRenewal: certificate.current !== undefined,
      },
      { issuer, order, waitsUntil, signal },
    );
    await this.#options.holds.succeeded(wanted);
    if ('records' in result) return await this.#wait(result, order);
    const { chain, alternates } = result;
    try {
      const ordered = { ...read, order: { ...read.order, record: order } };
      const { clock } = this.#options;
      const issued = await verifyOrdered(chain, ordered, { clock });
      const warning = preferredChainWarning(issued.pem, certificate.preferredChain);
      const usable: Issued = {
        ...issued,
        warnings: [...issued.warnings, ...(warning === undefined ? [] : [warning])],
        alternates: await usableAlternates(alternates ?? [], {
          ...{ issued, read: ordered, clock },
          onUnusable: () => this.#journal.add(unusableAlternate),
        }),
        wasRefused: undefined,
      };
      if (read.part !== 'first') return await this.#succeed(usable, issuer, refusedBy);
      await this.#holdFirst(usable);
    } catch (error) {
      if (isRefusal(error)) await this.#storeRefused(chain, error);
      throw error;
    }
    return await this.#issueAt(attempt, signal);
  }

  /**
   * Stores the first certificate of a pair until the second is issued, in one write with what it has
   * taken of the budget.
   * @throws OrchestratorError `ERR_ORCHESTRATOR_DUE_AT_ONCE`
   */
  async #holdFirst(issued: Issued): Promise<void> {
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

  /** Counts what an order has taken at an issuer that has failed, before the next one is used. */
  async #settleBudget(error: unknown): Promise<void> {
    await this.#journal.change(
      (order) => ({ ...order, charged: undefined }),
      async (order) => await this.#budget.after(order, { type: 'failed', error }),
    );
  }

  #heldOrder({ order, certificate: { record } }: OrderAndCertificate, issuer: string): HeldOrder {
    const names = namesToOrder(record, order.record);
    const { current } = record;
    const end = current && Temporal.Instant.from(expiryOf(current));
    // With several issuers, the next one is asked instead.
    const isForced = this.#options.isForced === true && allIssuers(record).length === 1;
    return { issuer, names, end, order: this.#id, isForced };
  }

  /** Stores a chain that cannot be used, with its key and the reason, before anything else. */
  async #storeRefused(chain: string, error: unknown): Promise<void> {
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
    await this.#journal.change(
      (order) => ({ ...order, charged: undefined }),
      async (order) => await this.#budget.after(order, { type: 'issued' }),
    );
    this.#refused = id;
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

  /**
   * Stores which records a person has to set, and reports those that are new.
   * @param before the order before its records were looked at
   */
  async #wait(awaited: Awaited, before: OrderRecord): Promise<Outcome> {
    const added = newlyWanted(before, awaited);
    const message = awaitedText(
      added.map(({ name }) => name),
      awaited.until,
    );
    if (added.length > 0) this.#journal.add({ type: 'records-wanted', message });
    await this.#journal.prepareEnd();
    return await untilWritten(async () => {
      const { order, certificate } = await this.#journal.readWithCertificate();
      this.#journal.cancelled.throwIfAborted();
      const { record } = certificate;
      const { until } = awaited;
      const isNoted = !areAllSeen(before) && areAllSeen(order.record);
      const now = this.#options.clock.now();
      const awaits = awaitedUntil(record, { until, isNew: added.length > 0, isNoted }, now);
      const next = { ...record, order: this.#id, failure: undefined, awaits };
      await this.#write([
        ...summaryChanges(order.record.certificate, certificate, next),
        ...this.#journal.pause(order, {
          state: 'pending',
          failure: undefined,
          ...wantedRecords(order.record, awaited),
        }),
      ]);
      const missing = awaited.records.filter((wanted) => !wanted.isSeen).map(({ name }) => name);
      return {
        state: 'waiting',
        lookAt: awaits.lookAt,
        message: awaitedText(missing, until),
      };
    });
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
    const { mustStaple = false } = read.certificate.record;
    const names = namesToOrder(read.certificate.record, read.order.record);
    await this.#abandon(read);
    const { key, reusesKey } = await keyFor(read, this.#options);
    const csr = await createCsr({ identifiers: identifiers(names), key, mustStaple });
    const privateKey = await storedText(key);
    const first = read.order.record.first
      ? (await orderKeys.read(this.#options.storage, this.#id))?.record.first
      : undefined;
    return await this.#journal.change(
      (order) => ({
        ...order,
        names,
        issuer,
        preparedFor: {
          ...storedOrderedSpec({ ...read.certificate.record, names }),
          ...{ issuer, keyType: key.type },
        },
        csr: base64(csr),
        publicKey: base64(key.publicKey),
        reusesKey,
        issuance: undefined,
        url: undefined,
        unfinished: undefined,
        ...removable(order),
      }),
      () => [orderKeys.put(this.#id, { privateKey, ...(first ? { first } : {}) })],
    );
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

  /** Writes the certificate, its key, the indexes, the order and the events in one write. */
  async #succeed(
    issued: Issued,
    issuer: Issuer,
    refusedBy: readonly string[] = [],
  ): Promise<Outcome> {
    const key = await orderKeys.read(this.#options.storage, this.#id);
    if (!key) throw noKey(this.#id);
    const { first } = key.record;
    const pair = first && storedFirst(this.#id, (await this.#journal.read()).record, first);
    const { wasRefused } = issued;
    const warnings = [...new Set([...(pair?.issued.warnings ?? []), ...issued.warnings])];
    for (const message of warnings) this.#journal.add({ type: 'warning', message });
    await this.#journal.prepareEnd();
    return await untilWritten(async () => {
      const read = await this.#journal.readWithCertificate();
      const { certificate: id, names } = read.order.record;
      const { current } = read.certificate.record;
      if (!pair && read.order.record.preparedFor?.secondKeyType !== undefined)
        throw noKey(this.#id);
      if (usesRefusedKey(read) || (pair && isOfRefusedKey(read)))
        throw new OrchestratorError(
          'ERR_ORCHESTRATOR_KEY_COMPROMISED',
          `the key of ${id} was revoked as compromised while the CA certified it again: the next try creates a new key`,
        );
      assertCoversAll(read);
      const generation = (current?.generation ?? 0) + 1;
      const next = {
        ...withCompleted({ issued, pair }, { ...read, generation, issuer }, this.#options),
        lineage: lineageAfter(read, refusedBy),
      };
      await this.#write([
        ...(await this.#budget.after(read.order.record, { type: 'issued' })),
        // Before the record that names it: others may read between two keys of a write.
        generations.put(generationId(id, generation), {
          names,
          ...completedChains({ issued, pair }, key.record.privateKey),
          order: this.#id,
        }),
        ...summaryChanges(id, read.certificate, next),
        ...(generation > storedGenerations
          ? [{ remove: generations.key(generationId(id, generation - storedGenerations)) }]
          : []),
        ...this.#journal.end(
          read.order,
          {
            ...removable(read.order.record),
            ...{ state: 'succeeded', generation, failure: undefined, issuance: undefined },
            ...{ charged: undefined, waitedFor: undefined, unfinished: undefined },
            first: undefined,
          },
          { type: current ? 'renewal_success' : 'certificate_obtained' },
        ),
        ...coverageEvents({ order: { id: this.#id }, read }, next, this.#options.clock),
        { remove: orderKeys.key(this.#id) },
        ...(wasRefused === undefined ? [] : [refusalRemoval(id, wasRefused)]),
      ]);
      return { state: 'succeeded', generation, ...(warnings.length > 0 ? { warnings } : {}) };
    });
  }

  /**
   * Stores the failure. An order with `onFailure: 'end'` ends, and the certificate's spec is again
   * what was issued; but while the CA is at work on it, or the first certificate of a pair waits for
   * the second, it is continued later, so that what the CA issues is not lost.
   */
  async #fail(error: unknown): Promise<Outcome> {
    const { code, message, ...read } = failureOf(error);
    await this.#journal.prepareEnd();
    return await untilWritten(async () => {
      const { order, certificate } = await this.#journal.readWithCertificate();
      const { record } = certificate;
      const refused = (order.record.refused ?? 0) + (this.#refused === undefined ? 0 : 1);
      const isEnd =
        order.record.onFailure === 'end' &&
        !(order.record.first && !read.permanent) &&
        (this.#gaveUp || !isAtWork(this.#journal.stepTypes(order.record), code));
      const isAttempt = order.record.takesBack === true;
      const { added, ...names } = this.#afterFailedNames({ order, certificate }, error);
      const failure = this.#inWindow(
        { order, certificate },
        withRetry(this.#failure(record, { code, message, ...read }, refused), {
          isAtOnce: added.length > 0 && read.retryAfter === undefined,
        }),
      );
      const next = {
        ...{ ...record, ...(isEnd && !isAttempt ? issuedAs(record) : {}), awaits: undefined },
        ...(isAttempt ? this.#afterFailedAttempt({ order, certificate }, error) : names),
        ...(isEnd ? { order: undefined, orderedAt: undefined } : { order: this.#id }),
        failure: isEnd && isAttempt ? record.failure : failure,
      };
      // An order that exists at the CA is continued, with what it has taken.
      const isCounted = isEnd || !isOrdered(order.record) || isLimited(error);
      await this.#write([
        ...(isCounted ? await this.#budget.after(order.record, { type: 'failed', error }) : []),
        ...(isEnd
          ? await this.#endChanges({ order, certificate }, next)
          : summaryChanges(order.record.certificate, certificate, next)),
        ...this.#failedChanges(order, {
          state: isEnd ? 'failed' : 'pending',
          onFailure: isEnd || isAttempt ? 'end' : 'retry',
          failure,
          ...(isEnd ? { first: undefined } : {}),
          ...(isCounted ? { charged: undefined } : {}),
          ...(isLimited(error) ? { countsInFull: true } : {}),
          ...(isEnd || !isOrdered(order.record) ? removable(order.record) : {}),
          ...(this.#refused === undefined ? {} : { issuance: undefined, refused }),
        }),
        ...(isEnd ? [{ remove: orderKeys.key(this.#id) }] : []),
      ]);
      return {
        state: 'failed',
        error,
        ...(isEnd ? {} : { retryAt: failure.retryAt }),
        ...(this.#refused === undefined ? {} : { refused: this.#refused }),
      };
    });
  }

  /** Returns what changes when an attempt to take names back has failed. */
  #afterFailedAttempt(
    { order, certificate: { record } }: OrderAndCertificate,
    error: unknown,
  ): ReturnType<typeof afterFailedTakeBack> {
    const now = this.#options.clock.now();
    const failed = failedNames(error, namesToOrder(record, order.record));
    const { takeBack, leftOut } = afterFailedTakeBack(record, failed, now);
    const policy = policyOf(record, this.#options.policy);
    const at = takeBack && renewableAt(Temporal.Instant.from(takeBack.at), record, policy);
    return { leftOut, takeBack: takeBack && at && { ...takeBack, at: at.toString() } };
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
   * Removes the challenge responses of an issuance. What only a person can fix, such as an issuer
   * that is no longer configured, does not stop the order: it is a step of it.
   */
  async #abandon({ order, certificate }: OrderAndCertificate): Promise<void> {
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

  /**
   * Removes the challenge responses, then ends the order. An issued certificate is not ordered for
   * a while; one that was never issued is removed.
   */
  async #cancel(): Promise<Outcome> {
    await this.#abandon(await this.#journal.readWithCertificate());
    await this.#journal.prepareEnd();
    return await untilWritten(async () => {
      const { order, certificate } = await this.#journal.readWithCertificate();
      const { record } = certificate;
      const next = {
        ...record,
        order: undefined,
        orderedAt: undefined,
        awaits: undefined,
        failure: this.#failure(record, {
          code: 'ERR_ORCHESTRATOR_CANCELLED',
          message: `the order ${this.#id} was cancelled`,
          permanent: true,
        }),
      };
      await this.#write([
        ...(await this.#budget.after(order.record, { type: 'failed' })),
        ...(await this.#endChanges({ order, certificate }, next)),
        ...this.#journal.end(
          order,
          {
            ...{ state: 'cancelled', issuance: undefined, charged: undefined, first: undefined },
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
   * Returns the changes of a certificate whose order ends without a certificate in use. One that was
   * never issued is removed; if an issued certificate was refused, it stays, paused, so that the
   * refused one can be read and nothing is ordered until a person wants it.
   */
  async #endChanges(
    { order, certificate }: OrderAndCertificate,
    next: CertificateSummary,
  ): Promise<readonly Change[]> {
    const { certificate: id, traceparent } = order.record;
    if (certificate.record.current) return summaryChanges(id, certificate, next);
    const refused = await refusedCertificates(this.#options.storage, id);
    if (refused.length > 0) return summaryChanges(id, certificate, { ...next, paused: true });
    const { names, labels } = certificate.record;
    const identities = await readIdentities(this.#options.storage, names);
    return [
      { remove: certificate.key, ifVersion: certificate.version },
      ...indexChanges(id, certificate.record, undefined),
      ...identities.release(id),
      eventChange(
        {
          type: 'certificate_removed',
          certificate: id,
          names,
          labels,
          traceId: traceIdOf(traceparent),
        },
        this.#options.clock,
      ),
    ];
  }

  #failure(
    certificate: CertificateSummary,
    read: Parameters<typeof nextFailure>[1],
    refused = 0,
  ): Failure {
    return nextFailure(certificate, read, {
      clock: this.#options.clock,
      order: this.#id,
      refused,
      triedAgainAt: this.#triedAgainAt,
    });
  }

  /** Returns the failure of a renewal, which is tried again in a maintenance window. */
  #inWindow({ order, certificate }: OrderAndCertificate, failure: Failure): Failure {
    if (!isRenewal(order.record.cause)) return failure;
    const policy = policyOf(certificate.record, this.#options.policy);
    const usual = Temporal.Instant.from(failure.retryAt);
    return { ...failure, retryAt: renewableAt(usual, certificate.record, policy).toString() };
  }

  /** Says once in the order that it is made outside of the maintenance windows. */
  #noteOutside({ order, certificate: { record } }: OrderAndCertificate): void {
    const { isForced, clock, policy } = this.#options;
    const { maintenanceWindows: texts } = policyOf(record, policy);
    const isRevoked = order.record.cause === 'revoked';
    if (isForced || !(isRevoked || isRenewal(order.record.cause))) return;
    if (isInWindow(maintenanceWindows(texts), clock.now().epochMilliseconds)) return;
    if (this.#journal.stepTypes(order.record).includes(outsideWindows)) return;
    const reason = isRevoked
      ? 'the certificate is revoked'
      : 'none begins before the renewal is urgent';
    this.#journal.add({
      type: outsideWindows,
      message: `the order is made outside of the maintenance windows: ${reason}`,
    });
  }

  async #write(changes: readonly Change[]): Promise<void> {
    await writeWithIndexes((batch) => this.#options.lock.write(batch), changes);
  }
}

/**
 * Returns what the certificate in use was issued for, with undefined for absent keys; empty if it
 * is not known.
 */
function issuedAs(certificate: CertificateSummary): Partial<OrderedSpec> {
  const { current } = certificate;
  if (!current?.issuedFor) return {};
  const { preferredChain, issuer, ...issued } = orderedSpec(current.issuedFor);
  return {
    ...issued,
    // What is left out is still wanted.
    names: areAsWanted(issued.names, certificate)
      ? certificate.names
      : [...issued.names, ...(current.leftOut ?? [])],
    // A fallback does not take the place of the preferred one.
    ...(allIssuers(certificate).includes(issuer) ? {} : { issuer }),
    ...(preferredChain === undefined ? {} : { preferredChain }),
  };
}

/** Returns the failure; the next order is made at once where it is for other names. */
function withRetry(failure: Failure, { isAtOnce }: { readonly isAtOnce: boolean }): Failure {
  return isAtOnce ? { ...failure, retryAt: failure.at } : failure;
}

function endedBefore({ state, generation, failure }: OrderRecord): Outcome {
  if (state === 'succeeded') return { state, generation: generation ?? 0, elsewhere: true };
  if (state === 'cancelled') return { state, elsewhere: true };
  const error = new Error(failure?.message ?? 'the order failed');
  return {
    state: 'failed',
    elsewhere: true,
    error: Object.assign(error, { code: failure?.code }),
  };
}

const base64 = (data: Uint8Array) => Buffer.from(data).toString('base64');
const bytes = (text = '') => Uint8Array.from(Buffer.from(text, 'base64'));
