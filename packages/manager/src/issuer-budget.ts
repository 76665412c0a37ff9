import { available, type CaLimits, type LimitName, wellKnownLimits } from '@acmex/budgets';
import { type IssuerBudget, storedBudgets } from '@acmex/orchestrator';
import type { Storage } from '@acmex/storage';
import { directoryName } from './directory-name.ts';

/** The limits of a CA, as settings have them: what is absent is as the CA is known to have it. */
export type LimitSettings = Partial<CaLimits> & {
  /**
   * The share of the orders, and of the certificates of a domain, that is kept for renewals: 0 to
   * 0.9; 0.1 by default.
   */
  readonly renewalShare?: number | undefined;
};

/** An issuer, as far as its limits are concerned. */
export interface LimitedIssuer {
  readonly directory: string;
  readonly accountName?: string | undefined;
  readonly limits?: LimitSettings | undefined;
}

const usualRenewalShare = 0.1;

/** Returns the limits of the CA of an issuer; undefined where none are known. */
export function limitsOf({ directory, limits: settings }: LimitedIssuer): CaLimits | undefined {
  const known = Object.hasOwn(wellKnownLimits, directory) ? wellKnownLimits[directory] : undefined;
  if (!settings) return known;
  const { renewalShare, ...changed } = settings;
  const isLimited = Object.values(changed).some((value) => value !== undefined);
  if (!known && !isLimited) return undefined;
  const present = Object.fromEntries(
    Object.entries(changed).filter(([, value]) => value !== undefined),
  );
  return {
    exemptsRenewals: false,
    ...known,
    ...present,
    limits: { ...known?.limits, ...settings.limits },
  };
}

/** Returns the share of the limits of an issuer that is kept for renewals: 0 to 1. */
export function renewalShareOf({ limits }: LimitedIssuer): number {
  return limits?.renewalShare ?? usualRenewalShare;
}

/** Returns the CA and the account of an issuer, as its budget is stored by them. */
export function budgetPlace({
  directory,
  accountName,
}: LimitedIssuer): Pick<IssuerBudget, 'ca' | 'account'> {
  return { ca: directoryName(directory), account: directoryName(directory, accountName) };
}

/** Returns the budget that orders of an issuer are kept within; undefined without limits. */
export async function issuerBudget(issuer: LimitedIssuer): Promise<IssuerBudget | undefined> {
  const limits = limitsOf(issuer);
  if (!limits) return undefined;
  // The list of public suffixes is large: it is loaded where it is needed.
  const { registeredDomain } = await import('@acmex/budgets/registered-domain');
  return {
    ...budgetPlace(issuer),
    limits,
    renewalShare: renewalShareOf(issuer),
    registeredDomain,
  };
}

/** How much of a limit is left. */
export interface BudgetStatus {
  readonly limit: LimitName;
  /** The domain, the name or the names that it is for; absent for the orders of the account. */
  readonly subject?: string | undefined;
  readonly capacity: number;
  readonly available: number;
  /** When it is full again if nothing is taken, RFC 3339; absent where it is full. */
  readonly fullAt?: string | undefined;
}

/** Those with at most this share left are nearly used up. */
const nearlyUsedUp = 0.2;
/** How many buckets of a limit are read. */
const readOfLimit = 1000;
/** How many buckets are returned. */
const longestStatus = 50;

/**
 * Returns how much is left of the orders of an issuer's account, and of each limit that is nearly
 * used up, the least first; undefined for a CA whose limits are not known. The CA is not asked.
 */
export async function budgetStatus(
  storage: Storage,
  issuer: LimitedIssuer,
  { now }: { readonly now: number },
): Promise<readonly BudgetStatus[] | undefined> {
  const limits = limitsOf(issuer);
  if (!limits) return undefined;
  const { ca, account } = budgetPlace(issuer);
  const statuses: BudgetStatus[] = [];
  const orders = limits.limits['new-orders'];
  let ofAccount: BudgetStatus | undefined = orders && {
    limit: 'new-orders',
    capacity: orders.capacity,
    available: orders.capacity,
  };
  for (const [name, rule] of Object.entries(limits.limits)) {
    const of = name as LimitName;
    for await (const bucket of storedBudgets(storage, ca, { of, limit: readOfLimit })) {
      const status = {
        limit: of,
        capacity: rule.capacity,
        available: available(bucket, rule, now),
        fullAt: bucket.fullAt > now ? new Date(Math.ceil(bucket.fullAt)).toISOString() : undefined,
      };
      if (of === 'new-orders') ofAccount = bucket.subject === account ? status : ofAccount;
      else if (status.available <= rule.capacity * nearlyUsedUp)
        statuses.push({ ...status, subject: bucket.subject.replace(`${account} `, '') });
    }
  }
  statuses.sort((a, b) => a.available / a.capacity - b.available / b.capacity);
  return [...(ofAccount ? [ofAccount] : []), ...statuses.slice(0, longestStatus)];
}
