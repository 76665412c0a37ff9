import {
  admit,
  type Bucket,
  type CaLimits,
  type Charge,
  chargesOf,
  type ChangedBuckets,
  type Exemption,
  isFull,
  limitNames,
  limitText,
  type OrderEvent,
  settle,
} from '@acmex/budgets';
import type { Clock } from '@acmex/clock';
import { type Change, records, schemaCheck, type Storage, type Stored } from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import * as z from 'zod';
import { OrchestratorError } from './errors.ts';
import { texts } from './record-fields.ts';

/** The limits that orders of an issuer are kept within. */
export interface IssuerBudget {
  /** The CA, the same for all of its accounts: a part of storage keys. */
  readonly ca: string;
  /** The account, the same for all orders that the CA counts together. */
  readonly account: string;
  readonly limits: CaLimits;
  /** The share of the orders, and of the certificates of a domain, that is kept for renewals. */
  readonly renewalShare: number;
  /** See `@acmex/budgets/registered-domain`. */
  readonly registeredDomain: (name: string) => string;
}

/** What an order has taken from the buckets of a CA. */
export interface ChargedOrder {
  /** The name of the issuer. */
  readonly issuer: string;
  /** In canonical form. */
  readonly names: readonly string[];
  readonly exemption?: Exemption | undefined;
}

export const chargedSchema = z.looseObject({
  issuer: z.string(),
  names: texts,
  exemption: z.enum(['window', 'same-names']).optional(),
});

/** A stored bucket of a CA. */
export type BudgetRecord = Bucket & Pick<Charge, 'limit' | 'subject'>;

const budgets = records<BudgetRecord>({
  kind: 'budget',
  version: 1,
  check: schemaCheck(
    z.looseObject({
      limit: z.enum(limitNames as readonly [BudgetRecord['limit'], ...BudgetRecord['limit'][]]),
      subject: z.string(),
      fullAt: z.number(),
      held: z.record(z.string(), z.number()).optional(),
      bookedAt: z.number().optional(),
      bookedAgainAt: z.number().optional(),
    }),
  ),
  under: 'budget',
});

/**
 * Lists the buckets of a CA that were not full when they were last changed.
 * @param options `of`: those of one limit; `limit`: at most so many, no limit by default
 */
export async function* storedBudgets(
  storage: Storage,
  ca: string,
  { of, limit }: { readonly of?: Charge['limit'] | undefined; readonly limit?: number } = {},
): AsyncGenerator<BudgetRecord & { readonly key: string }> {
  const prefix = budgets.key(`${ca}/`);
  const under = of === undefined ? ca : `${ca}/${of}`;
  for await (const { key, record } of budgets.list(storage, { under, limit }))
    yield { key: key.slice(prefix.length), ...record };
}

/** Where an order asks for its budget. */
export interface BudgetedExecution {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly budget: IssuerBudget;
  /** The id of the order. */
  readonly order: string;
}

export interface BudgetRequest {
  readonly charged: ChargedOrder;
  readonly isRenewal: boolean;
  /** The bucket that it has waited for: see `BudgetAnswer`. */
  readonly waitedFor?: string | undefined;
  /** Whether it waits until a time. If it does not, no time is kept for it. */
  readonly waitsUntil: (at: Temporal.Instant) => boolean;
}

/** What an order has got. The changes belong into the write that notes it in the order. */
export interface BudgetAnswer {
  readonly changes: readonly Change[];
  /** Why it cannot be made now; absent where it can. */
  readonly refusal?:
    | {
        /** The bucket in which a time is kept for it; absent where it does not wait. */
        readonly waitsFor?: string | undefined;
        readonly error: OrchestratorError;
      }
    | undefined;
}

/** Holds what an order needs of the buckets of its CA; nothing, where one of them is empty. */
export async function requestBudget(
  { charged, isRenewal, waitedFor = '', waitsUntil }: BudgetRequest,
  execution: BudgetedExecution,
): Promise<BudgetAnswer> {
  const { clock, budget, order } = execution;
  const ofCa = `${budget.ca}/`;
  const charges = chargesIn(charged, budget);
  const present = await readBuckets(charges, execution);
  const { renewalShare } = budget;
  const now = clock.now().epochMilliseconds;
  const admission = admit(charges, (key) => present.get(key)?.record, {
    ...{ now, by: order, isRenewal, renewalShare },
    waitedFor: waitedFor.startsWith(ofCa) ? waitedFor.slice(ofCa.length) : undefined,
  });
  const changes = (buckets: ChangedBuckets) => changesOf(buckets, { charges, present, execution });
  if (admission.isAdmitted) return { changes: changes(admission.buckets) };
  const { limit, subject, rule, key } = admission.charge;
  const at = Temporal.Instant.fromEpochMilliseconds(Math.ceil(admission.at));
  const error = new OrchestratorError(
    'ERR_ORCHESTRATOR_BUDGET',
    `the issuer ${charged.issuer} allows ${limitText(limit, subject, rule)}, and this order can have none before ${at}`,
    { retryAfter: at },
  );
  if (waitsUntil(at))
    return {
      changes: changes(admission.buckets),
      refusal: { waitsFor: `${ofCa}${key}`, error },
    };
  const buckets = new Map([...admission.buckets].filter(([bucket]) => bucket !== key));
  return { changes: changes(buckets), refusal: { error } };
}

/** Returns the changes of the buckets when something has happened to an order. */
export async function settleBudget(
  charged: ChargedOrder,
  event: OrderEvent,
  execution: BudgetedExecution,
): Promise<readonly Change[]> {
  const charges = chargesIn(charged, execution.budget);
  const present = await readBuckets(charges, execution);
  const { clock, order } = execution;
  const changed = settle(charges, (key) => present.get(key)?.record, event, {
    now: clock.now().epochMilliseconds,
    by: order,
  });
  return changesOf(changed, { charges, present, execution });
}

/** Returns the charges of an order. */
export function chargesIn(
  { names, exemption }: ChargedOrder,
  { limits, account, registeredDomain }: IssuerBudget,
): readonly Charge[] {
  return chargesOf({ names, account, exemption }, limits, { registeredDomain });
}

type PresentBuckets = ReadonlyMap<string, Stored<BudgetRecord>>;

/** Reads the buckets of charges. Those of failed validations are few: they are listed. */
async function readBuckets(
  charges: readonly Charge[],
  { storage, budget: { ca } }: BudgetedExecution,
): Promise<PresentBuckets> {
  const present = new Map<string, Stored<BudgetRecord>>();
  const listed = new Set(
    charges.filter(({ counted }) => counted === 'failure').map(({ limit }) => limit),
  );
  const prefix = budgets.key(`${ca}/`);
  for (const limit of listed)
    for await (const stored of budgets.list(storage, { under: `${ca}/${limit}` }))
      present.set(stored.key.slice(prefix.length), stored);
  const single = charges.filter(({ limit }) => !listed.has(limit));
  const read = single.map(async ({ key }) => {
    const stored = await budgets.read(storage, `${ca}/${key}`);
    if (stored) present.set(key, stored);
  });
  await Promise.all(read);
  return present;
}

/** Returns the changes of the storage. A bucket of failures that is full again is removed. */
function changesOf(
  buckets: ChangedBuckets,
  {
    charges,
    present,
    execution: { clock, budget },
  }: {
    readonly charges: readonly Charge[];
    readonly present: PresentBuckets;
    readonly execution: BudgetedExecution;
  },
): readonly Change[] {
  const now = clock.now().epochMilliseconds;
  return [...buckets].flatMap(([key, bucket]): readonly Change[] => {
    const charge = charges.find((candidate) => candidate.key === key);
    if (!charge) return [];
    const stored = present.get(key);
    if (isFull(bucket, now))
      return stored ? [{ remove: stored.key, ifVersion: stored.version }] : [];
    const record = { limit: charge.limit, subject: charge.subject, ...bucket };
    return [
      stored ? budgets.changed(stored, record) : budgets.added(`${budget.ca}/${key}`, record),
    ];
  });
}
