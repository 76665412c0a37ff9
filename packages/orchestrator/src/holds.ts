import { createHash } from 'node:crypto';
import { boundedRetryAfter, type Clock, milliseconds } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { records, schemaCheck, type Storage, type Stored, untilWritten } from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import { type BreakerUser, Breakers, limitObstacle, type Obstacle } from './breaker.ts';
import { sameNames } from './certificate-spec.ts';
import { retryAfterOf } from './failure.ts';
import { isAnswered, issuerFault, type IssuerFault } from './issuer-fault.ts';
import * as z from 'zod';
import { texts, time } from './record-fields.ts';

/** A hold of the orders for certain names. Times are RFC 3339. */
interface NamedHold {
  readonly until: string;
  /** When the CA refused an order; absent in records of earlier versions. */
  readonly at?: string | undefined;
  /** `names`: orders for one of them, or for a name below one. `set`: orders for exactly these. */
  readonly applies: 'names' | 'set';
  readonly names: readonly string[];
  /** Whether the limit is one of failed validations, which another issuer would have too. */
  readonly isOfFailures?: boolean | undefined;
}

const namedHolds = records<NamedHold>({
  kind: 'hold of names',
  version: 1,
  check: schemaCheck(
    z.looseObject({
      until: time,
      at: time.optional(),
      applies: z.enum(['names', 'set']),
      names: texts,
      isOfFailures: z.boolean().optional(),
    }),
  ),
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
export interface HeldOrder extends BreakerUser {
  readonly names: readonly string[];
}

/**
 * What keeps orders back, in a storage that all processes share. After a rate limit, no process
 * orders what the limit applies to: a domain and the names below it, an exact set of names, or
 * everything at the CA, which is what the issuer's breaker is for. RFC 8555 §6.6. A hold is obeyed
 * for a day at most, and never until a certificate has expired.
 */
export class Holds {
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #breakers: Breakers;

  constructor({ storage, clock }: { readonly storage: Storage; readonly clock: Clock }) {
    this.#storage = storage;
    this.#clock = clock;
    this.#breakers = new Breakers({ storage, clock });
  }

  /**
   * Returns why an order must not be made now. Where it may, call `note` when it has failed and
   * `succeeded` when the CA has done its part.
   */
  async obstacle(wanted: HeldOrder): Promise<Obstacle | undefined> {
    const { issuer, names } = wanted;
    for (const { record } of await this.#namedHolds(issuer)) {
      const held = appliesTo(record, names) ? this.#obstacleOf(record, wanted) : undefined;
      if (held) return held;
    }
    return await this.#breakers.obstacle(wanted);
  }

  /** Stores what a failure says about the CA, and returns it. */
  async note(wanted: HeldOrder, error: unknown): Promise<IssuerFault> {
    const fault = issuerFault(error);
    // RFC 9110 §15.6.4: the whole service cannot be used, for as long as it says.
    const isPaused = (error as Refusal).status === 503 && retryAfterOf(error) !== undefined;
    if (fault === 'limit' || fault === 'failed-validations' || isPaused)
      await this.#noteLimit(wanted, error, fault === 'failed-validations');
    else if (fault === 'outage') await this.#breakers.failed(wanted, error);
    else if (fault === 'action') await this.#breakers.actionRequired(wanted, error);
    else if (isAnswered(error)) await this.#breakers.succeeded(wanted);
    else await this.#breakers.released(wanted);
    return fault;
  }

  /** Notes that the CA works. */
  async succeeded(wanted: HeldOrder): Promise<void> {
    await this.#breakers.succeeded(wanted);
  }

  async #noteLimit(wanted: HeldOrder, error: unknown, isOfFailures: boolean): Promise<void> {
    const { issuer, names } = wanted;
    const now = this.#clock.now();
    const after = retryAfterOf(error);
    const limit = limitOf(error, names);
    if (!limit || !after || after.epochMilliseconds - now.epochMilliseconds < shortestHoldMs)
      return await this.#breakers.released(wanted);
    const until = boundedRetryAfter(after, { now });
    if ('names' in limit) {
      const times = { at: now.toString(), until: until.toString() };
      await this.#holdNames(issuer, { ...limit, ...times, isOfFailures });
      return await this.#breakers.released(wanted);
    }
    const longest = now.add({ milliseconds: milliseconds(longestUnnamedHold) });
    const end = limit.applies === 'issuer' ? until : earlier(until, longest);
    await this.#breakers.limited(wanted, end, error);
  }

  /** Stores a hold, and removes those that have ended. */
  async #holdNames(issuer: string, hold: NamedHold): Promise<void> {
    const id = `${issuer}/${digestOf(hold)}`;
    const key = namedHolds.key(id);
    await untilWritten(async () => {
      const before = await namedHolds.read(this.#storage, id);
      const change = before
        ? namedHolds.changed(before, merged(hold, before.record))
        : namedHolds.added(id, hold);
      const ended = await this.#endedHolds(issuer);
      await this.#storage.write([...ended.filter(({ remove }) => remove !== key), change]);
    });
  }

  #obstacleOf(
    { until, at, names, isOfFailures }: NamedHold,
    { issuer, end }: HeldOrder,
  ): Obstacle | undefined {
    const wanted = Temporal.Instant.from(until);
    const bounded = boundedRetryAfter(wanted, { now: Temporal.Instant.from(at ?? until), end });
    const now = this.#clock.now();
    if (Temporal.Instant.compare(bounded, now) <= 0) return undefined;
    const subject = `the issuer ${issuer}, for ${names.slice(0, 3).join(', ')},`;
    const obstacle = limitObstacle(subject, { until: bounded, now });
    return isOfFailures ? { ...obstacle, advice: 'wait' } : obstacle;
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
function merged(hold: NamedHold, before: NamedHold): NamedHold {
  const isLonger = Date.parse(before.until) > Date.parse(hold.until);
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
