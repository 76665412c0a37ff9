import { refusedCharges } from '@acmex/budgets';
import type { Clock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { identifiers, withoutWildcard } from '@acmex/identifier';
import type { Change, Lock, Storage } from '@acmex/storage';
import { changesInOneWrite, type CertificateSummary, isDue } from './certificate-record.ts';
import { sameNames } from './certificate-spec.ts';
import { namesToOrder } from './failing-names.ts';
import { retryAfterOf } from './failure.ts';
import type { Issuer } from './issuer.ts';
import type { OrderAndCertificate, OrderJournal } from './order-journal.ts';
import {
  type BudgetedExecution,
  type BudgetRequest,
  type ChargedOrder,
  chargesIn,
  requestBudget,
  settleBudget,
} from './order-budget.ts';
import type { OrderRecord } from './order-record.ts';

export interface BudgetedOrderOptions {
  readonly storage: Storage;
  readonly lock: Lock;
  readonly clock: Clock;
  readonly issuer: (name: string) => Promise<Issuer>;
  readonly journal: OrderJournal;
}

/** What has happened to an order at its CA. */
type BudgetEvent =
  { readonly type: 'ordered' | 'issued' } | { readonly type: 'failed'; readonly error?: unknown };

/** A CA knows the names of a certificate for so long after it has issued it. */
const namesKnownMs = 120 * 24 * 3_600_000;
/** As many changes of buckets as fit into a write with the steps of an order, and into its last one. */
const changesWithSteps = 20;
const changesInLastWrite = 4;

/**
 * Keeps an order within the limits of its CA: takes what it needs from the buckets in the write that
 * notes it in the order, and counts what has become of it. An order whose issuer has no limits takes
 * nothing.
 */
export class BudgetedOrder {
  readonly #id: string;
  readonly #options: BudgetedOrderOptions;

  constructor(id: string, options: BudgetedOrderOptions) {
    this.#id = id;
    this.#options = options;
  }

  /**
   * Takes what the order needs before it is made at the CA. What it has taken for other names, or at
   * another CA, is given back.
   * @param options `replaces`: whether it names the certificate that it replaces; `waitsUntil`:
   * whether it waits for this CA until a time, which is then kept for it
   * @throws OrchestratorError `ERR_ORCHESTRATOR_BUDGET`, with the time at which it can be made
   */
  async take(
    issuer: Issuer,
    { order: { record: present }, certificate: { record } }: OrderAndCertificate,
    {
      replaces,
      waitsUntil,
    }: { readonly replaces: boolean; readonly waitsUntil: BudgetRequest['waitsUntil'] },
  ): Promise<void> {
    const { journal } = this.#options;
    const { budget } = issuer;
    if (budget === undefined) return;
    const names = identifiers(namesToOrder(record, present)).map(({ value }) => value);
    let answer: Awaited<ReturnType<typeof requestBudget>> | undefined;
    let charged: ChargedOrder = { issuer: issuer.name, names };
    await journal.change(
      (order) => ({
        ...order,
        charged: answer?.refusal ? undefined : charged,
        waitedFor: answer?.refusal ? (answer.refusal.waitsFor ?? order.waitedFor) : undefined,
      }),
      async (order) => {
        const exemption = order.countsInFull
          ? undefined
          : exemptionOf(record, { names, issuer, replaces, order, now: this.#options.clock.now() });
        charged = { ...charged, exemption };
        if (order.charged && !isSameCharge(order.charged, charged))
          await this.#write(await this.after(order, { type: 'failed' }), 0);
        answer = await requestBudget(
          {
            ...{ charged, isRenewal: record.current !== undefined },
            ...{ waitedFor: order.waitedFor, waitsUntil },
          },
          this.#execution(budget),
        );
        return await this.#write(answer.changes, changesWithSteps);
      },
    );
    if (answer?.refusal) throw answer.refusal.error;
  }

  /**
   * Returns the changes of the buckets after something has happened to the order, for the write that
   * notes it. What does not fit there is written at once.
   */
  async after(
    { charged }: Pick<OrderRecord, 'charged'>,
    event: BudgetEvent,
  ): Promise<readonly Change[]> {
    if (!charged) return [];
    // The limits of an issuer that is not configured any more are not known.
    const issuer = await this.#options.issuer(charged.issuer).catch(() => undefined);
    const budget = issuer?.budget;
    if (!budget) return [];
    const execution = this.#execution(budget);
    const changes =
      event.type === 'failed'
        ? await failedChanges(charged, event.error, execution)
        : await settleBudget(charged, event, execution);
    return await this.#write(changes, changesInLastWrite);
  }

  /** Counts at once what has become of the order, which holds nothing after it. */
  async settle(event: BudgetEvent): Promise<void> {
    await this.#options.journal.change(
      (order) => ({ ...order, charged: undefined }),
      async (order) => await this.after(order, event),
    );
  }

  #execution(budget: NonNullable<Issuer['budget']>): BudgetedExecution {
    const { storage, clock } = this.#options;
    return { storage, clock, budget, order: this.#id };
  }

  /** Writes changes until no more than `limit` are left, and returns those. */
  async #write(changes: readonly Change[], limit: number): Promise<readonly Change[]> {
    let left = changes;
    while (left.length > limit) {
      await this.#options.lock.write(left.slice(0, changesInOneWrite));
      left = left.slice(changesInOneWrite);
    }
    return left;
  }
}

/** Gives back what an order holds; after a refusal, corrects the buckets that it names. */
async function failedChanges(
  charged: ChargedOrder,
  error: unknown,
  execution: BudgetedExecution,
): Promise<readonly Change[]> {
  const until = retryAfterOf(error);
  if (!isLimited(error) || until === undefined)
    return await settleBudget(
      charged,
      { type: 'failed', notValidated: notValidated(error) },
      execution,
    );
  // Also a limit that it was taken to be exempt from.
  const inFull = { ...charged, exemption: undefined };
  const { detail = '' } =
    (error as { readonly problem?: { readonly detail?: string } }).problem ?? {};
  const charges = refusedCharges(
    detail === '' ? String((error as Error).message) : detail,
    chargesIn(inFull, execution.budget),
  );
  return await settleBudget(
    inFull,
    { type: 'limited', charges, until: until.epochMilliseconds },
    execution,
  );
}

/** Whether a CA has refused an order because of a limit. */
export function isLimited(error: unknown): boolean {
  return errorCode(error) === 'ERR_ACME_RATE_LIMITED';
}

/** Returns the names that the CA could not validate. */
function notValidated(error: unknown): readonly string[] {
  const { failures = [] } = (error ?? {}) as {
    readonly failures?: readonly {
      readonly identifier?: { readonly value?: string };
      readonly wildcard?: boolean;
    }[];
  };
  return failures.flatMap(({ identifier, wildcard }) => {
    const { value } = identifier ?? {};
    if (value === undefined) return [];
    return [wildcard ? `*.${withoutWildcard(value)}` : value];
  });
}

function isSameCharge(charged: ChargedOrder, wanted: ChargedOrder): boolean {
  return (
    charged.issuer === wanted.issuer &&
    charged.exemption === wanted.exemption &&
    sameNames(charged.names, wanted.names)
  );
}

/** Returns why a renewal takes less: see `Exemption`. RFC 9773 */
function exemptionOf(
  { current, renewal, issuer: preferred }: CertificateSummary,
  {
    names,
    issuer,
    replaces,
    order,
    now,
  }: {
    readonly names: readonly string[];
    readonly issuer: Issuer;
    readonly replaces: boolean;
    readonly order: OrderRecord;
    readonly now: ReturnType<Clock['now']>;
  },
): ChargedOrder['exemption'] {
  if (!current || (current.issuedFor?.issuer ?? preferred) !== issuer.name) return undefined;
  const issued = identifiers(current.issuedFor?.names ?? []).map(({ value }) => value);
  const { window } = renewal ?? {};
  const isInWindow = window !== undefined && isDue(window.start, now) && !isDue(window.end, now);
  // A certificate that the CA has issued and that was refused has replaced the one in use.
  const isReplaced = (order.refused ?? 0) > 0;
  if (replaces && isInWindow && !isReplaced && issued.some((name) => names.includes(name)))
    return 'window';
  const isKnown = now.epochMilliseconds - Date.parse(current.issuedAt) < namesKnownMs;
  return isKnown && sameNames(issued, names) ? 'same-names' : undefined;
}
