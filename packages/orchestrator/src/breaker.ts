import { boundedRetryAfter, type Clock, milliseconds } from '@acmex/clock';
import { printable } from '@acmex/errors';
import {
  type Change,
  idOf,
  records,
  schemaCheck,
  type Storage,
  type Stored,
  untilWritten,
} from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import * as z from 'zod';
import { OrchestratorError } from './errors.ts';
import { eventChange } from './events.ts';
import { failureOf, type ReadFailure } from './failure.ts';
import { count, time } from './record-fields.ts';

/** Why an issuer is not used. `action`: its CA wants a person to act. */
export const unavailableCauses = ['limit', 'outage', 'action'] as const;
type Cause = (typeof unavailableCauses)[number];

/** What is known of an issuer that has failed. Times are RFC 3339. */
export interface BreakerRecord {
  /** `counting`: it has failed, and is used. `open`: nothing is ordered there before `until`. */
  readonly state: 'counting' | 'open';
  readonly cause: Cause;
  readonly until: string;
  /** The last failure; absent in records of earlier versions. */
  readonly at?: string | undefined;
  /** The first failure in a row. */
  readonly since?: string | undefined;
  /** Failures in a row, for an outage. */
  readonly failures?: number | undefined;
  /** How often in a row it has opened. */
  readonly openings?: number | undefined;
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  /** The order that tries the issuer after `until`, and how long the others wait for it. */
  readonly probe?: { readonly order: string; readonly until: string } | undefined;
}

const breakers = records<BreakerRecord>({
  kind: 'hold',
  version: 1,
  check: schemaCheck(
    z.looseObject({
      // Records of earlier versions, which have neither, are holds after a limit.
      state: z.enum(['counting', 'open']).default('open'),
      cause: z.enum(unavailableCauses).default('limit'),
      until: time,
      at: time.optional(),
      since: time.optional(),
      failures: count.optional(),
      openings: count.optional(),
      code: z.string().optional(),
      message: z.string().optional(),
      probe: z.looseObject({ order: z.string(), until: time }).optional(),
    }),
  ),
  under: 'hold',
});

/** So many failures in a row open a breaker, where the first is at least so long ago. */
const failuresToOpen = 3;
const shortestOutageMs = 60_000;
/** A failure does not count any more after this time without a further one. */
const forgottenAfterMs = 3_600_000;
/** The first pause after an outage, which doubles each time, and the longest one. */
const firstPauseMs = 60_000;
const longestPauseMs = 3_600_000;
/** When an order finds out again whether a person has acted. */
const actionPause = { hours: 1 };
/** How long an order may try an issuer before another may try too. */
const probeTime = { minutes: 5 };
/** After this time the orders that wait for it look again. */
const probePause = { seconds: 30 };
/** A limit that ends sooner is waited for: the order does not move to another issuer. */
const shortestMoveMs = 600_000;

/** Why an order is not sent to an issuer now. */
export interface Obstacle {
  /** Its `retryAfter` is when the order is tried again. */
  readonly error: OrchestratorError;
  /**
   * `move`: another issuer is used where there is one. `move-if-late`: only for an order that cannot
   * wait until then, as for a limit that is counted here. `wait`: it is over soon.
   */
  readonly advice: 'move' | 'move-if-late' | 'wait';
}

/** An order that wants to use an issuer. */
export interface BreakerUser {
  readonly issuer: string;
  /** The id of the order. */
  readonly order: string;
  /** When the certificate in use expires, if there is one. */
  readonly end: Temporal.Instant | undefined;
  /** Whether a person wants it now, so that an outage is found out again. */
  readonly isForced?: boolean | undefined;
}

/** An issuer that is not used at present, or tried by one order. */
export interface UnavailableIssuer {
  readonly issuer: string;
  readonly cause: Cause;
  /** RFC 3339; absent where an earlier version has stored it. */
  readonly since?: string | undefined;
  /** When an order tries it again, RFC 3339. */
  readonly until: string;
  readonly code?: string | undefined;
  /** For a person. Text from a server in it is data. */
  readonly message?: string | undefined;
}

/** Returns the issuers of a storage that are not used at present, in the order of their names. */
export async function unavailableIssuers(storage: Storage): Promise<readonly UnavailableIssuer[]> {
  const issuers: UnavailableIssuer[] = [];
  for await (const stored of breakers.list(storage)) {
    const { state, cause, since, until, code, message } = stored.record;
    if (state === 'open')
      issuers.push({ issuer: idOf(stored), cause, since, until, code, message });
  }
  return issuers;
}

/**
 * A circuit breaker for each issuer, in the storage that all processes share. It opens at once when
 * the CA limits everything that an account orders, for as long as the CA says, and after three
 * failures in a row during at least a minute when the CA does not answer or answers 5xx. While it is
 * open, nothing is ordered there. After that one order tries the issuer: its success closes the
 * breaker, its failure opens it again, for a minute at first and twice as long each time, up to an
 * hour. Where the CA wants a person to act, it opens at once, and one order tries it each hour: most
 * CAs do not say when the person has acted. No breaker is obeyed until a certificate has expired.
 */
export class Breakers {
  readonly #storage: Storage;
  readonly #clock: Clock;

  constructor({ storage, clock }: { readonly storage: Storage; readonly clock: Clock }) {
    this.#storage = storage;
    this.#clock = clock;
  }

  /** Returns when an issuer may be asked again; undefined where it may be asked now. */
  async openUntil(issuer: string): Promise<Temporal.Instant | undefined> {
    const { record } = (await breakers.read(this.#storage, issuer)) ?? {};
    if (record?.state !== 'open') return undefined;
    const until = Temporal.Instant.from(record.until);
    return Temporal.Instant.compare(until, this.#clock.now()) > 0 ? until : undefined;
  }

  /**
   * Returns why an order must not use an issuer now. Where it may, because the pause is over, it is
   * the order that tries the issuer: call `succeeded`, `failed` or `released` afterwards.
   */
  async obstacle(user: BreakerUser): Promise<Obstacle | undefined> {
    return await untilWritten(async () => {
      const stored = await breakers.read(this.#storage, user.issuer);
      if (!stored) return undefined;
      const { obstacle, tried } = breakerFor(stored.record, user, this.#clock.now());
      if (tried) await this.#storage.write([breakers.changed(stored, tried)]);
      return obstacle;
    });
  }

  /** Lets the next order try an issuer that has not worked: a person wants to know now. */
  async tryNow(issuer: string): Promise<void> {
    await untilWritten(async () => {
      const stored = await breakers.read(this.#storage, issuer);
      if (stored?.record.state !== 'open' || stored.record.cause === 'limit') return;
      const until = this.#clock.now().toString();
      const next = { ...stored.record, until, probe: undefined };
      await this.#storage.write([breakers.changed(stored, next)]);
    });
  }

  /** Notes that an order could not be made because the CA does not work. */
  async failed(user: BreakerUser, error: unknown): Promise<void> {
    const failure = failureOf(error);
    const now = this.#clock.now();
    await this.#change(user.issuer, (before) => breakerAfterFailure(before, failure, now));
  }

  /** Notes that the CA accepts no order before a moment, which an earlier, longer limit outlasts. */
  async limited({ issuer }: BreakerUser, until: Temporal.Instant, error: unknown): Promise<void> {
    const at = this.#clock.now().toString();
    const { code, message } = failureOf(error);
    await this.#change(issuer, (before) => {
      const wasOpen = before?.state === 'open';
      const isLonger = wasOpen && Date.parse(before.until) > until.epochMilliseconds;
      return {
        ...{ state: 'open', cause: 'limit', at, code, message },
        since: (wasOpen ? before.since : undefined) ?? at,
        until: isLonger ? before.until : until.toString(),
        openings: wasOpen ? before.openings : undefined,
      };
    });
  }

  /** Notes that the CA issues nothing until a person has acted. RFC 8555 §7.3.3 */
  async actionRequired({ issuer }: BreakerUser, error: unknown): Promise<void> {
    const now = this.#clock.now();
    const { code, message } = failureOf(error);
    await this.#change(issuer, (before) => ({
      ...{ state: 'open', cause: 'action', at: now.toString(), code, message },
      since: (before?.cause === 'action' ? before.since : undefined) ?? now.toString(),
      until: now.add({ milliseconds: milliseconds(actionPause) }).toString(),
    }));
  }

  /**
   * Notes that the CA works: it has issued, or refused an order for a reason of the order. A limit
   * that lasts is only ended by its time.
   */
  async succeeded({ issuer }: BreakerUser): Promise<void> {
    await untilWritten(async () => {
      const stored = await breakers.read(this.#storage, issuer);
      if (!stored) return;
      const { state, cause, until, since } = stored.record;
      const isLasting = Date.parse(until) > this.#clock.now().epochMilliseconds;
      if (state === 'open' && cause === 'limit' && isLasting) return;
      const message = `it answers again; it did not since ${since ?? until}`;
      await this.#storage.write([
        { remove: stored.key, ifVersion: stored.version },
        ...(state === 'open'
          ? [eventChange({ type: 'issuer_available', issuer, message }, this.#clock)]
          : []),
      ]);
    });
  }

  /** Notes that an order has not found out whether the CA works, so that another order tries it. */
  async released({ issuer, order }: BreakerUser): Promise<void> {
    await untilWritten(async () => {
      const stored = await breakers.read(this.#storage, issuer);
      if (stored?.record.probe?.order !== order) return;
      const change = breakers.changed(stored, { ...stored.record, probe: undefined });
      await this.#storage.write([change]);
    });
  }

  /** Writes the next record, with an event where the breaker opens. */
  async #change(
    issuer: string,
    next: (before: BreakerRecord | undefined) => BreakerRecord,
  ): Promise<void> {
    await untilWritten(async () => {
      const stored = await breakers.read(this.#storage, issuer);
      const record = next(stored?.record);
      const opens =
        record.state === 'open' &&
        (stored?.record.state !== 'open' ||
          (record.cause === 'action' && stored.record.cause !== 'action'));
      await this.#storage.write([
        changeOf(issuer, stored, record),
        ...(opens ? [openedEvent(issuer, record, this.#clock)] : []),
      ]);
    });
  }
}

/**
 * Returns why an order must not use an issuer now. Where it may because the pause is over, it is the
 * order that tries the issuer: `tried` is the record that says so.
 */
export function breakerFor(
  record: BreakerRecord,
  user: BreakerUser,
  now: Temporal.Instant,
): { readonly obstacle?: Obstacle; readonly tried?: BreakerRecord } {
  if (record.state !== 'open') return {};
  const until = obeyedUntil(record, user);
  if (Temporal.Instant.compare(until, now) > 0 && !(user.isForced && record.cause !== 'limit'))
    return { obstacle: obstacleOf(user.issuer, record, { until, now }) };
  // It does not end the pause for the others.
  if (Date.parse(record.until) > now.epochMilliseconds) return {};
  const isTried =
    record.probe !== undefined &&
    record.probe.order !== user.order &&
    Date.parse(record.probe.until) > now.epochMilliseconds;
  if (isTried && !user.isForced) return { obstacle: probedObstacle(user.issuer, now) };
  const probe = { order: user.order, until: now.add(probeTime).toString() };
  return { tried: { ...record, probe } };
}

/** Returns the breaker of an issuer after an order has failed because the CA does not work. */
export function breakerAfterFailure(
  before: BreakerRecord | undefined,
  { code, message, retryAfter }: Pick<ReadFailure, 'code' | 'message' | 'retryAfter'>,
  now: Temporal.Instant,
): BreakerRecord {
  const nowMs = now.epochMilliseconds;
  const isRecent = before?.at !== undefined && nowMs - Date.parse(before.at) <= forgottenAfterMs;
  const isContinued = before !== undefined && (isRecent || before.state === 'open');
  const failures = (isContinued ? (before.failures ?? 0) : 0) + 1;
  const since = (isContinued ? before.since : undefined) ?? now.toString();
  const isLong = nowMs - Date.parse(since) >= shortestOutageMs;
  const wasOpen = before?.state === 'open';
  const counted = { failures, since, at: now.toString(), code, message };
  if (!wasOpen && (failures < failuresToOpen || !isLong))
    return { ...counted, state: 'counting', cause: 'outage', until: now.toString() };
  const openings = (wasOpen ? (before.openings ?? 0) : 0) + 1;
  const pause = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(openings - 1, 20));
  const allowed = retryAfter && boundedRetryAfter(retryAfter, { now });
  const until = new Date(Math.max(nowMs + pause, allowed?.epochMilliseconds ?? 0));
  return { ...counted, openings, state: 'open', cause: 'outage', until: until.toISOString() };
}

function changeOf(
  issuer: string,
  stored: Stored<BreakerRecord> | undefined,
  record: BreakerRecord,
): Change {
  return stored ? breakers.changed(stored, record) : breakers.added(issuer, record);
}

function openedEvent(
  issuer: string,
  { cause, code, message, until }: BreakerRecord,
  clock: Clock,
): Change {
  if (cause === 'action')
    return eventChange({ type: 'user_action_required', issuer, code, message }, clock);
  const text = `nothing is ordered there before ${until}: ${message ?? 'it has limited orders'}`;
  return eventChange({ type: 'issuer_unavailable', issuer, code, message: text }, clock);
}

/** Returns until when the breaker counts for a certificate, which must not expire meanwhile. */
function obeyedUntil({ until, at }: BreakerRecord, { end }: BreakerUser): Temporal.Instant {
  const now = Temporal.Instant.from(at ?? until);
  return boundedRetryAfter(Temporal.Instant.from(until), { now, end });
}

function obstacleOf(
  issuer: string,
  { cause, since, message }: BreakerRecord,
  { until, now }: { readonly until: Temporal.Instant; readonly now: Temporal.Instant },
): Obstacle {
  if (cause === 'limit') return limitObstacle(`the issuer ${issuer}`, { until, now });
  const last = printable(message ?? '', 500);
  if (cause === 'action')
    return {
      advice: 'move',
      error: new OrchestratorError(
        'ERR_ORCHESTRATOR_ACTION_REQUIRED',
        `the CA of the issuer ${issuer} issues nothing until a person acts: ${last}`,
        { retryAfter: until },
      ),
    };
  return {
    advice: 'move',
    error: new OrchestratorError(
      'ERR_ORCHESTRATOR_CA_UNAVAILABLE',
      `the issuer ${issuer} has not worked since ${since ?? 'an unknown time'}, and is not tried before ${until}. The last failure: ${last}`,
      { retryAfter: until },
    ),
  };
}

/** Returns the obstacle of a limit. One that ends soon is waited for. */
export function limitObstacle(
  subject: string,
  { until, now }: { readonly until: Temporal.Instant; readonly now: Temporal.Instant },
): Obstacle {
  const isLong = until.epochMilliseconds - now.epochMilliseconds >= shortestMoveMs;
  return {
    advice: isLong ? 'move-if-late' : 'wait',
    error: new OrchestratorError(
      'ERR_ORCHESTRATOR_HELD',
      `${subject} has limited the rate of orders: nothing is ordered there before ${until}`,
      { retryAfter: until },
    ),
  };
}

function probedObstacle(issuer: string, now: Temporal.Instant): Obstacle {
  const until = now.add({ milliseconds: milliseconds(probePause) });
  return {
    advice: 'wait',
    error: new OrchestratorError(
      'ERR_ORCHESTRATOR_CA_UNAVAILABLE',
      `another order finds out whether the issuer ${issuer} works again: this one is tried at ${until}`,
      { retryAfter: until },
    ),
  };
}
