import { longestWait } from '@acmex/budgets';
import { errorCode } from '@acmex/errors';
import { Temporal } from 'temporal-polyfill';
import type { Obstacle } from './breaker.ts';
import {
  type CertificateSummary,
  isOutdated,
  issuersInOrder,
  type Moment,
} from './certificate-record.ts';
import { allIssuers } from './certificate-spec.ts';
import { expiryOf } from './expiry.ts';
import { namesToOrder } from './failing-names.ts';
import { retryAfterOf } from './failure.ts';
import type { HeldOrder, Holds } from './holds.ts';
import type { Attempt, Issuance, IssuerFailure } from './issuance.ts';
import type { IssuedOptions } from './issued-certificate.ts';
import type { IssuerFault } from './issuer-fault.ts';
import type { Findings, Outcome } from './order-end.ts';
import type { OrderAndCertificate, OrderJournal } from './order-journal.ts';
import { issuerOfFirst } from './order-part.ts';
import { isOrdered } from './order-record.ts';

export interface IssuerAttemptsOptions extends IssuedOptions {
  readonly holds: Holds;
  /** Whether a person wants the order now, even if its issuer does not work. */
  readonly isForced?: boolean | undefined;
  readonly journal: OrderJournal;
  readonly issuance: Issuance;
}

interface AttemptFailure extends IssuerFailure {
  /** Absent where the issuer is not available. */
  readonly fault?: IssuerFault | undefined;
  /** Whether the next issuer is tried. */
  readonly movesOn: boolean;
}

/** After so many attempts in which the CA has not ended its work, a new order is made. */
const attemptsToFinish = 5;

/**
 * Tries the issuers of a certificate in their order. The next one is used where one is not available,
 * or refuses this certificate: see `issuerFault`. An order that exists at a CA is continued there
 * first.
 */
export class IssuerAttempts {
  readonly #id: string;
  readonly #options: IssuerAttemptsOptions;
  readonly #journal: OrderJournal;
  #findings: Findings = {};

  constructor(id: string, options: IssuerAttemptsOptions) {
    this.#id = id;
    this.#options = options;
    this.#journal = options.journal;
  }

  /** What all attempts so far have shown. */
  get findings(): Findings {
    return this.#findings;
  }

  /**
   * Issues at the first issuer that can. Where only the budgets are in the way, the order waits for
   * that of the issuer that has some first, unless someone waits for the order.
   * @throws why no issuer has issued
   */
  async issue(begun: OrderAndCertificate, signal: AbortSignal): Promise<Outcome> {
    const refusedBy: string[] = [];
    const issuers = issuersToTry(begun, issuerOfFirst(begun, this.#options));
    const waitsUntil = patience(begun, issuers, this.#options.clock.now());
    let failure: AttemptFailure | undefined;
    for (const issuer of issuers) {
      const wanted = this.#heldOrder(begun, issuer);
      const result = await this.#try({ wanted, failure, refusedBy, waitsUntil }, signal);
      if (!('movesOn' in result)) return result;
      if (result.fault === 'refusal') refusedBy.push(issuer);
      failure = worse(failure, result);
      if (!result.movesOn) throw result.error;
    }
    if (failure?.fault !== 'budget' || begun.order.record.onFailure === 'end') throw failure?.error;
    const wanted = this.#heldOrder(begun, failure.issuer);
    const patient = { wanted, failure: undefined, refusedBy, waitsUntil: () => true };
    const result = await this.#try(patient, signal);
    if ('movesOn' in result) throw result.error;
    return result;
  }

  #heldOrder({ order, certificate: { record } }: OrderAndCertificate, issuer: string): HeldOrder {
    const names = namesToOrder(record, order.record);
    const { current } = record;
    const end = current && Temporal.Instant.from(expiryOf(current));
    // With several issuers, the next one is asked instead.
    const isForced = this.#options.isForced === true && allIssuers(record).length === 1;
    return { issuer, names, end, order: this.#id, isForced };
  }

  /** @throws what an issuer cannot be the cause of */
  async #try(attempt: Attempt, signal: AbortSignal): Promise<Outcome | AttemptFailure> {
    const { wanted } = attempt;
    const isWaitedFor = (await this.#journal.read()).record.onFailure === 'end';
    const obstacle = await this.#options.holds.obstacle(wanted);
    if (obstacle) {
      const movesOn = isWaitedFor || isLeftFor(obstacle, attempt);
      return { issuer: wanted.issuer, error: obstacle.error, movesOn, isHeld: true };
    }
    let error: unknown;
    try {
      const result = await this.#options.issuance.issue(attempt, signal);
      if (result.state !== 'refused') return result;
      this.#findings = { ...this.#findings, refused: result.id };
      ({ error } = result);
    } catch (thrown) {
      error = thrown;
    }
    if (signal.aborted) throw error;
    return await this.#failed(attempt, error, { isWaitedFor });
  }

  /** Notes what a failure says about the issuer, and decides whether the next one is tried. */
  async #failed(
    attempt: Attempt,
    error: unknown,
    { isWaitedFor }: { readonly isWaitedFor: boolean },
  ): Promise<AttemptFailure> {
    const { holds } = this.#options;
    const { wanted, waitsUntil } = attempt;
    const { issuer } = wanted;
    const retryAfter = retryAfterOf(error);
    const fault = await holds.note(wanted, error);
    if (fault === 'budget') {
      const movesOn = retryAfter === undefined || !waitsUntil(retryAfter);
      return { issuer, error, fault, movesOn, isHeld: true };
    }
    const isGivenUp = errorCode(error) === 'ERR_ACME_POLL_LIMIT' && (await this.#givesUp());
    const obstacle = fault === 'failed-validations' ? undefined : await holds.obstacle(wanted);
    if (fault === 'outage' || fault === 'action')
      this.#findings = { ...this.#findings, triedAgainAt: obstacle?.error.retryAfter };
    const movesOn =
      isGivenUp ||
      (obstacle !== undefined && isLeftFor(obstacle, attempt)) ||
      ['account', 'action', 'refusal'].includes(fault) ||
      (fault === 'limit' && retryAfter === undefined) ||
      (isWaitedFor && ['limit', 'outage'].includes(fault) && !(await this.#isAtCa()));
    return { issuer, error, fault, movesOn };
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
  async #givesUp(): Promise<boolean> {
    const { record } = await this.#journal.read();
    const unfinished = (record.unfinished ?? 0) + 1;
    const isGivenUp = unfinished >= attemptsToFinish;
    if (isGivenUp) {
      await this.#options.issuance.abandon(await this.#journal.readWithCertificate());
      this.#journal.add({
        type: 'given-up',
        message: `${record.issuer} has not ended its work in ${unfinished} attempts: its order ${record.url ?? ''} is given up`,
      });
      this.#findings = { ...this.#findings, isGivenUp };
    }
    await this.#journal.change((order) => ({
      ...order,
      ...(isGivenUp ? { issuance: undefined, url: undefined } : {}),
      unfinished: isGivenUp ? undefined : unfinished,
    }));
    return isGivenUp;
  }
}

/** Returns whether an order waits until a time for the budget of an issuer. */
function patience(
  { order: { record }, certificate }: OrderAndCertificate,
  issuers: readonly string[],
  now: Moment,
): Attempt['waitsUntil'] {
  if (record.onFailure === 'end') return () => false;
  if (issuers.length === 1) return () => true;
  const longest = longestBudgetWait(certificate.record, now);
  return (at) => Temporal.Instant.compare(at, longest) <= 0;
}

/** Whether an obstacle at an issuer lets an order move on to the next one. */
function isLeftFor(
  { advice, error: { retryAfter } }: Obstacle,
  { waitsUntil }: Pick<Attempt, 'waitsUntil'>,
): boolean {
  if (advice !== 'move-if-late') return advice === 'move';
  return retryAfter === undefined || !waitsUntil(retryAfter);
}

/**
 * Returns the failure that is reported for an order that no issuer has issued: the last that an
 * issuer has answered with; where nothing was sent, the one that ends first.
 */
function worse(before: AttemptFailure | undefined, failure: AttemptFailure): AttemptFailure {
  if (!before || !failure.isHeld) return failure;
  if (!before.isHeld) return before;
  const [first, second] = [before, failure].map(
    ({ error }) => retryAfterOf(error)?.epochMilliseconds ?? 0,
  );
  return (second ?? 0) < (first ?? 0) ? failure : before;
}

/**
 * Returns until when an order of a certificate with several issuers waits for the budget of one of
 * them. A first certificate, one for a changed specification and the replacement of a revoked one
 * are wanted now; any other was to be renewed at its planned time.
 */
function longestBudgetWait(
  certificate: CertificateSummary,
  { epochMilliseconds: now }: Moment,
): Temporal.Instant {
  const { current, renewal } = certificate;
  const isPlanned = current && renewal && renewal.cause !== 'revoked' && !isOutdated(certificate);
  const longest = longestWait({
    now,
    end: current && Date.parse(current.notAfter),
    planned: isPlanned ? Date.parse(renewal.at) : undefined,
  });
  return Temporal.Instant.fromEpochMilliseconds(Math.floor(longest));
}

/**
 * Returns the issuers to try, first the one where the order exists already.
 * @param issuerOfFirst the one that has issued the first certificate of a pair
 */
function issuersToTry(
  { order, certificate }: OrderAndCertificate,
  issuerOfFirst: string | undefined,
): readonly string[] {
  const all = issuersInOrder(certificate.record);
  const { issuer } = order.record;
  const begun = [
    ...(isOrdered(order.record) ? [issuer] : []),
    ...(issuerOfFirst ? [issuerOfFirst] : []),
  ];
  return [...new Set([...begun.filter((name) => all.includes(name)), ...all])];
}
