// A CA that answers wrongly and fails, and what renewals make of it, on a clock that jumps from one due moment
// to the next. Everything follows from a seed.
import { type Clock, milliseconds } from '@acmex/clock';
import { errorText } from '@acmex/errors';
import { CertificateMaintenance, type ManagedCertificate, Provisioner } from '@acmex/orchestrator';
import {
  AcmeError,
  type AcmeErrorCode,
  type AcmeResponse,
  type AcmeSession,
  PollPace,
} from '@acmex/protocol';
import { memoryStorage } from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import { acmeIssuer } from './acme-issuer.ts';
import { parsePlainRequest, plainChain, plainCrypto } from './plain-certificates.testing.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const base = 'https://ca.test';
const beginning = Date.parse('2026-11-01T00:00:00Z');

/** What a simulation has seen. `problem`: what must not happen, and did. */
export interface SimulationReport {
  readonly seed: number;
  readonly issued: number;
  /** Certificates that were renewed, and are in the storage. */
  readonly renewed: number;
  readonly refused: number;
  readonly questions: number;
  readonly problem?: string | undefined;
  /** What happened last, for a person. */
  readonly history: readonly string[];
}

/** Numbers that follow from a seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Hexadecimal. */
  digits(count: number): string {
    return Array.from({ length: count }, () => Math.floor(this.next() * 16).toString(16)).join('');
  }

  between(low: number, high: number): number {
    return low + this.next() * (high - low);
  }

  pick<T>(list: readonly [T, ...T[]]): T {
    return list[Math.floor(this.next() * list.length)] ?? list[0];
  }

  /** Seconds from 0 to 10⁹. */
  retryAfter(): number {
    return this.pick([0, 1, 30, 3600, 86_400, 1e9, Math.floor(10 ** this.between(0, 9))]);
  }
}

/**
 * Moves only when the simulation moves it. Nothing that sleeps on it wakes: it is what would happen
 * beside the work, such as the renewal of a lock.
 */
class JumpingClock implements Clock {
  ms = beginning;

  now(): Temporal.Instant {
    return Temporal.Instant.fromEpochMilliseconds(Math.floor(this.ms));
  }

  monotonic(): number {
    return this.ms;
  }

  async sleep(_: unknown, { signal }: { readonly signal?: AbortSignal | undefined } = {}) {
    await new Promise<never>((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  }
}

/** Returns the clock for the work itself: anyone who sleeps on it moves it. */
function workingClock(clock: JumpingClock): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    async sleep(duration, { signal } = {}) {
      signal?.throwIfAborted();
      clock.ms += milliseconds(duration);
      await Promise.resolve();
    },
  };
}

/** How a CA answers orders for a while. `seconds`: its `Retry-After`, if it has one. */
interface Mood {
  readonly kind:
    | 'willing'
    | 'broken'
    | 'busy'
    | 'domain-limited'
    | 'account-limited'
    | 'set-limited'
    | 'limited'
    | 'replaces-refused'
    | 'refusing'
    | 'account-lost';
  readonly seconds?: number | undefined;
  /** For `domain-limited` and `set-limited`. */
  readonly names: readonly string[];
  readonly code: AcmeErrorCode;
  readonly status: number;
  readonly window: 'usual' | 'past' | 'before' | 'after' | 'across' | 'moving' | 'none';
  /** `Retry-After` of the window. */
  readonly windowSeconds: number;
}

interface Phase {
  readonly from: number;
  readonly mood: Mood;
}

/** A refusal that names a time, and the orders that it is about. */
interface Refusal {
  readonly refusedAt: number;
  readonly until: number;
  readonly isAbout: (names: readonly string[], now: number) => boolean;
  readonly words: string;
  /** The names of an order that the refusal is about alone: it ends when they are issued. */
  readonly only: readonly string[] | undefined;
}

interface Scenario {
  readonly random: Random;
  readonly lifetime: number;
  /** The CA's clock is ahead of ours by this, and its certificates begin earlier by the other. */
  readonly skew: number;
  readonly backdate: number;
  readonly certificates: readonly (readonly string[])[];
  readonly phases: readonly Phase[];
  readonly end: number;
}

const kinds = [
  'willing',
  'willing',
  'broken',
  'busy',
  'domain-limited',
  'account-limited',
  'set-limited',
  'limited',
  'replaces-refused',
  'refusing',
  'account-lost',
] as const;

const refusals = {
  'replaces-refused': [
    ['ERR_ACME_ALREADY_REPLACED', 409],
    ['ERR_ACME_MALFORMED', 400],
    ['ERR_ACME_UNAUTHORIZED', 403],
    ['ERR_ACME_PROBLEM', 404],
    ['ERR_ACME_SERVER_INTERNAL', 500],
    ['ERR_ACME_STATUS', 500],
  ],
  refusing: [
    ['ERR_ACME_REJECTED_IDENTIFIER', 403],
    ['ERR_ACME_CAA', 403],
    ['ERR_ACME_BAD_CSR', 400],
    ['ERR_ACME_USER_ACTION_REQUIRED', 403],
    ['ERR_ACME_MALFORMED', 400],
  ],
} as const;

function scenarioOf(seed: number): Scenario {
  const random = new Random(seed);
  const lifetime = random.pick([hour, 6 * hour, day, 6 * day, 47 * day, 90 * day, 398 * day]);
  const certificates = Array.from({ length: 1 + Math.floor(random.next() * 3) }, (_, n) => {
    const domain = random.pick(['one.test', 'two.test']);
    return random.next() < 0.3 ? [`w${n}.${domain}`, `n${n}.two.test`] : [`w${n}.${domain}`];
  });
  const end = beginning + 2.5 * lifetime;
  const phases: Phase[] = [];
  for (let from = beginning; from < end; from += lifetime * random.between(0.02, 0.6))
    phases.push({
      from,
      mood: moodOf(random, {
        certificates,
        isFirst: from === beginning,
        shortest: Math.floor(lifetime / 6 / second),
      }),
    });
  const backdate = random.between(0, lifetime / 50);
  const skew = random.between(-lifetime / 20, Math.min(lifetime / 20, 4 * minute) + backdate);
  return { random, lifetime, skew, backdate, certificates, phases, end };
}

function moodOf(
  random: Random,
  {
    certificates,
    isFirst,
    shortest,
  }: {
    readonly certificates: Scenario['certificates'];
    readonly isFirst: boolean;
    /** In seconds: most windows are not asked for more often. */
    readonly shortest: number;
  },
): Mood {
  const kind = isFirst ? 'willing' : random.pick(kinds);
  const [code, status] =
    kind === 'replaces-refused' || kind === 'refusing'
      ? random.pick<readonly [AcmeErrorCode, number]>(refusals[kind])
      : (['ERR_ACME_RATE_LIMITED', 429] as const);
  const names =
    kind === 'domain-limited'
      ? [random.pick(['one.test', 'two.test'])]
      : (certificates[Math.floor(random.next() * certificates.length)] ?? []);
  const isTimed = kind !== 'refusing' && random.next() < 0.8;
  return {
    kind,
    code,
    status,
    names,
    seconds: isTimed ? random.retryAfter() : undefined,
    window: random.pick(['usual', 'past', 'before', 'after', 'across', 'moving', 'none']),
    windowSeconds: Math.max(random.retryAfter(), random.next() < 0.9 ? shortest : 0),
  };
}

/** Whether the names are about a name, or below it. */
const areBelow = (names: readonly string[], domains: readonly string[]) =>
  names.some((name) => domains.some((domain) => name === domain || name.endsWith(`.${domain}`)));

const sameNames = (first: readonly string[], second: readonly string[]) =>
  [...first].sort().join() === [...second].sort().join();

/** Whether a CA in this mood issues a certificate for the names. */
function wouldIssue({ kind, names: limited }: Mood, names: readonly string[]): boolean {
  if (kind === 'domain-limited') return !areBelow(names, limited);
  if (kind === 'set-limited') return !sameNames(names, limited);
  return kind === 'willing' || kind === 'replaces-refused' || kind === 'account-lost';
}

const details: Partial<Record<Mood['kind'], (names: readonly string[]) => string>> = {
  'domain-limited': ([domain]) => `too many certificates (50) already issued for "${domain}"`,
  'account-limited': () => 'too many new orders (300) from this account in the last 3h0m0s',
  'set-limited': () => 'too many certificates (5) already issued for this exact set of identifiers',
  limited: () => 'slow down',
};

interface CaOrder {
  readonly url: string;
  readonly account: string;
  readonly names: readonly string[];
  certificate?: string;
}

/** The CA, on the level of signed requests whose signatures are not checked. */
class LyingCa {
  issued = 0;
  refused = 0;
  questions = 0;
  problem: string | undefined;
  readonly history: string[] = [];
  /** When the certificate in use for these names expires, by our clock. */
  readonly expiries = new Map<string, number>();
  readonly #scenario: Scenario;
  readonly #clock: JumpingClock;
  readonly #accounts = new Set<string>();
  readonly #orders = new Map<string, CaOrder>();
  readonly #chains = new Map<string, string>();
  readonly #windows = new Map<
    string,
    { readonly names: readonly string[]; askedAt: number; until: number }
  >();
  readonly #validities = new Map<string, readonly [number, number]>();
  #refusals: readonly Refusal[] = [];
  #lost: Phase | undefined;
  /** A person has just asked for the window. */
  isAskedByPerson = false;

  constructor(scenario: Scenario, clock: JumpingClock) {
    this.#scenario = scenario;
    this.#clock = clock;
  }

  phaseAt(ms: number): Phase {
    return this.#scenario.phases.findLast(({ from }) => from <= ms) ?? this.#scenario.phases[0]!;
  }

  note(text: string): void {
    this.history.push(`${this.#clock.now().toString()} ${text}`);
    if (this.history.length > 40) this.history.shift();
  }

  report(problem: string): void {
    this.note(problem);
    this.problem ??= problem;
  }

  /** Opens the account, as `accountSession` does. */
  async open({ suspect }: { readonly suspect?: string | undefined }): Promise<AcmeSession> {
    if (suspect !== undefined || this.#accounts.size === 0) {
      this.#assertReachable();
      if (!suspect || !this.#accounts.has(suspect))
        this.#accounts.add(`${base}/account/${this.#accounts.size}-${this.#clock.ms}`);
    }
    const account = [...this.#accounts].at(-1);
    const session: AcmeSession = {
      // Nothing is signed.
      key: { jwk: {} } as unknown as AcmeSession['key'],
      clock: workingClock(this.#clock),
      random: () => 0.5,
      pace: new PollPace(),
      account,
      directory: async () => ({
        newNonce: `${base}/nonce`,
        newAccount: `${base}/account`,
        newOrder: `${base}/order`,
        renewalInfo: `${base}/window`,
        meta: {
          caaIdentities: [],
          externalAccountRequired: false,
          subdomainAuthAllowed: false,
          profiles: {},
          members: {},
        },
      }),
      post: async (url, payload) => await this.#post(url, payload, session.account),
      get: async (url) => this.#window(url),
    };
    return session;
  }

  async #post(url: string, payload: object | undefined, account = ''): Promise<AcmeResponse> {
    this.#clock.ms += this.#scenario.random.between(1, 400);
    this.#loseAccounts();
    this.#assertReachable(url === `${base}/order` ? payload : undefined);
    if (!this.#accounts.has(account))
      throw new AcmeError('ERR_ACME_ACCOUNT_DOES_NOT_EXIST', 'no such account', { status: 400 });
    if (url === account) return answer(url, '{"status":"valid"}', 'application/json');
    if (url === `${base}/order`) return this.#newOrder(payload as NewOrderPayload, account);
    const order = this.#orders.get(url.replace(/\/(finalize|certificate)$/, ''));
    if (order?.account !== account)
      throw new AcmeError('ERR_ACME_MALFORMED', 'no such order', { status: 404 });
    if (url.endsWith('/certificate'))
      return answer(url, order.certificate ?? '', 'application/pem-certificate-chain');
    if (url.endsWith('/finalize'))
      await this.#issue(order, (payload as { readonly csr: string }).csr);
    return orderAnswer(order);
  }

  #loseAccounts(): void {
    const phase = this.phaseAt(this.#clock.ms);
    if (phase.mood.kind !== 'account-lost' || this.#lost === phase) return;
    this.#lost = phase;
    this.#accounts.clear();
    this.#orders.clear();
    this.note('the CA loses its accounts');
  }

  /** Fails as a whole CA does. */
  #assertReachable(newOrder?: object): void {
    const { mood } = this.phaseAt(this.#clock.ms);
    const names = newOrder ? namesOf(newOrder as NewOrderPayload) : [];
    if (newOrder) this.#assertPermitted(names);
    if (mood.kind === 'broken')
      this.#refuse(mood, {
        code: 'ERR_ACME_SERVER_INTERNAL',
        status: 500,
        detail: 'our database is away',
        about: names,
        scope: 'order',
      });
    if (mood.kind === 'busy')
      this.#refuse(mood, {
        code: 'ERR_ACME_STATUS',
        status: 503,
        detail: 'busy',
        about: names,
        scope: newOrder ? 'all' : 'order',
      });
  }

  #newOrder(payload: NewOrderPayload, account: string): AcmeResponse {
    const { mood } = this.phaseAt(this.#clock.ms);
    const names = namesOf(payload);
    const { kind, code, status } = mood;
    const detail = details[kind]?.(mood.names) ?? 'no';
    if (kind === 'refusing' || (kind === 'replaces-refused' && payload.replaces !== undefined))
      this.#refuse(mood, { code, status, detail, about: names, scope: 'order' });
    if (!wouldIssue(mood, names))
      this.#refuse(mood, { code, status, detail, about: names, scope: scopes[kind] ?? 'order' });
    const url = `${base}/order/${this.#orders.size}-${this.#clock.ms}`;
    const order: CaOrder = { url, account, names };
    this.#orders.set(url, order);
    return orderAnswer(order);
  }

  #refuse(
    { seconds, names }: Mood,
    {
      code,
      status,
      detail,
      about,
      scope,
    }: {
      readonly code: AcmeErrorCode;
      readonly status: number;
      readonly detail: string;
      readonly about: readonly string[];
      readonly scope: Scope;
    },
  ): never {
    const refusedAt = this.#clock.ms;
    this.refused += 1;
    this.note(`${about.join(', ')} refused: ${code} ${detail}, Retry-After ${seconds}`);
    if (seconds !== undefined && about.length > 0) {
      const until = refusedAt + seconds * second;
      const isOwn = (wanted: readonly string[]) => sameNames(wanted, about);
      const covers: Record<Scope, Refusal['isAbout']> = {
        order: isOwn,
        domain: (wanted) => areBelow(wanted, names),
        set: (wanted) => sameNames(wanted, names),
        all: () => true,
        unnamed: (wanted, now) => isOwn(wanted) || now < refusedAt + 5 * minute,
      };
      // Others need not know of a time that is soon over.
      const isAbout = seconds < 10 ? isOwn : covers[scope];
      const only =
        isAbout === isOwn || scope === 'order' || scope === 'unnamed' ? about : undefined;
      this.#refusals = [
        ...this.#refusals,
        { refusedAt, until, isAbout, words: `${code} ${detail}`, only },
      ];
    }
    throw new AcmeError(code, detail, {
      status,
      problem: { type: 'about:blank', detail },
      retryAfter:
        seconds === undefined
          ? undefined
          : Temporal.Instant.fromEpochMilliseconds(Math.floor(refusedAt)).add({ seconds }),
    });
  }

  /** Reports an order before the time that the CA has named, within the bounds of a client. */
  #assertPermitted(names: readonly string[]): void {
    const now = this.#clock.ms;
    const expiry = this.expiries.get(names.join()) ?? 0;
    for (const { refusedAt, until, isAbout, words } of this.#refusals) {
      const half = expiry > refusedAt ? refusedAt + (expiry - refusedAt) / 2 : Infinity;
      const allowed = Math.min(until, refusedAt + day, half);
      if (now + 2 * second < allowed && isAbout(names, now))
        this.report(
          `${names.join(', ')} is ordered ${Math.round((allowed - now) / second)} seconds too early after "${words}"`,
        );
    }
  }

  async #issue(order: CaOrder, csr: string): Promise<void> {
    if (order.certificate !== undefined) return;
    const { publicKey } = await parsePlainRequest(Buffer.from(csr, 'base64url'));
    const { lifetime, skew, backdate, random } = this.#scenario;
    const notBefore = Math.floor((this.#clock.ms + skew - backdate) / second) * second;
    const notAfter = notBefore + lifetime;
    const serialNumber = `4${random.digits(15)}`;
    order.certificate = plainChain({
      serialNumber,
      notBefore: new Date(notBefore).toISOString(),
      notAfter: new Date(notAfter).toISOString(),
      publicKey: Buffer.from(publicKey).toString('hex'),
    });
    this.#validities.set(serialNumber, [notBefore, notAfter]);
    this.#windows.set(serialNumber, { names: order.names, askedAt: 0, until: 0 });
    this.issued += 1;
    this.#refusals = this.#refusals.filter(({ only }) => !only || !sameNames(only, order.names));
    this.note(`${order.names.join(', ')} issued until ${new Date(notAfter).toISOString()}`);
  }

  #window(url: string): AcmeResponse {
    const id = url.slice(url.lastIndexOf('/') + 1);
    const asked = this.#windows.get(id);
    const [notBefore, notAfter] = this.#validities.get(id) ?? [0, 0];
    const now = this.#clock.ms;
    const { window, windowSeconds, kind, seconds = 0 } = this.phaseAt(now).mood;
    this.questions += 1;
    if (asked && !this.isAskedByPerson) {
      const allowed = Math.min(asked.until, asked.askedAt + day);
      if (now + 2 * second < allowed)
        this.report(
          `the window of ${asked.names.join(', ')} is asked for ${Math.round((allowed - now) / second)} seconds too early`,
        );
    }
    const isAway = kind === 'broken' || kind === 'busy';
    const least = Math.max(isAway ? seconds : windowSeconds, 60);
    if (asked) Object.assign(asked, { askedAt: now, until: now + least * second });
    this.#assertReachable();
    if (window === 'none')
      throw new AcmeError('ERR_ACME_STATUS', 'no window', {
        status: 404,
        retryAfter: this.#clock.now().add({ seconds: windowSeconds }),
      });
    const life = notAfter - notBefore;
    const windows: Record<Exclude<Mood['window'], 'none'>, readonly [number, number]> = {
      usual: [notBefore + life * 0.6, notBefore + life * 0.7],
      past: [now - hour, now - minute],
      before: [notBefore - 2 * day, notBefore - day],
      after: [notAfter + day, notAfter + 2 * day],
      across: [notAfter - life * 0.01, notAfter + life],
      moving: [now + life * this.#scenario.random.next(), now + life * 1.1],
    };
    const [start, end] = windows[window].map((ms) => new Date(Math.floor(ms)).toISOString());
    return answer(url, JSON.stringify({ suggestedWindow: { start, end } }), 'application/json', {
      'retry-after': String(windowSeconds),
    });
  }
}

type Scope = 'order' | 'domain' | 'set' | 'all' | 'unnamed';
const scopes: Partial<Record<Mood['kind'], Scope>> = {
  'domain-limited': 'domain',
  'set-limited': 'set',
  'account-limited': 'all',
  limited: 'unnamed',
};

interface NewOrderPayload {
  readonly identifiers: readonly { readonly value: string }[];
  readonly replaces?: string | undefined;
}

const namesOf = ({ identifiers }: NewOrderPayload) => identifiers.map(({ value }) => value);

function answer(
  url: string,
  text: string,
  type: string,
  headers: Readonly<Record<string, string>> = {},
): AcmeResponse {
  return { url, status: 200, headers: new Headers({ 'content-type': type, ...headers }), text };
}

function orderAnswer({ url, names, certificate }: CaOrder): AcmeResponse {
  const order = {
    status: certificate === undefined ? 'ready' : 'valid',
    identifiers: names.map((value) => ({ type: 'dns', value })),
    authorizations: [],
    finalize: `${url}/finalize`,
    ...(certificate === undefined ? {} : { certificate: `${url}/certificate` }),
  };
  return answer(url, JSON.stringify(order), 'application/json', { location: url });
}

/** The most times that something is due in one simulation, and at one moment. */
const mostSteps = 100;
const mostStepsAtOnce = 20;

/** Runs the scenario of a seed. */
export async function simulate(seed: number): Promise<SimulationReport> {
  const scenario = scenarioOf(seed);
  const clock = new JumpingClock();
  const ca = new LyingCa(scenario, clock);
  const storage = memoryStorage();
  const issuer = acmeIssuer({
    name: 'ca',
    session: async (options) => await ca.open(options),
    solvers: async () => [],
  });
  const provisioner = new Provisioner({
    storage,
    issuers: [issuer],
    clock,
    crypto: plainCrypto,
    lease: { hours: 1e6 },
  });
  const maintenance = new CertificateMaintenance({ storage, provisioner, clock });
  for (const names of scenario.certificates)
    await provisioner.certificates.add({ names, issuer: 'ca', keyType: 'ec-p256' });
  let before = clock.ms;
  let [atOnce, renewed] = [0, 0];
  for (let steps = 0; steps < mostSteps && ca.problem === undefined; steps += 1) {
    const at = await provisioner.certificates.nextDue();
    if (at === undefined) {
      ca.report('nothing is due any more');
      break;
    }
    await assertNoneExpires(Math.min(Date.parse(at), scenario.end), { scenario, ca, provisioner });
    if (Date.parse(at) > scenario.end) break;
    clock.ms = Math.max(clock.ms, Date.parse(at));
    atOnce = clock.ms - before < second ? atOnce + 1 : 0;
    if (atOnce > mostStepsAtOnce) ca.report(`something is due ${atOnce} times at one moment`);
    before = clock.ms;
    for await (const { id } of provisioner.certificates.due(clock.now(), { limit: 1 })) {
      ca.isAskedByPerson = scenario.random.next() < 0.02;
      const { outcome } = await maintenance.maintain(id, {
        ask: ca.isAskedByPerson ? 'now' : 'when-due',
      });
      if (outcome?.state === 'failed') ca.note(`failed: ${errorText(outcome.error)}`);
      const { names, current } = await provisioner.certificates.get(id);
      if (outcome?.state === 'succeeded' && current && current.generation > 1) renewed += 1;
      if (current) ca.expiries.set(names.join(), Date.parse(current.notAfter));
    }
  }
  const { issued, refused, questions, problem, history } = ca;
  return { seed, issued, renewed, refused, questions, problem, history };
}

/**
 * Reports a certificate that expires before the next step, although the CA would have issued during
 * the last twentieth of its life.
 */
async function assertNoneExpires(
  next: number,
  {
    scenario: { lifetime, phases },
    ca,
    provisioner,
  }: {
    readonly scenario: Scenario;
    readonly ca: LyingCa;
    readonly provisioner: Provisioner;
  },
): Promise<void> {
  if (next < Math.min(...ca.expiries.values())) return;
  const list: ManagedCertificate[] = [];
  for await (const certificate of provisioner.certificates.list()) list.push(certificate);
  for (const { id, names, current, renewal, failure, expiryReported } of list) {
    const expiry = current ? Date.parse(current.notAfter) : Infinity;
    if (expiry > next || expiryReported) continue;
    const wasWilling = phases.every(
      ({ from, mood }, index) =>
        from >= expiry ||
        (phases[index + 1]?.from ?? Infinity) <= expiry - lifetime / 20 ||
        wouldIssue(mood, names),
    );
    if (wasWilling)
      ca.report(
        `${names.join(', ')} (${id}) expires at ${current?.notAfter} while the CA would issue: renewal at ${renewal?.at}, ${JSON.stringify(failure)}`,
      );
  }
}
