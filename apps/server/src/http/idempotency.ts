import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { type Clock, systemClock } from '@acmex/clock';
import { errorCode, printable } from '@acmex/errors';
import {
  type Change,
  records,
  schemaCheck,
  type Storage,
  type Stored,
  writeIfUnchanged,
} from '@acmex/storage';
import type { Caller } from '../access/caller.ts';
import { ServerError } from '../errors.ts';
import type { Answer } from './endpoint.ts';
import type { LiveRequest } from './live-request.ts';
import { problemOf } from './problem.ts';
import { type ServerPaths, serverPaths } from './server-paths.ts';
import { Temporal } from 'temporal-polyfill';
import * as z from 'zod';
import { storedTime } from '../stored-time.ts';

export interface RepeatableRequest {
  readonly caller: Caller;
  /** What identifies a repetition among the caller's requests. */
  readonly key: string;
  readonly method: string;
  readonly url: string;
  readonly body: Buffer | undefined;
  /** Whether the answer holds a secret. */
  readonly secret: boolean;
  /** How long the request may wait for an earlier one. */
  readonly live: Pick<LiveRequest, 'signal' | 'reauthenticate'>;
}

/**
 * A request as it is kept for a day: by digests, and with its answer where that holds no secret.
 */
interface Kept {
  readonly request: string;
  readonly at: string;
  /** When the first of several tries came, none of which has succeeded. */
  readonly since?: string | undefined;
  /** Set while it is worked on: the time by which that must have ended. */
  readonly until?: string | undefined;
  readonly answer?:
    | {
        readonly status: number;
        readonly headers?: Readonly<Record<string, string | string[]>> | undefined;
        readonly body?: unknown;
      }
    | undefined;
}

/** Does a request. @param since when its first try came, where that has not succeeded */
export type RepeatableWork = (since?: Temporal.Instant) => Promise<Answer>;

/** Where a request may be stored. */
type Places = Readonly<
  Record<
    'yesterday' | 'today' | 'tomorrow',
    { readonly id: string; readonly stored: Stored<Kept> | undefined }
  >
>;

const requests = records<Kept>({
  kind: 'answer',
  version: 1,
  check: schemaCheck(
    z.looseObject({
      request: z.string(),
      at: storedTime,
      since: storedTime.optional(),
      until: storedTime.optional(),
      answer: z
        .looseObject({
          status: z.int().min(200).max(599),
          headers: z.record(z.string(), z.union([z.string(), z.array(z.string())])).optional(),
          body: z.unknown().optional(),
        })
        .optional(),
    }),
  ),
  under: 'idempotency',
});
const day = 86_400_000;
const longestWork = { minutes: 2 };
const pollInterval = { milliseconds: 100 };

/**
 * Does a request with an `Idempotency-Key` once in 24 hours, however often and from however many at
 * once it comes, and answers each time the same. draft-ietf-httpapi-idempotency-key-header
 */
export class Idempotency {
  readonly #clock: Clock;
  readonly #paths: ServerPaths;
  /** What is at work in this process: all others wait for it without looking. */
  readonly #atWork = new Map<string, Promise<unknown>>();

  constructor(clock: Clock = systemClock, paths: ServerPaths = serverPaths()) {
    this.#clock = clock;
    this.#paths = paths;
  }

  /**
   * @param work is called with the time of the first try, where an earlier one has not succeeded
   * @throws ServerError `ERR_SERVER_IDEMPOTENCY`, `ERR_SERVER_SECRET_ONCE`; and what the work
   * throws
   */
  async once(request: RepeatableRequest, work: RepeatableWork): Promise<Answer> {
    const {
      key,
      caller: {
        tenant: { storage, name },
        id,
      },
    } = request;
    const place = digest(id, key);
    for (;;) {
      const earlier = this.#atWork.get(`${name} ${place}`);
      if (!earlier) break;
      await ended(earlier, request.live.signal);
      await request.live.reauthenticate();
    }
    const doing = this.#once(storage, place, request, work);
    this.#atWork.set(`${name} ${place}`, doing);
    try {
      return await doing;
    } finally {
      this.#atWork.delete(`${name} ${place}`);
    }
  }

  /** Removes what is older than a day. */
  async prune(storage: Storage): Promise<void> {
    const now = this.#clock.now();
    const days = [1, 0, -1].map((ago) => `/${dayOf(now, ago)}/`);
    for await (const { key } of requests.list(storage))
      if (!days.some((day) => key.includes(day))) await storage.write([{ remove: key }]);
  }

  async #once(
    storage: Storage,
    place: string,
    request: RepeatableRequest,
    work: RepeatableWork,
  ): Promise<Answer> {
    const requestDigest = digest(
      request.method,
      request.url,
      createHash('sha256')
        .update(request.body ?? '')
        .digest('hex'),
      // The rights of a key never change; those of a person's tokens do.
      ...(request.caller.id.startsWith('oidc:') ? request.caller.names : []),
    );
    let hasWaited = false;
    for (;;) {
      // Of one moment: a day may begin while the storage is read.
      const now = this.#clock.now();
      const places = await placesOf(storage, place, now);
      const existing = liveIn(places, now);
      if (hasWaited) await request.live.reauthenticate();
      const isSame = existing?.record.request === requestDigest;
      if (existing && !isSame && !hasFailed(existing.record))
        throw new ServerError(
          'ERR_SERVER_IDEMPOTENCY',
          `the Idempotency-Key ${quote(request.key)} was used for another request within 24 hours: use a new key`,
        );
      if (existing?.record.answer) return answerOf(existing.record.answer, request);
      if (
        existing?.record.until !== undefined &&
        Date.parse(existing.record.until) > now.epochMilliseconds
      ) {
        await this.#clock.sleep(pollInterval, { signal: request.live.signal });
        hasWaited = true;
        continue;
      }
      const since = isSame ? (existing.record.since ?? existing.record.at) : undefined;
      const begun: Kept = {
        request: requestDigest,
        at: now.toString(),
        since,
        until: now.add(longestWork).toString(),
      };
      const taken = await storage.write(reservation(places, { existing, begun })).then(
        ([version = '']) => ({ key: requests.key(places.today.id), version, record: begun }),
        (error: unknown) => {
          if (errorCode(error) !== 'ERR_STORAGE_CONFLICT') throw error;
          return undefined;
        },
      );
      if (taken) return await this.#work(storage, taken, request.secret, work);
    }
  }

  /**
   * What was refused for good is an answer too; what failed on our side, or met a limit, may be tried
   * again.
   */
  async #work(
    storage: Storage,
    taken: { readonly key: string; readonly version: string; readonly record: Kept },
    secret: boolean,
    work: RepeatableWork,
  ): Promise<Answer> {
    // Nothing is written when another process has taken over what was worked on for too long.
    const settle = async (reply: Kept['answer']) =>
      await writeIfUnchanged(storage, [
        requests.changed(taken, { ...taken.record, until: undefined, answer: reply }),
      ]);
    const { since } = taken.record;
    const earlier = since === undefined ? undefined : Temporal.Instant.from(since);
    const result = await work(earlier).catch(async (error: unknown) => {
      const { status, body, headers } = problemOf(error, {
        clock: this.#clock,
        paths: this.#paths,
      });
      const isFinal = status >= 400 && status < 500 && status !== 429 && status !== 409;
      const type = { 'content-type': 'application/problem+json' };
      await settle(isFinal ? { status, body, headers: { ...headers, ...type } } : undefined);
      throw error;
    });
    await settle(secret ? { status: result.status } : { ...result });
    return result;
  }
}

/** Returns whether the work of a request has ended without an answer. */
function hasFailed({ until, answer }: Kept): boolean {
  return until === undefined && answer === undefined;
}

/**
 * Reads what is stored of a request today, and on the days around it: a day may have begun since, or
 * at another process earlier than here.
 */
async function placesOf(storage: Storage, place: string, now: Temporal.Instant): Promise<Places> {
  const at = async (ago: number) => {
    const id = `${dayOf(now, ago)}/${place}`;
    return { id, stored: await requests.read(storage, id) };
  };
  const [yesterday, today, tomorrow] = await Promise.all([at(1), at(0), at(-1)]);
  return { yesterday, today, tomorrow };
}

/** Returns the record that is not older than a day, if there is one. */
function liveIn(
  { yesterday, today, tomorrow }: Places,
  { epochMilliseconds: now }: Temporal.Instant,
): Stored<Kept> | undefined {
  return [tomorrow, today, yesterday]
    .map(({ stored }) => stored)
    .find((stored) => stored && now - Date.parse(stored.record.at) < day);
}

function dayOf(now: Temporal.Instant, ago: number): string {
  return now
    .subtract({ hours: 24 * ago })
    .toString()
    .slice(0, 10);
}

/**
 * Returns the changes that take a request to work on. They conflict with those of every other
 * process that takes it: on whichever day that is, it writes or checks the same places.
 * @param taking `existing`: the record of earlier work that has not ended in time, which ends with
 * this
 */
function reservation(
  { yesterday, today, tomorrow }: Places,
  { existing, begun }: { readonly existing: Stored<Kept> | undefined; readonly begun: Kept },
): readonly Change[] {
  const around = [yesterday, tomorrow].map(({ id, stored }): Change =>
    stored && stored === existing
      ? { remove: stored.key, ifVersion: stored.version }
      : { check: requests.key(id), ifVersion: stored?.version ?? null },
  );
  const { id, stored } = today;
  return [stored ? requests.changed(stored, begun) : requests.added(id, begun), ...around];
}

/** Waits for the end of earlier work, whatever it is. Throws the reason of the signal. */
async function ended(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let abort = noop;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
  });
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([work.then(noop, noop), aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function noop(): void {
  /* the request that does the work reports its failure */
}

function answerOf(
  { status, headers, body }: NonNullable<Kept['answer']>,
  { secret, key }: Pick<RepeatableRequest, 'secret' | 'key'>,
): Answer {
  if (secret && status < 400)
    throw new ServerError(
      'ERR_SERVER_SECRET_ONCE',
      `the request with the Idempotency-Key ${quote(key)} was done before; its answer held a secret, which is shown once and not stored`,
    );
  return {
    status,
    headers: { ...headers, 'idempotent-replayed': 'true' },
    body: body as Answer['body'],
  };
}

function quote(key: string): string {
  return JSON.stringify(printable(key, 100));
}

/** Reads the header `Idempotency-Key`. @throws ServerError `ERR_SERVER_REQUEST` */
export function idempotencyKeyIn({
  'idempotency-key': key,
}: IncomingHttpHeaders): string | undefined {
  if (key === undefined) return undefined;
  if (typeof key === 'string' && /^[\x21-\x7e]{1,255}$/.test(key)) return key;
  throw new ServerError(
    'ERR_SERVER_REQUEST',
    'the Idempotency-Key is not valid: write 1 to 255 characters of ASCII without blanks',
    {
      errors: [
        {
          parameter: 'Idempotency-Key',
          detail: 'write 1 to 255 characters of ASCII without blanks',
        },
      ],
    },
  );
}

function digest(...values: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(values)).digest('hex');
}
