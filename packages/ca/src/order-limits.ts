import { type Clock, milliseconds } from '@acmex/clock';
import { type Identifier, withoutWildcard } from '@acmex/identifier';
import type { OrderRecord } from './order-records.ts';
import { type Bucket, tooManyRequests } from './rate-limits.ts';

/**
 * Limits of orders and certificates, as Let's Encrypt has them; each is absent where there is none.
 * A renewal that names the certificate it replaces within its window (RFC 9773) is exempt from all
 * of them; one with the names of a certificate of the last 120 days from the first two. They are
 * counted in this process.
 */
export interface OrderLimits {
  /** Orders of an account. */
  readonly orders?: Bucket | undefined;
  /** Certificates with names of a domain, of all accounts. */
  readonly certificatesPerDomain?: Bucket | undefined;
  /** Certificates for exactly the same names, of all accounts. */
  readonly certificatesPerNames?: Bucket | undefined;
  /** Failed validations of a name, of an account. */
  readonly failedValidations?: Bucket | undefined;
  /** Returns the domain that a name counts for. */
  readonly domainOf: (name: string) => string;
}

/** What has been ordered and issued, against limits. */
export interface CountedOrders {
  /** Counts an order. @throws Refusal `rateLimited` */
  add(order: {
    readonly account: string;
    readonly names: readonly Identifier[];
    /** Whether it names the certificate that it replaces, within its window. */
    readonly isInWindow: boolean;
  }): void;
  /** Counts a certificate. */
  issued(order: OrderRecord): void;
  failed(account: string, name: string): void;
}

type Exemption = 'all' | 'orders-and-domains' | 'nothing';
const namesKnownMs = 120 * 24 * 3_600_000;

export function countedOrders(limits: OrderLimits, clock: Clock): CountedOrders {
  return new OrderCounts(limits, clock);
}

class OrderCounts implements CountedOrders {
  readonly #limits: OrderLimits;
  readonly #clock: Clock;
  readonly #tokens: TokenCounts;
  /** When the names of a certificate were last issued, in milliseconds. */
  readonly #issuedAt = new Map<string, number>();
  readonly #exemptions = new Map<string, Exemption>();

  constructor(limits: OrderLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
    this.#tokens = new TokenCounts(clock);
  }

  add({ account, names, isInWindow }: Parameters<CountedOrders['add']>[0]): void {
    const set = setOf(names);
    const exemption = isInWindow ? 'all' : this.#exemptionOf(set);
    if (exemption !== 'all') this.#checkNames(account, names);
    if (exemption === 'nothing') this.#takeOrder(account, names);
    this.#exemptions.set(`${account} ${set}`, exemption);
  }

  issued({ account, identifiers }: OrderRecord): void {
    const set = setOf(identifiers);
    const exemption = this.#exemptions.get(`${account} ${set}`) ?? 'nothing';
    this.#issuedAt.set(set, this.#clock.now().epochMilliseconds);
    if (exemption !== 'all') this.#tokens.take(this.#limits.certificatesPerNames, set);
    if (exemption !== 'nothing') return;
    for (const domain of this.#domainsOf(identifiers))
      this.#tokens.take(this.#limits.certificatesPerDomain, domain);
  }

  failed(account: string, name: string): void {
    this.#tokens.take(this.#limits.failedValidations, `${account} ${name}`);
  }

  #exemptionOf(set: string): Exemption {
    const since = this.#clock.now().epochMilliseconds - namesKnownMs;
    return (this.#issuedAt.get(set) ?? -Infinity) > since ? 'orders-and-domains' : 'nothing';
  }

  #checkNames(account: string, names: readonly Identifier[]): void {
    const { failedValidations: failed, certificatesPerNames: perNames } = this.#limits;
    for (const name of names) {
      const value = withoutWildcard(name.value);
      const detail = `too many failed validations (${failed?.tokens}) for "${value}"`;
      this.#tokens.check(failed, `${account} ${value}`, detail);
    }
    const detail = `too many certificates (${perNames?.tokens}) already issued for this exact set of identifiers`;
    this.#tokens.check(perNames, setOf(names), detail);
  }

  #takeOrder(account: string, names: readonly Identifier[]): void {
    const { certificatesPerDomain: perDomain, orders } = this.#limits;
    for (const domain of this.#domainsOf(names)) {
      const detail = `too many certificates (${perDomain?.tokens}) already issued for "${domain}"`;
      this.#tokens.check(perDomain, domain, detail);
    }
    const key = `account ${account}`;
    this.#tokens.check(orders, key, `too many new orders (${orders?.tokens}) from this account`);
    this.#tokens.take(orders, key);
  }

  #domainsOf(names: readonly Identifier[]): ReadonlySet<string> {
    return new Set(names.map(({ value }) => this.#limits.domainOf(value)));
  }
}

/** How many tokens each bucket has. A bucket may be overdrawn by what was ordered before. */
class TokenCounts {
  readonly #clock: Clock;
  readonly #counts = new Map<string, { readonly tokens: number; readonly at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws Refusal `rateLimited` where a bucket has no token */
  check(bucket: Bucket | undefined, key: string, detail: string): void {
    if (!bucket) return;
    const left = this.#left(bucket, key);
    const pace = milliseconds(bucket.every) / bucket.tokens;
    // A token that is there in less than a millisecond is there.
    if ((1 - left) * pace >= 1)
      throw tooManyRequests(Math.ceil(((1 - left) * pace) / 1000), detail);
  }

  take(bucket: Bucket | undefined, key: string): void {
    if (bucket)
      this.#counts.set(key, {
        tokens: this.#left(bucket, key) - 1,
        at: this.#clock.now().epochMilliseconds,
      });
  }

  #left({ tokens, every }: Bucket, key: string): number {
    const last = this.#counts.get(key);
    if (!last) return tokens;
    const since = this.#clock.now().epochMilliseconds - last.at;
    return Math.min(tokens, last.tokens + (since * tokens) / milliseconds(every));
  }
}

function setOf(names: readonly Identifier[]): string {
  return names
    .map(({ type, value }) => `${type} ${value}`)
    .sort()
    .join(' ');
}
