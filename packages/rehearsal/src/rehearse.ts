import { createHash } from 'node:crypto';
import {
  admit,
  type Bucket,
  type Charge,
  chargesOf,
  type OrderEvent,
  settle,
} from '@acmex/budgets';
import { milliseconds } from '@acmex/clock';
import {
  type CurrentCertificate,
  policyOf,
  randomOf,
  renewableAt,
  type RenewalPlan,
  renewalPlanAfter,
  renewalTime,
  retryTime,
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
  failures: number;
  retryAt: number | undefined;
  /** When the present order was due, and the bucket that it waits for. */
  dueSince: number | undefined;
  waitedFor: string | undefined;
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
  readonly ends?: { readonly charges: readonly Charge[] } | undefined;
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

  constructor(options: RehearseOptions) {
    this.#options = options;
  }

  run(): Rehearsal {
    const { from, until } = this.#options;
    const states = [...this.#options.certificates].map((certificate) => stateOf(certificate));
    for (const state of states) {
      const { suggestsWindows } = this.#model(state.certificate.issuer);
      if (state.renewal && suggestsWindows)
        state.renewal = { ...state.renewal, askAt: state.renewal.askAt ?? iso(from) };
      this.#foresee(state, from);
      this.#schedule(state, from);
    }
    for (let task = this.#agenda.next(); task && task.at < until; task = this.#agenda.next()) {
      const { state, turn, ends } = task.what;
      if (turn !== state.turn) continue;
      if (ends) this.#end(state, task.at, ends.charges);
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
    if (isOrdered && (state.retryAt ?? 0) <= now) this.#order(state, now);
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
  #revocations({ certificate: { id, issuer }, current }: State): readonly Revocation[] {
    const { incidents = [] } = this.#options;
    if (!current) return [];
    return incidents.filter(
      (incident): incident is Revocation =>
        incident.type === 'revocation' &&
        incident.issuer === issuer &&
        Date.parse(current.issuedAt) < incident.announcedAt &&
        randomOf(`${id} ${incident.announcedAt}`) < incident.share,
    );
  }

  #announced(state: State, now: number): Revocation | undefined {
    return this.#revocations(state).find(({ announcedAt }) => announcedAt <= now);
  }

  /** Orders, or waits for a limit of the CA. */
  #order(state: State, now: number): void {
    const { certificate, current } = state;
    const { id, names, issuer } = certificate;
    const { registeredDomain, until } = this.#options;
    state.dueSince ??= now;
    if (this.#isAway(issuer, now)) return this.#fail(state, now);
    const { limits, renewalShare = 0.1 } = this.#model(issuer);
    const exemption = current && (isInWindow(state, now) ? 'window' : 'same-names');
    const charges = limits
      ? chargesOf({ names, account: issuer, exemption }, limits, { registeredDomain })
      : [];
    const { waitedFor } = state;
    const admission = admit(charges, (key) => this.#bucketsOf(issuer).get(key), {
      ...{ now, by: id, isRenewal: current !== undefined, renewalShare, waitedFor },
    });
    this.#store(issuer, admission.buckets);
    if (!admission.isAdmitted) {
      if (waitedFor === undefined) this.#tally.count('waited', now);
      state.waitedFor = admission.charge.key;
      this.#tally.waitedFor(Math.min(admission.at, until) - state.dueSince);
      return this.#add(state, admission.at);
    }
    this.#add(state, this.#whenDone(issuer, now), { charges });
  }

  /** Ends an order: the certificate is issued, unless the CA is away. */
  #end(state: State, now: number, charges: readonly Charge[]): void {
    const { certificate } = state;
    const { issuer } = certificate;
    if (this.#isAway(issuer, now)) {
      this.#settle(state, charges, { type: 'failed' }, now);
      return this.#fail(state, now);
    }
    this.#settle(state, charges, { type: 'ordered' }, now);
    this.#settle(state, charges, { type: 'issued' }, now);
    for (const charge of charges)
      this.#tally.used(issuer, charge, this.#bucketsOf(issuer).get(charge.key), now);
    this.#noteOutage(state, now, { isOver: true });
    this.#tally.count('issued', now);
    const { notAfter } = this.#replace(state, now);
    this.#options.onIssued?.({ id: certificate.id, at: now, notAfter });
    this.#schedule(state, now);
  }

  #replace(state: State, now: number): { readonly notAfter: number } {
    const { current: before, certificate } = state;
    const { id, issuer, profile } = certificate;
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
      ...{ failures: 0, retryAt: undefined, dueSince: undefined, waitedFor: undefined },
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

  #fail(state: State, now: number): void {
    const { current, certificate } = state;
    const validity = current && validityOf(current);
    state.failures += 1;
    this.#tally.count('failed', now);
    const retryAt = retryTime({
      failures: state.failures,
      lifetime: {
        milliseconds: validity ? validity.notAfter - validity.notBefore : usualLifetimeMs,
      },
      end: validity && instant(validity.notAfter),
      now: instant(now),
      random: randomOf(`${certificate.id}/${current?.generation ?? 0} ${state.failures}`),
    });
    const policy = policyOf(certificate, this.#options);
    state.retryAt = renewableAt(retryAt, state, policy).epochMilliseconds;
    this.#schedule(state, now);
  }

  /** Plans the next work on a certificate, if there will be any. */
  #schedule(state: State, now: number): void {
    const { certificate, current, renewal, retryAt = 0, checkAt = Infinity } = state;
    if (certificate.paused) return;
    const orderAt = current ? timeOf(renewal?.at) : now;
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

  #settle(state: State, charges: readonly Charge[], event: OrderEvent, now: number): void {
    const { issuer, id } = state.certificate;
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
    const { incidents = [] } = this.#options;
    return incidents.some(
      (incident) =>
        incident.type === 'away' &&
        incident.issuer === issuer &&
        incident.from <= now &&
        now < incident.until,
    );
  }

  #model(issuer: string): CaModel {
    return this.#options.models.get(issuer) ?? unknownModel;
  }
}

type Revocation = Incident & { readonly type: 'revocation' };
const unknownModel: CaModel = { lifetimes: [], suggestsWindows: false };

function stateOf(certificate: RehearsedCertificate): State {
  const { current, renewal } = certificate;
  return {
    ...{ certificate, current, renewal, failures: 0, turn: 0 },
    ...{ retryAt: undefined, dueSince: undefined, waitedFor: undefined },
    ...{ revokedAt: undefined, checkAt: undefined },
  };
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
