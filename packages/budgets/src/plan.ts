import { missingCharge, reservedOf } from './admission.ts';
import { type Bucket, spend, when } from './bucket.ts';
import { type BudgetedOrder, type Charge, chargesOf } from './charges.ts';
import type { CaLimits, LimitName } from './limits.ts';
import { type PlanRefusal, refusalsOf } from './refusals.ts';

/** A certificate that is wanted. */
export interface PlannedOrder extends BudgetedOrder {
  readonly profile?: string | undefined;
  /** Whether it may take the share that is kept for renewals. */
  readonly isRenewal?: boolean | undefined;
  /** The earliest time for its order, in milliseconds; the beginning of the plan by default. */
  readonly notBefore?: number | undefined;
}

export interface PlanOptions {
  readonly limits: CaLimits;
  readonly registeredDomain: (name: string) => string;
  /** The beginning, in milliseconds since 1970-01-01T00:00:00Z. */
  readonly now: number;
  /** The share that is kept for renewals: 0 to 1. */
  readonly renewalShare: number;
  /** The buckets at the beginning, by key; those that are absent are full. */
  readonly buckets?: ReadonlyMap<string, Bucket> | undefined;
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

/**
 * Returns when each of these certificates can be ordered within the limits of a CA, if each is
 * ordered as early as possible: renewals first, then in their order. No request is sent.
 */
export function plan(orders: readonly PlannedOrder[], options: PlanOptions): Plan {
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

interface Waiting {
  readonly index: number;
  readonly charges: readonly Charge[];
  readonly isRenewal: boolean;
}

class Planner {
  readonly #options: PlanOptions;
  readonly #buckets: Map<string, Bucket>;
  readonly #queues = new Map<string, Queue>();
  readonly #uses = new Map<string, { charge: Charge; taken: number; waited: boolean }>();
  readonly #entries: PlanEntry[] = [];

  constructor(options: PlanOptions) {
    this.#options = options;
    this.#buckets = withoutHolds(options);
  }

  run(orders: readonly PlannedOrder[]): Plan {
    const { now } = this.#options;
    const indexes = [...orders.keys()].sort(
      (a, b) =>
        Number(orders[b]?.isRenewal ?? false) - Number(orders[a]?.isRenewal ?? false) || a - b,
    );
    const later: { readonly at: number; readonly wanted: Waiting }[] = [];
    for (const index of indexes) {
      const order = orders[index];
      const wanted = order && this.#wanted(order, index);
      if (!wanted) continue;
      const { notBefore = now } = order;
      if (notBefore > now) later.push({ at: notBefore, wanted });
      else this.#ask(wanted, now);
    }
    later.sort((a, b) => a.at - b.at);
    this.#serve(later);
    const end = this.#entries.reduce((latest, entry) => Math.max(latest, timeOf(entry)), now);
    return { entries: this.#entries, end, used: this.#used(), buckets: this.#buckets };
  }

  #wanted(order: PlannedOrder, index: number): Waiting | undefined {
    const { limits } = this.#options;
    const refusals = refusalsOf(order, limits);
    if (refusals.length > 0) {
      this.#entries[index] = { refusals };
      return undefined;
    }
    const charges = chargesOf(order, limits, this.#options);
    return { index, charges, isRenewal: order.isRenewal ?? false };
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
    const missing = this.#missing(wanted, now);
    if (!missing) return this.#take(wanted, now, undefined);
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
    const missing = this.#missing(first, now);
    if (missing) {
      queue.wakeAt = missing.at;
      return;
    }
    this.#take(
      first,
      now,
      first.charges.find(({ key }) => key === queue.key),
    );
    queue.first += 1;
    if (queue.first >= queue.waiting.length) this.#queues.delete(queue.key);
  }

  #missing(wanted: Waiting, now: number) {
    const { renewalShare } = this.#options;
    return missingCharge(wanted.charges, (key) => this.#buckets.get(key), {
      now,
      by: '',
      isRenewal: wanted.isRenewal,
      renewalShare,
    });
  }

  #take({ index, charges }: Waiting, at: number, waitsFor: Charge | undefined): void {
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
      at,
      ...(waitsFor ? { waitsFor: { limit: waitsFor.limit, subject: waitsFor.subject } } : {}),
    };
  }

  #used(): readonly PlannedUse[] {
    const { now, renewalShare } = this.#options;
    const buckets = withoutHolds(this.#options);
    return [...this.#uses.values()]
      .filter(({ waited }) => waited)
      .map(({ charge, taken }) => {
        const { limit, subject, rule, key } = charge;
        const interval = rule.periodMs / rule.capacity;
        const reserved = reservedOf(charge, { isRenewal: false, renewalShare });
        const first = when(buckets.get(key), rule, now, { reserved: rule.capacity - 1 });
        const usable = rule.capacity - reserved;
        const earliestEnd = Math.max(now, first + (taken - usable) * interval);
        return { limit, subject, taken, earliestEnd };
      })
      .sort((a, b) => b.earliestEnd - a.earliestEnd);
  }
}

/** Returns the buckets at the beginning: what orders under way hold counts as spent. */
function withoutHolds({ buckets = new Map(), limits, now }: PlanOptions): Map<string, Bucket> {
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

function timeOf(entry: PlanEntry): number {
  return 'at' in entry ? entry.at : -Infinity;
}
