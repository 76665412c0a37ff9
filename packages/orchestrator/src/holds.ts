import { createHash } from 'node:crypto';
import { boundedRetryAfter, type Clock, milliseconds } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import {
  type Change,
  type Records,
  records,
  schemaCheck,
  type Storage,
  type Stored,
  untilWritten,
} from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import { sameNames } from './certificate-spec.ts';
import { OrchestratorError } from './errors.ts';
import { retryAfterOf } from './failure.ts';
import * as z from 'zod';
import { texts, time } from './record-fields.ts';

/** Until when nothing is ordered. Times are RFC 3339. */
interface Hold {
  readonly until: string;
  /** When the CA refused an order; absent in records of earlier versions. */
  readonly at?: string | undefined;
}

/** A hold of the orders for certain names. */
interface NamedHold extends Hold {
  /** `names`: orders for one of them, or for a name below one. `set`: orders for exactly these. */
  readonly applies: 'names' | 'set';
  readonly names: readonly string[];
}

/** Holds of all orders at an issuer, by its name. */
const holdSchema = z.looseObject({ until: time, at: time.optional() });
const holds = records<Hold>({
  kind: 'hold',
  version: 1,
  check: schemaCheck(holdSchema),
  under: 'hold',
});
const namedHolds = records<NamedHold>({
  kind: 'hold of names',
  version: 1,
  check: schemaCheck(holdSchema.extend({ applies: z.enum(['names', 'set']), names: texts })),
  under: 'name-hold',
});

/**
 * The longest time that all orders are held back when the CA does not say what its limit applies
 * to. The refused order is retried when the CA says; after this time another order is tried.
 */
const longestUnnamedHold = { minutes: 5 };
/** A limit that ends sooner than this is not stored. */
const shortestHoldMs = 10_000;

/** What a CA's limit applies to. */
type Limit = { readonly applies: 'issuer' | 'unnamed' } | Pick<NamedHold, 'applies' | 'names'>;

/** An order, as far as a hold may apply to it. */
export interface HeldOrder {
  /** The name of the issuer. */
  readonly issuer: string;
  readonly names: readonly string[];
  /** When the certificate in use expires, if there is one. */
  readonly end: Temporal.Instant | undefined;
}

/**
 * The holds of orders in a storage. After a rate limit, no process with this storage orders what
 * the limit applies to: a domain and the names below it, an exact set of names, or everything at
 * the CA. RFC 8555 §6.6. A hold is obeyed for a day at most, and never until a certificate has
 * expired.
 */
export class Holds {
  readonly #storage: Storage;
  readonly #clock: Clock;

  constructor({ storage, clock }: { readonly storage: Storage; readonly clock: Clock }) {
    this.#storage = storage;
    this.#clock = clock;
  }

  /** @throws OrchestratorError `ERR_ORCHESTRATOR_HELD`, with the time when the hold ends */
  async assertFree({ issuer, names, end }: HeldOrder): Promise<void> {
    const whole = await holds.read(this.#storage, issuer);
    if (whole) this.#assertEnded(whole.record, { end, subject: `the issuer ${issuer}` });
    for (const { record } of await this.#namedHolds(issuer)) {
      if (appliesTo(record, names))
        this.#assertEnded(record, {
          end,
          subject: `the issuer ${issuer}, for ${record.names.slice(0, 3).join(', ')},`,
        });
    }
  }

  /** Stores a hold if the CA has refused the order because of a limit. */
  async note({ issuer, names }: HeldOrder, error: unknown): Promise<void> {
    const now = this.#clock.now();
    const after = retryAfterOf(error);
    const limit = limitOf(error, names);
    if (!limit || !after || after.epochMilliseconds - now.epochMilliseconds < shortestHoldMs)
      return;
    const at = now.toString();
    if ('names' in limit) {
      await this.#holdNames(issuer, {
        ...limit,
        at,
        until: boundedRetryAfter(after, { now }).toString(),
      });
      return;
    }
    const longest = now.add({ milliseconds: milliseconds(longestUnnamedHold) });
    const bounded = boundedRetryAfter(after, { now });
    const until = limit.applies === 'issuer' ? bounded : earlier(bounded, longest);
    await untilWritten(async () => {
      const hold = { at, until: until.toString() };
      await this.#storage.write([await this.#mergedHold(holds, issuer, hold)]);
    });
  }

  /** Stores a hold, and removes those that have ended. */
  async #holdNames(issuer: string, hold: NamedHold): Promise<void> {
    const id = `${issuer}/${digestOf(hold)}`;
    const key = namedHolds.key(id);
    await untilWritten(async () => {
      const change = await this.#mergedHold(namedHolds, id, hold);
      const ended = await this.#endedHolds(issuer);
      await this.#storage.write([...ended.filter(({ remove }) => remove !== key), change]);
    });
  }

  /** Returns the change that stores a hold, which another process may store at the same moment. */
  async #mergedHold<T extends Hold>(kind: Records<T>, id: string, hold: T): Promise<Change> {
    const before = await kind.read(this.#storage, id);
    return before ? kind.changed(before, merged(hold, before.record)) : kind.added(id, hold);
  }

  #assertEnded(
    { until, at }: Hold,
    { end, subject }: { readonly end: HeldOrder['end']; readonly subject: string },
  ): void {
    const wanted = Temporal.Instant.from(until);
    const now = Temporal.Instant.from(at ?? until);
    const bounded = boundedRetryAfter(wanted, { now, end });
    if (Temporal.Instant.compare(bounded, this.#clock.now()) <= 0) return;
    throw new OrchestratorError(
      'ERR_ORCHESTRATOR_HELD',
      `${subject} has limited the rate of orders: nothing is ordered there before ${bounded}`,
      { retryAfter: bounded },
    );
  }

  async #namedHolds(issuer: string): Promise<readonly Stored<NamedHold>[]> {
    const list = [];
    for await (const stored of namedHolds.list(this.#storage, { under: issuer })) list.push(stored);
    return list;
  }

  /** Returns changes that remove holds that have ended. */
  async #endedHolds(
    issuer: string,
  ): Promise<readonly { readonly remove: string; readonly ifVersion: string }[]> {
    const now = this.#clock.now().epochMilliseconds;
    return (await this.#namedHolds(issuer))
      .filter(({ record }) => Date.parse(record.until) <= now)
      .slice(0, 50)
      .map(({ key, version }) => ({ remove: key, ifVersion: version }));
  }
}

/**
 * Returns the hold of a new refusal, which lasts as long as an earlier one. For a certificate that
 * was not held any longer by that one, the new refusal counts from now.
 */
function merged<T extends Hold>(hold: T, before: Hold | undefined): T {
  const isLonger = before !== undefined && Date.parse(before.until) > Date.parse(hold.until);
  return isLonger ? { ...hold, until: before.until } : hold;
}

/**
 * Reads what a refusal applies to: its subproblems and its detail say it, the latter only in words.
 */
function limitOf(error: unknown, names: readonly string[]): Limit | undefined {
  const { status, problem } = (error ?? {}) as Refusal;
  if (errorCode(error) !== 'ERR_ACME_RATE_LIMITED')
    // RFC 9110 §15.6.4: the whole service cannot be used.
    return status === 503 ? { applies: 'issuer' } : undefined;
  const text = String(problem?.detail ?? (error as Error).message).replaceAll(/https?:\S+/g, ' ');
  if (/exact(ly)? (this |the same )?set|same set of/i.test(text)) return { applies: 'set', names };
  const named = namesIn(problem, text).filter((name) =>
    appliesTo({ applies: 'names', names: [name] }, names),
  );
  if (named.length > 0) return { applies: 'names', names: named };
  return { applies: /\baccount\b|service busy/i.test(text) ? 'issuer' : 'unnamed' };
}

/** What a refusal of a CA may have. */
interface Refusal {
  readonly status?: unknown;
  readonly problem?: {
    readonly detail?: unknown;
    readonly identifier?: { readonly value?: unknown };
    readonly subproblems?: readonly { readonly identifier?: { readonly value?: unknown } }[];
  };
}

/** Returns the names that a refusal mentions. */
function namesIn(problem: Refusal['problem'], text: string): readonly string[] {
  const identified = [problem, ...(problem?.subproblems ?? [])]
    .map((entry) => entry?.identifier?.value)
    .filter((value) => typeof value === 'string');
  const mentioned =
    text.match(/[\p{L}\p{N}_*-]+(\.[\p{L}\p{N}_-]+)+|[0-9a-f:]*:[0-9a-f:]+/giu) ?? [];
  const all = identified.length > 0 ? identified : mentioned;
  return [...new Set(all.map((name) => name.toLowerCase()))];
}

/** Whether an order for these names is one that the limit applies to. */
function appliesTo(limit: Pick<NamedHold, 'applies' | 'names'>, names: readonly string[]): boolean {
  if (limit.applies === 'set') return sameNames(limit.names, names);
  return names.some((name) =>
    limit.names.some((limited) => name === limited || name.endsWith(`.${withoutStar(limited)}`)),
  );
}

const withoutStar = (name: string) => name.replace(/^\*\./, '');

function digestOf({ applies, names }: Pick<NamedHold, 'applies' | 'names'>): string {
  return createHash('sha256')
    .update(`${applies} ${[...names].sort().join(' ')}`)
    .digest('hex')
    .slice(0, 24);
}

function earlier(first: Temporal.Instant, second: Temporal.Instant): Temporal.Instant {
  return first.epochMilliseconds < second.epochMilliseconds ? first : second;
}
