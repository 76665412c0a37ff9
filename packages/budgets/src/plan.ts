import { missingCharge, reservedOf } from './admission.ts';
import { type Bucket, type Limit, spend, when } from './bucket.ts';
import { type BudgetedOrder, type Charge, chargesOf } from './charges.ts';
import type { CaLimits, LimitName } from './limits.ts';
import { longestWait } from './patience.ts';
import { type PlanRefusal, refusalsOf } from './refusals.ts';

/** A certificate that is wanted. */
export interface PlannedOrder extends BudgetedOrder {
  readonly profile?: string | undefined;
  /** Whether it may take the share that is kept for renewals. */
  readonly isRenewal?: boolean | undefined;
  /** The earliest time for its order, in milliseconds; the beginning of the plan by default. */
  readonly notBefore?: number | undefined;
}

/** A CA, as a plan needs it. */
export interface PlannedCa {
  readonly limits: CaLimits;
  /** The share that is kept for renewals: 0 to 1. */
  readonly renewalShare: number;
  /** The buckets at the beginning, by key; those that are absent are full. */
  readonly buckets?: ReadonlyMap<string, Bucket> | undefined;
}

interface CommonOptions {
  readonly registeredDomain: (name: string) => string;
  /** The beginning, in milliseconds since 1970-01-01T00:00:00Z. */
  readonly now: number;
}

export type PlanOptions = PlannedCa & CommonOptions;

/** A certificate that is wanted, as one of its CAs may issue it. */
export interface PlannedChoice extends PlannedOrder {
  /** A key of `cas`. */
  readonly ca: string;
}

export interface PlanAmongOptions extends CommonOptions {
  readonly cas: ReadonlyMap<string, PlannedCa>;
}

/** When a certificate can be ordered, or why it never can. */
export type PlanEntry =
  | {
      /** Milliseconds. */
      readonly at: number;
      /** The limit that it waits for; absent where it does not wait. */
      readonly waitsFor?: Pick<Charge, 'limit' | 'subject'> | undefined;
    }
  | { readonly refusals: readonly PlanRefusal[] };

/** When and where a certificate can be ordered. */
export type ChosenEntry =
  | {
      readonly at: number;
      /** The index of the choice. */
      readonly choice: number;
      /** The limit that it waits for, and whose; absent where it does not wait. */
      readonly waitsFor?: (Pick<Charge, 'limit' | 'subject'> & { readonly ca: string }) | undefined;
    }
  /** Those of its first choice. */
  | { readonly refusals: readonly PlanRefusal[] };

/** How much of a limit a plan takes. */
export interface PlannedUse {
  readonly limit: LimitName;
  readonly subject: string;
  readonly taken: number;
  /** The earliest time at which the bucket can have given as many, in milliseconds. */
  readonly earliestEnd: number;
}

export interface Plan {
  /** In the order of what was asked for. */
  readonly entries: readonly PlanEntry[];
  /** When the last order can be made, in milliseconds; the beginning where there is none. */
  readonly end: number;
  /** The buckets that something waits for, the one that is done last first. */
  readonly used: readonly PlannedUse[];
  /** All buckets after the last order, by key. */
  readonly buckets: ReadonlyMap<string, Bucket>;
}

export interface PlanAmong extends Pick<Plan, 'end'> {
  readonly entries: readonly ChosenEntry[];
  readonly used: readonly (PlannedUse & { readonly ca: string })[];
}

/**
 * Returns when each of these certificates can be ordered within the limits of a CA, if each is
 * ordered as early as possible: renewals first, then in their order. No request is sent.
 */
export function plan(orders: readonly PlannedOrder[], options: PlanOptions): Plan {
  const planner = new Planner({ ...options, cas: new Map([['', options]]) });
  const { entries, end, used } = planner.run(orders.map((order) => [{ ...order, ca: '' }]));
  return {
    entries: entries.map((entry) => {
      if ('refusals' in entry) return entry;
      const { at, waitsFor } = entry;
      if (!waitsFor) return { at };
      return { at, waitsFor: { limit: waitsFor.limit, subject: waitsFor.subject } };
    }),
    end,
    used: used.map(({ ca: _, ...use }) => use),
    buckets: planner.bucketsOf(''),
  };
}

/**
 * Returns when and where each of these certificates can be ordered within the limits of several CAs.
 * The first choice is used where its limits allow the order now, or within the time that an order
 * waits for a CA: see `longestWait`. Else it is the next one that does; if none does, the first to
 * allow it. A choice that refuses the certificate is left out.
 * @param orders for each certificate its choices, the best first
 */
export function planAmong(
  orders: readonly (readonly PlannedChoice[])[],
  options: PlanAmongOptions,
): PlanAmong {
  return new Planner(options).run(orders);
}

/** Orders that wait for the same bucket, the first of which is asked next. */
interface Queue {
  readonly key: string;
  readonly limit: LimitName;
  readonly waiting: Waiting[];
  /** The first of `waiting` that still waits. */
  first: number;
  /** When the first can be asked again. */
  wakeAt: number;
}

/** A charge, whose key begins with its CA. */
type ChargeOfCa = Charge & { readonly ca: string };

interface Option {
  readonly choice: number;
  readonly ca: string;
  readonly charges: readonly ChargeOfCa[];
}

interface Waiting {
  readonly index: number;
  readonly options: readonly Option[];
  readonly isRenewal: boolean;
}

/** An option, with the charge that it has to wait for. */
interface Chosen {
  readonly option: Option;
  readonly missing?: (Charge & { readonly at: number }) | undefined;
}

class Planner {
  readonly #options: PlanAmongOptions;
  readonly #buckets: Map<string, Bucket>;
  readonly #queues = new Map<string, Queue>();
  readonly #uses = new Map<string, { charge: ChargeOfCa; taken: number; waited: boolean }>();
  readonly #entries: ChosenEntry[] = [];

  constructor(options: PlanAmongOptions) {
    this.#options = options;
    this.#buckets = bucketsOfAll(options);
  }

  run(orders: readonly (readonly PlannedChoice[])[]): PlanAmong {
    const { now } = this.#options;
    const isRenewal = (index: number) => orders[index]?.[0]?.isRenewal ?? false;
    const indexes = [...orders.keys()].sort(
      (a, b) => Number(isRenewal(b)) - Number(isRenewal(a)) || a - b,
    );
    const later: { readonly at: number; readonly wanted: Waiting }[] = [];
    for (const index of indexes) {
      const choices = orders[index] ?? [];
      const wanted = this.#wanted(choices, index);
      if (!wanted) continue;
      const notBefore = choices[0]?.notBefore ?? now;
      if (notBefore > now) later.push({ at: notBefore, wanted });
      else this.#ask(wanted, now);
    }
    later.sort((a, b) => a.at - b.at);
    this.#serve(later);
    const end = this.#entries.reduce((latest, entry) => Math.max(latest, timeOf(entry)), now);
    return { entries: this.#entries, end, used: this.#used() };
  }

  /** All buckets of a CA after the last order, by key. */
  bucketsOf(ca: string): ReadonlyMap<string, Bucket> {
    const prefix = keyAt(ca, '');
    return new Map(
      [...this.#buckets]
        .filter(([key]) => key.startsWith(prefix))
        .map(([key, bucket]) => [key.slice(prefix.length), bucket]),
    );
  }

  #wanted(choices: readonly PlannedChoice[], index: number): Waiting | undefined {
    const options: Option[] = [];
    let refused: readonly PlanRefusal[] = [];
    for (const [choice, order] of choices.entries()) {
      const { ca } = order;
      const { limits } = this.#ca(ca);
      const refusals = refusalsOf(order, limits);
      if (choice === 0) refused = refusals;
      if (refusals.length > 0) continue;
      const charges = chargesOf(order, limits, this.#options).map((charge) => ({
        ...{ ...charge, ca, key: keyAt(ca, charge.key) },
      }));
      options.push({ choice, ca, charges });
    }
    if (options.length > 0) return { index, options, isRenewal: choices[0]?.isRenewal ?? false };
    this.#entries[index] = { refusals: refused };
    return undefined;
  }

  /** Serves the queues and what begins later, in the order of time, until nothing waits. */
  #serve(later: { readonly at: number; readonly wanted: Waiting }[]): void {
    let begun = 0;
    for (;;) {
      const queue = this.#nextQueue();
      const next = later[begun];
      if (next && (!queue || next.at <= queue.wakeAt)) {
        begun += 1;
        this.#ask(next.wanted, next.at);
      } else if (queue) this.#serveFirst(queue);
      else return;
    }
  }

  /** Returns the queue that is woken first; of several at once, not the one of all orders. */
  #nextQueue(): Queue | undefined {
    let next: Queue | undefined;
    for (const queue of this.#queues.values())
      if (
        !next ||
        queue.wakeAt < next.wakeAt ||
        (queue.wakeAt === next.wakeAt && next.limit === 'new-orders')
      )
        next = queue;
    return next;
  }

  #ask(wanted: Waiting, now: number): void {
    const { option, missing } = this.#choose(wanted, now);
    if (!missing) return this.#take(wanted, option, now, undefined);
    const { key, limit, at } = missing;
    const queue = this.#queues.get(key) ?? { key, limit, waiting: [], first: 0, wakeAt: at };
    this.#queues.set(key, queue);
    queue.waiting.push(wanted);
  }

  /** Asks for the first of a queue. One that waits for a different bucket stays the first. */
  #serveFirst(queue: Queue): void {
    const first = queue.waiting[queue.first];
    if (!first) {
      this.#queues.delete(queue.key);
      return;
    }
    const now = queue.wakeAt;
    const { option, missing } = this.#choose(first, now, queue);
    if (missing) {
      queue.wakeAt = missing.at;
      return;
    }
    const charges = first.options.flatMap((candidate) => candidate.charges);
    this.#take(
      first,
      option,
      now,
      charges.find(({ key }) => key === queue.key),
    );
    queue.first += 1;
    if (queue.first >= queue.waiting.length) this.#queues.delete(queue.key);
  }

  /**
   * Chooses where an order is made, or waits.
   * @param atFront the queue in which it is the first
   */
  #choose(wanted: Waiting, now: number, atFront?: Queue): Chosen {
    const longest = longestWait({ now });
    let soonest: (Chosen & { readonly at: number }) | undefined;
    for (const option of wanted.options) {
      const missing = this.#missing(option, wanted, now);
      if (!missing) return { option };
      const queue = this.#queues.get(missing.key);
      const ahead = queue && queue !== atFront ? queue.waiting.length - queue.first : 0;
      const at = missing.at + ahead * interval(missing.rule);
      if (at <= longest) return { option, missing };
      if (!soonest || at < soonest.at) soonest = { option, missing, at };
    }
    if (!soonest) throw new RangeError('a certificate has no CA to be planned at');
    return soonest;
  }

  #missing({ charges, ca }: Option, { isRenewal }: Waiting, now: number) {
    const { renewalShare } = this.#ca(ca);
    return missingCharge(charges, (key) => this.#buckets.get(key), {
      ...{ now, by: '', isRenewal, renewalShare },
    });
  }

  #take(
    { index }: Waiting,
    { choice, charges }: Option,
    at: number,
    waitsFor: ChargeOfCa | undefined,
  ): void {
    for (const charge of charges) {
      if (charge.counted === 'failure') continue;
      const { key, rule } = charge;
      this.#buckets.set(key, spend(this.#buckets.get(key), rule, at));
      const use = this.#uses.get(key) ?? { charge, taken: 0, waited: false };
      this.#uses.set(key, use);
      use.taken += 1;
      if (key === waitsFor?.key) use.waited = true;
    }
    this.#entries[index] = {
      ...{ at, choice },
      ...(waitsFor && {
        waitsFor: { limit: waitsFor.limit, subject: waitsFor.subject, ca: waitsFor.ca },
      }),
    };
  }

  #used(): PlanAmong['used'] {
    const { now } = this.#options;
    const buckets = bucketsOfAll(this.#options);
    return [...this.#uses.values()]
      .filter(({ waited }) => waited)
      .map(({ charge, taken }) => {
        const { limit, subject, rule, key, ca } = charge;
        const { renewalShare } = this.#ca(ca);
        const reserved = reservedOf(charge, { isRenewal: false, renewalShare });
        const first = when(buckets.get(key), rule, now, { reserved: rule.capacity - 1 });
        const usable = rule.capacity - reserved;
        const earliestEnd = Math.max(now, first + (taken - usable) * interval(rule));
        return { ca, limit, subject, taken, earliestEnd };
      })
      .sort((a, b) => b.earliestEnd - a.earliestEnd);
  }

  #ca(ca: string): PlannedCa {
    return this.#options.cas.get(ca) ?? unlimited;
  }
}

const unlimited: PlannedCa = { limits: { limits: {}, exemptsRenewals: false }, renewalShare: 0 };
const keyAt = (ca: string, key: string) => `${ca} ${key}`;
const interval = ({ capacity, periodMs }: Limit) => periodMs / capacity;

/** Returns the buckets at the beginning, by CA and key. */
function bucketsOfAll({ cas, now }: PlanAmongOptions): Map<string, Bucket> {
  return new Map(
    [...cas].flatMap(([ca, options]) =>
      [...withoutHolds(options, now)].map(([key, bucket]) => [keyAt(ca, key), bucket] as const),
    ),
  );
}

/** Returns the buckets at the beginning: what orders under way hold counts as spent. */
function withoutHolds(
  { buckets = new Map(), limits }: PlannedCa,
  now: number,
): Map<string, Bucket> {
  const present = new Map<string, Bucket>(buckets);
  for (const [key, bucket] of present) {
    const rule = limits.limits[key.slice(0, key.indexOf('/')) as LimitName];
    if (!rule || !bucket.held) continue;
    const spent = Object.keys(bucket.held).reduce<Bucket>(
      (result, by) => spend(result, rule, now, { by }),
      bucket,
    );
    present.set(key, spent);
  }
  return present;
}

function timeOf(entry: ChosenEntry): number {
  return 'at' in entry ? entry.at : -Infinity;
}
