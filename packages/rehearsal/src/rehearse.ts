import { createHash } from 'node:crypto';
import {
  admit,
  type Bucket,
  type Charge,
  chargesOf,
  type Exemption,
  longestWait,
  type OrderEvent,
  settle,
} from '@acmex/budgets';
import { milliseconds } from '@acmex/clock';
import {
  breakerAfterFailure,
  breakerFor,
  type BreakerRecord,
  type CurrentCertificate,
  type Failure,
  issuersInOrder,
  nextFailure,
  policyOf,
  randomOf,
  type ReadFailure,
  renewableAt,
  type RenewalPlan,
  renewalPlanAfter,
  renewalTime,
} from '@acmex/orchestrator';
import { Temporal } from 'temporal-polyfill';
import { Agenda } from './agenda.ts';
import { type CaModel, lifetimeAt, suggestedWindow } from './ca-model.ts';
import type { Incident, Rehearsal, RehearsedCertificate, RehearseOptions } from './scenario.ts';
import { Tally } from './tally.ts';

const hourMs = 3_600_000;
/** How often a CA is asked for its window: the `Retry-After` of Let's Encrypt. RFC 9773 §4.3 */
const askIntervalMs = 6 * hourMs;
/** How much earlier than its issue a certificate begins. */
const backdateMs = hourMs;
/** Of a first certificate, where neither the CA nor an earlier certificate says it. */
const usualLifetimeMs = 90 * 24 * hourMs;

/** A certificate at the present time of the rehearsal. Times are milliseconds. */
interface State {
  readonly certificate: RehearsedCertificate;
  current: CurrentCertificate | undefined;
  renewal: RenewalPlan | undefined;
  /** The issuer of the certificate in use. */
  issuedBy: string;
  failure: Failure | undefined;
  /** When the present order was due, and the issuer and the bucket that it waits for. */
  dueSince: number | undefined;
  waitedFor: { readonly issuer: string; readonly key: string } | undefined;
  /** When the certificate in use was revoked, or will be. */
  revokedAt: number | undefined;
  /** When it is known that it was revoked. */
  checkAt: number | undefined;
  /** What was planned with an earlier number does not happen any more. */
  turn: number;
}

/** What the agenda holds: work on a certificate, or the end of its order. */
interface Task {
  readonly state: State;
  readonly turn: number;
  readonly ends?: Ordered | undefined;
}

/** What an order has taken at an issuer. */
interface Ordered {
  readonly issuer: string;
  readonly charges: readonly Charge[];
}

/** Why an issuer has not been sent an order. */
interface Held {
  readonly issuer: string;
  /** Whether its limits are used up; else it does not work. */
  readonly isLimited: boolean;
  readonly until: Temporal.Instant;
  /** Whether the next issuer is used. */
  readonly movesOn: boolean;
}

/**
 * Returns what happens to certificates over a time: their renewals are planned, retried and held
 * back by the code that does it in a daemon, on a clock that jumps from one event to the next. No
 * request is sent, nothing is stored, and the same input always has the same result.
 */
export function rehearse(options: RehearseOptions): Rehearsal {
  return new Rehearsing(options).run();
}

class Rehearsing {
  readonly #options: RehearseOptions;
  readonly #agenda = new Agenda<Task>();
  readonly #tally = new Tally();
  readonly #buckets = new Map<string, Map<string, Bucket>>();
  /** When each of the workers of an issuer is free. */
  readonly #workers = new Map<string, number[]>();
  readonly #breakers = new Map<string, BreakerRecord>();

  constructor(options: RehearseOptions) {
    this.#options = options;
  }

  run(): Rehearsal {
    const { from, until } = this.#options;
    const states = [...this.#options.certificates].map((certificate) => stateOf(certificate));
    for (const state of states) {
      const { suggestsWindows } = this.#model(state.issuedBy);
      if (state.renewal && suggestsWindows)
        state.renewal = { ...state.renewal, askAt: state.renewal.askAt ?? iso(from) };
      this.#foresee(state, from);
      this.#schedule(state, from);
    }
    for (let task = this.#agenda.next(); task && task.at < until; task = this.#agenda.next()) {
      const { state, turn, ends } = task.what;
      if (turn !== state.turn) continue;
      if (ends) this.#end(state, task.at, ends);
      else this.#work(state, task.at);
    }
    for (const state of states) this.#noteOutage(state, until, { isOver: false });
    return { ...this.#tally.counted(from, until), certificates: states.length };
  }

  /** Does what a worker does for a certificate that is due. */
  #work(state: State, now: number): void {
    if (isDue(state.renewal?.askAt, now)) this.#ask(state, now);
    if (state.checkAt !== undefined && state.checkAt <= now) {
      state.checkAt = undefined;
      state.renewal = { at: iso(now), cause: 'revoked' };
    }
    const isOrdered = !state.current || isDue(state.renewal?.at, now);
    if (isOrdered && (!state.failure || isDue(state.failure.retryAt, now))) this.#order(state, now);
    else this.#schedule(state, now);
  }

  /** Asks the CA for its window, and plans the renewal by it. */
  #ask(state: State, now: number): void {
    const { current, renewal, certificate } = state;
    if (!current || !renewal) return;
    const incident = this.#announced(state, now);
    const at = Temporal.Instant.fromEpochMilliseconds(now);
    const { start, end } = incident
      ? { start: incident.announcedAt - hourMs, end: incident.announcedAt - hourMs / 2 }
      : suggestedWindow(validityOf(current));
    const window = { start: instant(start), end: instant(end) };
    const plan = renewalPlanAfter({ window, askAgainAt: at.add({ hours: 6 }) }, state, {
      ...policyOf(certificate, this.#options),
      now: at,
    });
    state.renewal = plan && { ...plan, askAt: this.#nextAsk(state, plan, now) };
  }

  /**
   * Returns when the answer of the CA is another one, or moves the plan. It is asked more often, for
   * the same answer.
   */
  #nextAsk(state: State, { at }: RenewalPlan, now: number): string | undefined {
    if (this.#announced(state, now)) return isDue(at, now) ? undefined : iso(now + askIntervalMs);
    const next = this.#revocations(state).find(({ announcedAt }) => announcedAt > now);
    if (!next) return undefined;
    return iso(now + Math.ceil((next.announcedAt - now) / askIntervalMs) * askIntervalMs);
  }

  /** The announced revocations of the certificate in use. */
  #revocations({ certificate: { id }, issuedBy, current }: State): readonly Revocation[] {
    const { incidents = [] } = this.#options;
    if (!current) return [];
    return incidents.filter(
      (incident): incident is Revocation =>
        incident.type === 'revocation' &&
        incident.issuer === issuedBy &&
        Date.parse(current.issuedAt) < incident.announcedAt &&
        randomOf(`${id} ${incident.announcedAt}`) < incident.share,
    );
  }

  #announced(state: State, now: number): Revocation | undefined {
    return this.#revocations(state).find(({ announcedAt }) => announcedAt <= now);
  }

  /**
   * Orders at the first issuer that works and whose limits allow it, or waits: as `Execution` of
   * `@acmex/orchestrator` does.
   */
  #order(state: State, now: number): void {
    state.dueSince ??= now;
    const issuers = issuersInOrder(state.certificate);
    const patience = patienceOf(state, issuers, now);
    let held: Held | undefined;
    let hasFailed = false;
    for (const issuer of issuers) {
      const answer = this.#orderAt(issuer, state, { now, patience });
      if (answer === 'ordered') return;
      if (answer === 'failed') hasFailed = true;
      else if (!held || Temporal.Instant.compare(answer.until, held.until) < 0) held = answer;
      const obstacle = answer === 'failed' ? this.#obstacle(issuer, state, now) : answer;
      if (!obstacle?.movesOn) break;
    }
    if (hasFailed) return this.#fail(state, now, issuers);
    if (held?.isLimited === false) return this.#hold(state, now, issuers);
    if (held?.movesOn) this.#orderAt(held.issuer, state, { now, patience: Infinity });
  }

  /** Orders at one issuer, unless it is away or its limits are used up. */
  #orderAt(
    issuer: string,
    state: State,
    { now, patience }: { readonly now: number; readonly patience: number },
  ): 'ordered' | 'failed' | Held {
    const obstacle = this.#obstacle(issuer, state, now);
    if (obstacle) return obstacle;
    const charges = this.#charges(issuer, state, now);
    const { renewalShare = 0.1 } = this.#model(issuer);
    const { certificate, current, waitedFor } = state;
    const admission = admit(charges, (key) => this.#bucketsOf(issuer).get(key), {
      ...{ now, by: certificate.id, isRenewal: current !== undefined, renewalShare },
      waitedFor: waitedFor?.issuer === issuer ? waitedFor.key : undefined,
    });
    if (!admission.isAdmitted) {
      const { at, charge, buckets } = admission;
      const movesOn = at > patience;
      if (!movesOn) {
        this.#store(issuer, buckets);
        this.#wait(state, { issuer, key: charge.key }, { now, at });
      }
      return { issuer, isLimited: true, until: instant(at), movesOn };
    }
    this.#store(issuer, admission.buckets);
    if (this.#isAway(issuer, now)) {
      this.#noteFailure(state, { issuer, charges }, now);
      return 'failed';
    }
    this.#add(state, this.#whenDone(issuer, now), { issuer, charges });
    return 'ordered';
  }

  #charges(issuer: string, state: State, now: number): readonly Charge[] {
    const { certificate, current, issuedBy } = state;
    const { limits } = this.#model(issuer);
    const { registeredDomain } = this.#options;
    const known: Exemption = isInWindow(state, now) ? 'window' : 'same-names';
    const exemption = current && issuedBy === issuer ? known : undefined;
    const order = { names: certificate.names, account: issuer, exemption };
    return limits ? chargesOf(order, limits, { registeredDomain }) : [];
  }

  /** Lets an order wait for a bucket of an issuer. */
  #wait(
    state: State,
    waitedFor: NonNullable<State['waitedFor']>,
    { now, at }: { readonly now: number; readonly at: number },
  ): void {
    if (state.waitedFor === undefined) this.#tally.count('waited', now);
    state.waitedFor = waitedFor;
    this.#tally.waitedFor(Math.min(at, this.#options.until) - (state.dueSince ?? now));
    this.#add(state, at);
  }

  /** Returns why an issuer is not used now, because it does not work. */
  #obstacle(issuer: string, { certificate, current }: State, now: number): Held | undefined {
    const record = this.#breakers.get(issuer);
    if (!record) return undefined;
    const end = current && instant(Date.parse(current.notAfter));
    const user = { issuer, order: certificate.id, end };
    const { obstacle, tried } = breakerFor(record, user, instant(now));
    if (tried) this.#breakers.set(issuer, tried);
    if (!obstacle) return undefined;
    const { error, advice } = obstacle;
    const until = error.retryAfter ?? instant(now);
    return { issuer, isLimited: false, until, movesOn: advice === 'move' };
  }

  /** Notes that an order has failed because its issuer is away. */
  #noteFailure(state: State, ordered: Ordered, now: number): void {
    const { issuer } = ordered;
    this.#settle(state, ordered, { type: 'failed' }, now);
    const record = breakerAfterFailure(this.#breakers.get(issuer), unreachable, instant(now));
    this.#breakers.set(issuer, record);
  }

  /** Ends an order: the certificate is issued, unless the CA is away. */
  #end(state: State, now: number, ordered: Ordered): void {
    const { certificate } = state;
    const { issuer, charges } = ordered;
    if (this.#isAway(issuer, now)) {
      this.#noteFailure(state, ordered, now);
      const issuers = issuersInOrder(certificate);
      const movesOn = issuers.length > 1 && this.#obstacle(issuer, state, now)?.movesOn;
      return movesOn ? this.#order(state, now) : this.#fail(state, now, issuers);
    }
    this.#breakers.delete(issuer);
    this.#settle(state, ordered, { type: 'ordered' }, now);
    this.#settle(state, ordered, { type: 'issued' }, now);
    for (const charge of charges)
      this.#tally.used(issuer, charge, this.#bucketsOf(issuer).get(charge.key), now);
    this.#noteOutage(state, now, { isOver: true });
    this.#tally.issuedBy(issuer, now);
    const { notAfter } = this.#replace(state, issuer, now);
    this.#options.onIssued?.({ id: certificate.id, issuer, at: now, notAfter });
    this.#schedule(state, now);
  }

  #replace(state: State, issuer: string, now: number): { readonly notAfter: number } {
    const { current: before, certificate } = state;
    const { id, profile } = certificate;
    const model = this.#model(issuer);
    const former = before && validityOf(before);
    const lifetime = lifetimeAt(model, {
      ...{ profile, at: now },
      before: former ? former.notAfter - former.notBefore : usualLifetimeMs,
    });
    const generation = (before?.generation ?? 0) + 1;
    const [notBefore, notAfter] = [now - backdateMs, now - backdateMs + lifetime];
    const serialNumber = serialNumberOf(id, generation);
    state.current = {
      ...{ generation, serialNumber, issuedAt: iso(now) },
      ...{ notBefore: iso(notBefore), notAfter: iso(notAfter) },
    };
    const validity = { notBefore: instant(notBefore), notAfter: instant(notAfter) };
    const random = randomOf(serialNumber);
    state.renewal = {
      at: renewalTime(validity, {
        ...policyOf(certificate, this.#options),
        random,
        now: instant(now),
      }).toString(),
      askAt: model.suggestsWindows ? iso(now) : undefined,
    };
    Object.assign(state, {
      ...{ issuedBy: issuer, failure: undefined, dueSince: undefined, waitedFor: undefined },
    });
    this.#foresee(state, now);
    if (model.suggestsWindows) this.#ask(state, now);
    return { notAfter };
  }

  /** Looks up when the certificate in use will be revoked, and when that is found. */
  #foresee(state: State, now: number): void {
    const { checkRevocationEvery: every } = this.#options;
    const revocation = this.#revocations(state).find(({ revokedAt }) => revokedAt > now);
    state.revokedAt = revocation?.revokedAt;
    state.checkAt = undefined;
    if (!revocation || every === undefined || !state.current) return;
    const { notBefore, notAfter } = validityOf(state.current);
    const pause = Math.min(milliseconds(every), (notAfter - notBefore) / 10);
    const random = randomOf(`${state.current.serialNumber}/${revocation.revokedAt}`);
    state.checkAt = Math.floor(revocation.revokedAt + random * pause);
  }

  /** Plans the next try of an order that has failed: at the latest when an issuer is tried again. */
  #fail(state: State, now: number, issuers: readonly string[]): void {
    this.#tally.count('failed', now);
    const held = issuers.flatMap((issuer) => this.#obstacle(issuer, state, now) ?? []);
    const [first] = held.sort((a, b) => Temporal.Instant.compare(a.until, b.until));
    this.#tryLater(state, now, { ...unreachable, triedAgainAt: first?.until });
  }

  /**
   * Holds an order back until an issuer is tried again. Each try before the CA is back fails, so that
   * one order that tries is enough: the one that has failed.
   */
  #hold(state: State, now: number, issuers: readonly string[]): void {
    const times = issuers.flatMap((issuer) => {
      const held = this.#obstacle(issuer, state, now);
      return held ? [Math.max(held.until.epochMilliseconds, this.#awayUntil(issuer, now))] : [];
    });
    const code = 'ERR_ORCHESTRATOR_CA_UNAVAILABLE';
    this.#tryLater(state, now, { ...unreachable, code, retryAfter: instant(Math.min(...times)) });
  }

  #tryLater(
    state: State,
    now: number,
    {
      triedAgainAt,
      ...read
    }: ReadFailure & { readonly triedAgainAt?: Temporal.Instant | undefined },
  ): void {
    const { certificate, current } = state;
    const failure = nextFailure(state, read, {
      clock: { now: () => instant(now) },
      order: `${certificate.id}/${current?.generation ?? 0}`,
      triedAgainAt,
    });
    const retryAt = Temporal.Instant.from(failure.retryAt);
    const allowed = renewableAt(retryAt, state, policyOf(certificate, this.#options));
    state.failure = { ...failure, retryAt: allowed.toString() };
    this.#schedule(state, now);
  }

  /** Plans the next work on a certificate, if there will be any. */
  #schedule(state: State, now: number): void {
    const { certificate, current, renewal, failure, checkAt = Infinity } = state;
    if (certificate.paused) return;
    const orderAt = current ? timeOf(renewal?.at) : now;
    const retryAt = failure ? Date.parse(failure.retryAt) : 0;
    const next = Math.min(Math.max(orderAt, retryAt), timeOf(renewal?.askAt), checkAt);
    if (next < this.#options.until) this.#add(state, Math.max(next, now));
  }

  #add(state: State, at: number, ends?: Task['ends']): void {
    state.turn += 1;
    this.#agenda.add(at, { state, turn: state.turn, ends });
  }

  /** Returns when an order is done that begins as soon as a worker of the issuer is free. */
  #whenDone(issuer: string, now: number): number {
    const { ordersAtOnce = 5, orderTakes = { seconds: 10 } } = this.#options;
    const workers = this.#workers.get(issuer) ?? Array.from({ length: ordersAtOnce }, () => 0);
    this.#workers.set(issuer, workers);
    const first = workers.indexOf(Math.min(...workers));
    const done = Math.max(now, workers[first] ?? 0) + milliseconds(orderTakes);
    workers[first] = done;
    return done;
  }

  /** Notes the time in which the certificate in use was not valid, if there is any. */
  #noteOutage(state: State, at: number, { isOver }: { readonly isOver: boolean }): void {
    const { current, certificate, revokedAt = Infinity } = state;
    if (!current) return;
    const { notAfter } = validityOf(current);
    const from = Math.min(notAfter, revokedAt);
    if (from >= at) return;
    const cause = revokedAt < notAfter ? 'revoked' : 'expired';
    this.#tally.outages.push({
      ...{ certificate: certificate.id, names: certificate.names, from: iso(from) },
      cause: certificate.paused ? 'paused' : cause,
      ...(isOver ? { until: iso(at) } : {}),
    });
  }

  #settle(state: State, { issuer, charges }: Ordered, event: OrderEvent, now: number): void {
    const { id } = state.certificate;
    const buckets = this.#bucketsOf(issuer);
    this.#store(
      issuer,
      settle(charges, (key) => buckets.get(key), event, { now, by: id }),
    );
  }

  #store(issuer: string, changed: ReadonlyMap<string, Bucket>): void {
    const buckets = this.#bucketsOf(issuer);
    for (const [key, bucket] of changed) buckets.set(key, bucket);
  }

  #bucketsOf(issuer: string): Map<string, Bucket> {
    const buckets = this.#buckets.get(issuer) ?? new Map<string, Bucket>();
    this.#buckets.set(issuer, buckets);
    return buckets;
  }

  #isAway(issuer: string, now: number): boolean {
    return this.#awayUntil(issuer, now) > now;
  }

  /** Returns when a CA that is away is back; now for one that is not. */
  #awayUntil(issuer: string, now: number): number {
    const { incidents = [] } = this.#options;
    let back = now;
    for (const incident of incidents)
      if (
        incident.type === 'away' &&
        incident.issuer === issuer &&
        incident.from <= now &&
        incident.until > back
      )
        back = incident.until;
    return back;
  }

  #model(issuer: string): CaModel {
    return this.#options.models.get(issuer) ?? unknownModel;
  }
}

type Revocation = Incident & { readonly type: 'revocation' };
/** What an order at a CA that is away fails with. */
const unreachable = { code: 'ERR_ACME_UNREACHABLE', message: 'the CA is away', permanent: false };
const unknownModel: CaModel = { lifetimes: [], suggestsWindows: false };

function stateOf(certificate: RehearsedCertificate): State {
  const { current, renewal } = certificate;
  return {
    ...{ certificate, current, renewal, turn: 0 },
    issuedBy: current?.issuedFor?.issuer ?? certificate.issuer,
    ...{ failure: undefined, dueSince: undefined, waitedFor: undefined },
    ...{ revokedAt: undefined, checkAt: undefined },
  };
}

/** Returns until when an order waits for the limits of an issuer. */
function patienceOf({ current, renewal }: State, issuers: readonly string[], now: number): number {
  if (issuers.length === 1) return Infinity;
  const isPlanned = current && renewal && renewal.cause !== 'revoked';
  return longestWait({
    now,
    end: current && Date.parse(current.notAfter),
    planned: isPlanned ? Date.parse(renewal.at) : undefined,
  });
}

/** A serial number with 16 bytes that follows from what it is for. */
function serialNumberOf(id: string, generation: number): string {
  return `4${createHash('sha256').update(`${id}/${generation}`).digest('hex').slice(1, 32)}`;
}

function isInWindow({ renewal }: State, now: number): boolean {
  const window = renewal?.window;
  return window !== undefined && Date.parse(window.start) <= now && now < Date.parse(window.end);
}

function validityOf({ notBefore, notAfter }: CurrentCertificate) {
  return { notBefore: Date.parse(notBefore), notAfter: Date.parse(notAfter) };
}

const iso = (at: number) => new Date(Math.floor(at)).toISOString();
const instant = (at: number) => Temporal.Instant.fromEpochMilliseconds(Math.floor(at));
const timeOf = (at: string | undefined) => (at === undefined ? Infinity : Date.parse(at));
const isDue = (at: string | undefined, now: number) => timeOf(at) <= now;
