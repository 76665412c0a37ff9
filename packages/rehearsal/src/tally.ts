import { available, type Bucket, type Charge } from '@acmex/budgets';
import type { BudgetUse, Outage, RehearsedDay, Rehearsal } from './scenario.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const iso = (at: number) => new Date(at).toISOString();

type Counted = 'issued' | 'failed' | 'waited';

/** Counts what happens in a rehearsal. */
export class Tally {
  readonly outages: Outage[] = [];
  readonly #days = new Map<number, Record<Counted, number>>();
  readonly #hours = new Map<number, number>();
  readonly #uses = new Map<string, BudgetUse & { readonly share: number }>();
  readonly #issuers = new Map<string, number>();
  readonly #totals = { issued: 0, failed: 0, waited: 0 };
  #longestWaitMs = 0;

  count(what: Counted, at: number): void {
    const day = Math.floor(at / dayMs);
    const counts = this.#days.get(day) ?? { issued: 0, failed: 0, waited: 0 };
    counts[what] += 1;
    this.#days.set(day, counts);
    this.#totals[what] += 1;
    if (what !== 'issued') return;
    const hour = Math.floor(at / hourMs);
    this.#hours.set(hour, (this.#hours.get(hour) ?? 0) + 1);
  }

  /** Counts a certificate that an issuer has issued. */
  issuedBy(issuer: string, at: number): void {
    this.count('issued', at);
    this.#issuers.set(issuer, (this.#issuers.get(issuer) ?? 0) + 1);
  }

  /** Notes how long an order has waited for limits. */
  waitedFor(milliseconds: number): void {
    this.#longestWaitMs = Math.max(this.#longestWaitMs, milliseconds);
  }

  /** Notes how much of a limit is taken. */
  used(issuer: string, charge: Charge, bucket: Bucket | undefined, now: number): void {
    const { limit, subject, rule } = charge;
    const taken = rule.capacity - available(bucket, rule, now);
    const share = taken / rule.capacity;
    const key = `${issuer} ${limit}`;
    if (taken === 0 || share <= (this.#uses.get(key)?.share ?? 0)) return;
    const { capacity } = rule;
    this.#uses.set(key, { issuer, limit, subject, capacity, taken, at: iso(now), share });
  }

  /** Returns what was counted, from one time to another. */
  counted(from: number, until: number): Omit<Rehearsal, 'certificates'> {
    const days: RehearsedDay[] = [];
    for (let day = Math.floor(from / dayMs); day * dayMs < until; day += 1) {
      const counts = this.#days.get(day) ?? { issued: 0, failed: 0, waited: 0 };
      days.push({ date: iso(day * dayMs).slice(0, 10), ...counts });
    }
    const [busiest] = [...this.#hours].sort(([, first], [, second]) => second - first);
    const { issued, failed, waited } = this.#totals;
    return {
      ...{ from: iso(from), until: iso(until), issued, failed, days },
      issuers: [...this.#issuers]
        .map(([issuer, count]) => ({ issuer, issued: count }))
        .sort((a, b) => b.issued - a.issued),
      busiestHour: busiest && { at: iso(busiest[0] * hourMs), issued: busiest[1] },
      waits: { orders: waited, longestSeconds: Math.round(this.#longestWaitMs / 1000) },
      budgets: [...this.#uses.values()].map(({ share: _, ...use }) => use),
      outages: this.outages.toSorted(
        (first, second) => Date.parse(first.from) - Date.parse(second.from),
      ),
    };
  }
}
