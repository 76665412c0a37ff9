import { createHash } from 'node:crypto';
import type { Limit } from './bucket.ts';
import { type CaLimits, type LimitName, nameOf } from './limits.ts';

/**
 * Why a renewal takes less: `window`, it names the certificate that it replaces within the window
 * that the CA suggests, and nothing is counted; `same-names`, it has the names of a certificate that
 * the CA has issued before, and counts neither as an order nor for its domains.
 */
export type Exemption = 'window' | 'same-names';

/** An order, as far as limits concern it. */
export interface BudgetedOrder {
  /** In canonical form, each once. */
  readonly names: readonly string[];
  /** Whose account it is; any text that is the same for all orders of an account. */
  readonly account: string;
  readonly exemption?: Exemption | undefined;
}

/** What an order takes from a bucket. */
export interface Charge {
  readonly limit: LimitName;
  /** What the bucket is for: a domain, a name, an account, or names separated by spaces. */
  readonly subject: string;
  /** The bucket's key among those of a CA: two parts of a storage key. */
  readonly key: string;
  readonly rule: Limit;
  /** When the CA counts it; a failure is counted for a name that was not validated. */
  readonly counted: 'order' | 'certificate' | 'failure';
}

const countedAt: Readonly<Record<LimitName, Charge['counted']>> = {
  'new-orders': 'order',
  'certificates-per-domain': 'certificate',
  'certificates-per-name-set': 'certificate',
  'failed-validations': 'failure',
  'consecutive-failed-validations': 'failure',
};
const exemptLimits: Readonly<Record<Exemption, readonly LimitName[]>> = {
  window: [
    'new-orders',
    'certificates-per-domain',
    'certificates-per-name-set',
    'failed-validations',
    'consecutive-failed-validations',
  ],
  'same-names': ['new-orders', 'certificates-per-domain'],
};

/**
 * Returns what an order takes from the buckets of a CA.
 * @param options `registeredDomain`: that of `@acmex/budgets/registered-domain`
 */
export function chargesOf(
  order: BudgetedOrder,
  { limits, exemptsRenewals }: CaLimits,
  { registeredDomain }: { readonly registeredDomain: (name: string) => string },
): readonly Charge[] {
  const { names, account } = order;
  const exemption = exemptsRenewals ? order.exemption : undefined;
  const exempt = exemption === undefined ? [] : exemptLimits[exemption];
  const subjects: Readonly<Record<LimitName, readonly string[]>> = {
    'new-orders': [account],
    'certificates-per-domain': [...new Set(names.map(registeredDomain))],
    'certificates-per-name-set': [[...names].sort().join(' ')],
    'failed-validations': names.map((name) => `${account} ${name}`),
    'consecutive-failed-validations': names.map((name) => `${account} ${name}`),
  };
  return Object.entries(limits).flatMap(([name, rule]) => {
    const limit = name as LimitName;
    return exempt.includes(limit)
      ? []
      : subjects[limit].map((subject) => ({
          limit,
          subject,
          key: `${limit}/${keyOf(subject)}`,
          rule,
          counted: countedAt[limit],
        }));
  });
}

/** Returns the part of a storage key for a subject: the subject where it can be one. */
function keyOf(subject: string): string {
  if (/^[a-z0-9][a-z0-9._-]{0,99}$/.test(subject)) return subject;
  return `~${createHash('sha256').update(subject).digest('hex').slice(0, 40)}`;
}

/**
 * Returns which of the charges of an order a CA has refused it for, by the words of its refusal;
 * none where they do not say it.
 * @param detail of the CA's problem document of the type `rateLimited`
 */
export function refusedCharges(detail: string, charges: readonly Charge[]): readonly Charge[] {
  const text = detail.replaceAll(/https?:\S+/g, ' ').toLowerCase();
  const limit = limitWords.find(([words]) => words.test(text))?.[1];
  const candidates = charges.filter((charge) => charge.limit === limit);
  const named = candidates.filter(({ subject }) => mentions(text, nameOf(subject)));
  if (limit !== 'certificates-per-domain' && limit !== 'failed-validations') return candidates;
  return named.length > 0 || candidates.length > 1 ? named : candidates;
}

/** How CAs say which limit it was: the words of Boulder, and of @acmex/ca. */
const limitWords: readonly (readonly [words: RegExp, limit: LimitName])[] = [
  [/exact(ly)? (this |the same )?set|same set of/, 'certificates-per-name-set'],
  [/failed (authorizations|validations)/, 'failed-validations'],
  [/certificates? .*(already )?issued/, 'certificates-per-domain'],
  [/new orders/, 'new-orders'],
];

function mentions(text: string, name: string): boolean {
  const at = text.indexOf(name);
  if (name === '' || at < 0) return false;
  const [before, after] = [text[at - 1] ?? ' ', text.slice(at + name.length)];
  return !/[a-z0-9_-]/.test(before) && !/^(\.?[a-z0-9_-])/.test(after);
}
