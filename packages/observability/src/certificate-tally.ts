import {
  expiryOf,
  alarmTypes,
  type AlarmType,
  certificateStates,
  type CertificateState,
  type ManagedCertificate,
  type Moment,
  nextStateAt,
  isServedAlarm,
  openAlarms,
  type ServedPlace,
  type StatedCertificate,
  stateOf,
} from '@acmex/orchestrator';

/** What is counted of a certificate. */
export interface CountedCertificate extends StatedCertificate {
  readonly id: string;
  /** Its first name. */
  readonly domain: string;
  /** All of its names but the first. */
  readonly furtherNames: readonly string[];
  readonly issuer: string;
  readonly labels: Readonly<Record<string, string>> | undefined;
  /** When it expires, in milliseconds; infinite without a certificate. */
  readonly endMs: number;
  /** When it is to be renewed, in milliseconds; undefined without a plan. */
  readonly renewMs: number | undefined;
  readonly openAlarms: readonly AlarmType[];
  /**
   * Whether each of its servers serves it; undefined without servers, and until all of them were
   * reached.
   */
  readonly isServed: boolean | undefined;
  /** The id of the order that is under way. */
  readonly order: string | undefined;
  /** Whether the order waits for DNS records that a person sets. */
  readonly isAwaiting: boolean;
  /** Its state at the last `advance` of the tally. */
  readonly state: CertificateState;
}

/** Shared by the certificates with one name: there may be very many. */
const none: readonly string[] = [];

/** A counted certificate with the moment after which its state may be another one. */
type Entry = { -readonly [K in keyof CountedCertificate]: CountedCertificate[K] } & {
  nextStateMs: number;
};

/**
 * Counts certificates by their states. A count costs what has changed since the last one, by itself
 * or by the time: to look at every certificate takes too long where there are very many.
 */
export class CertificateTally {
  readonly #entries = new Map<string, Entry>();
  readonly #counts = new Map(certificateStates.map((state) => [state, 0]));
  readonly #alarms = new Map(alarmTypes.map((type) => [type, 0]));
  /** The moment of the states. */
  #nowMs: number;
  /** No state changes by itself before this moment. */
  #nextStateMs = Infinity;
  #first:
    { readonly limit: number; readonly certificates: readonly CountedCertificate[] } | undefined;

  constructor(now: Moment) {
    this.#nowMs = now.epochMilliseconds;
  }

  /** The certificates, by their ids. */
  get certificates(): ReadonlyMap<string, CountedCertificate> {
    return this.#entries;
  }

  /** How many certificates are in each state. */
  get counts(): ReadonlyMap<CertificateState, number> {
    return this.#counts;
  }

  /** How many certificates have each alarm. */
  get alarms(): ReadonlyMap<AlarmType, number> {
    return this.#alarms;
  }

  /** Adds a certificate, in place of that with the same id. One without a name is not counted. */
  set(certificate: ManagedCertificate): void {
    this.delete(certificate.id);
    const { id, names, issuer, labels, current, paused, failure, renewal, order, awaits } =
      certificate;
    const [domain, ...further] = names;
    if (domain === undefined) return;
    // Keeps only what is counted: there may be very many certificates.
    const entry: Entry = {
      id,
      domain,
      furtherNames: further.length === 0 ? none : further,
      issuer,
      labels,
      paused,
      order,
      isAwaiting: awaits !== undefined,
      endMs: current ? Date.parse(expiryOf(current)) : Infinity,
      renewMs: renewal && Date.parse(renewal.at),
      current: current && { notAfter: expiryOf(current), revokedAt: current.revokedAt },
      failure: failure && { at: failure.at, failures: failure.failures },
      renewal: renewal && { at: renewal.at },
      openAlarms: openAlarms(certificate),
      isServed: isServed(certificate.served),
      state: 'unissued',
      nextStateMs: Infinity,
    };
    this.#entries.set(id, entry);
    this.#setState(entry);
    this.#countAlarms(entry, 1);
  }

  delete(id: string): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#entries.delete(id);
    this.#count(entry.state, -1);
    this.#countAlarms(entry, -1);
    this.#first = undefined;
  }

  /** Moves on to a moment, which may be an earlier one. */
  advance({ epochMilliseconds: nowMs }: Moment): void {
    const isBack = nowMs < this.#nowMs;
    this.#nowMs = nowMs;
    if (!isBack && nowMs < this.#nextStateMs) return;
    this.#nextStateMs = Infinity;
    for (const entry of this.#entries.values()) {
      if (isBack || entry.nextStateMs <= nowMs) {
        this.#count(entry.state, -1);
        this.#setState(entry);
      } else this.#nextStateMs = Math.min(this.#nextStateMs, entry.nextStateMs);
    }
  }

  /** Returns so many issued certificates, those that expire first; all of them in any order. */
  firstToExpire(limit: number): readonly CountedCertificate[] {
    if (this.#first?.limit !== limit)
      this.#first = { limit, certificates: firstToExpire([...this.#issued()], limit) };
    return this.#first.certificates;
  }

  *#issued(): Generator<CountedCertificate> {
    for (const entry of this.#entries.values()) if (entry.current) yield entry;
  }

  #setState(entry: Entry): void {
    const clock = { now: () => ({ epochMilliseconds: this.#nowMs }) };
    entry.state = stateOf(entry, clock);
    entry.nextStateMs = nextStateAt(entry, clock);
    this.#nextStateMs = Math.min(this.#nextStateMs, entry.nextStateMs);
    this.#count(entry.state, 1);
    this.#first = undefined;
  }

  #count(state: CertificateState, change: number): void {
    this.#counts.set(state, (this.#counts.get(state) ?? 0) + change);
  }

  #countAlarms({ openAlarms: open }: Entry, change: number): void {
    for (const type of open) this.#alarms.set(type, (this.#alarms.get(type) ?? 0) + change);
  }
}

function isServed(places: readonly ServedPlace[] | undefined): boolean | undefined {
  if (!places || places.length === 0) return undefined;
  if (places.some((place) => isServedAlarm(place))) return false;
  return places.every(({ state }) => state === 'same') ? true : undefined;
}

/** Returns so many certificates, those that expire first; all of them in the order they have. */
export function firstToExpire<T extends Pick<CountedCertificate, 'endMs'>>(
  certificates: readonly T[],
  limit: number,
): readonly T[] {
  if (certificates.length <= limit) return certificates;
  const ends = Float64Array.from(certificates, ({ endMs }) => endMs);
  const last = ends.toSorted()[limit - 1] ?? -Infinity;
  // A number array is sorted much faster than the certificates.
  return certificates
    .filter((_, index) => (ends[index] ?? Infinity) <= last)
    .sort((a, b) => a.endMs - b.endMs)
    .slice(0, limit);
}
