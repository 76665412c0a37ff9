import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { type Clock, systemClock } from '@acmex/clock';
import { errorCode, printable } from '@acmex/errors';
import { records, schemaCheck, type Storage, writeIfUnchanged } from '@acmex/storage';
import type { Caller } from '../access/caller.ts';
import { ServerError } from '../errors.ts';
import type { Answer } from './endpoint.ts';
import type { LiveRequest } from './live-request.ts';
import { problemOf } from './problem.ts';
import { z } from 'zod';
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
  /** Set while it is worked on: the time by which that must have ended. */
  readonly until?: string | undefined;
  readonly answer?:
    | {
        readonly status: number;
        readonly headers?: Readonly<Record<string, string>> | undefined;
        readonly body?: unknown;
      }
    | undefined;
}

const requests = records<Kept>({
  kind: 'answer',
  version: 1,
  check: schemaCheck(
    z.looseObject({
      request: z.string(),
      at: storedTime,
      until: storedTime.optional(),
      answer: z
        .looseObject({
          status: z.int().min(200).max(599),
          headers: z.record(z.string(), z.string()).optional(),
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
  /** What is at work in this process: all others wait for it without looking. */
  readonly #atWork = new Map<string, Promise<unknown>>();

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /**
   * @throws ServerError `ERR_SERVER_IDEMPOTENCY`, `ERR_SERVER_SECRET_ONCE`; and what the work
   * throws
   */
  async once(request: RepeatableRequest, work: () => Promise<Answer>): Promise<Answer> {
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
    const today = this.#day(0);
    const yesterday = this.#day(1);
    for await (const { key } of requests.list(storage))
      if (!key.includes(`/${today}/`) && !key.includes(`/${yesterday}/`))
        await storage.write([{ remove: key }]);
  }

  async #once(
    storage: Storage,
    place: string,
    request: RepeatableRequest,
    work: () => Promise<Answer>,
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
      const existing = await this.#find(storage, place);
      if (hasWaited) await request.live.reauthenticate();
      if (existing && existing.record.request !== requestDigest)
        throw new ServerError(
          'ERR_SERVER_IDEMPOTENCY',
          `the Idempotency-Key ${quote(request.key)} was used for another request within 24 hours: use a new key`,
        );
      if (existing?.record.answer) return answerOf(existing.record.answer, request);
      const now = this.#clock.now();
      if (
        existing?.record.until !== undefined &&
        Date.parse(existing.record.until) > now.epochMilliseconds
      ) {
        await this.#clock.sleep(pollInterval, { signal: request.live.signal });
        hasWaited = true;
        continue;
      }
      const begun: Kept = {
        request: requestDigest,
        at: now.toString(),
        until: now.add(longestWork).toString(),
      };
      const change = existing
        ? requests.changed(existing, begun)
        : requests.added(`${this.#day(0)}/${place}`, begun);
      const taken = await storage.write([change]).then(
        ([version = '']) => ({ key: 'set' in change ? change.set : '', version, record: begun }),
        (error: unknown) => {
          if (errorCode(error) !== 'ERR_STORAGE_CONFLICT') throw error;
          return undefined;
        },
      );
      if (taken) return await this.#work(storage, taken, request.secret, work);
    }
  }

  /** What was refused for good is an answer too; what failed on our side may be tried again. */
  async #work(
    storage: Storage,
    taken: { readonly key: string; readonly version: string; readonly record: Kept },
    secret: boolean,
    work: () => Promise<Answer>,
  ): Promise<Answer> {
    // Nothing is written when another process has taken over what was worked on for too long.
    const settle = async (reply: Kept['answer']) =>
      await writeIfUnchanged(storage, [
        reply
          ? requests.changed(taken, { ...taken.record, until: undefined, answer: reply })
          : { remove: taken.key, ifVersion: taken.version },
      ]);
    const result = await work().catch(async (error: unknown) => {
      const { status, body, headers } = problemOf(error);
      const isFinal = status >= 400 && status < 500 && status !== 429 && status !== 409;
      const type = { 'content-type': 'application/problem+json' };
      await settle(isFinal ? { status, body, headers: { ...headers, ...type } } : undefined);
      throw error;
    });
    await settle(secret ? { status: result.status } : { ...result });
    return result;
  }

  async #find(storage: Storage, place: string) {
    for (const ago of [0, 1]) {
      const stored = await requests.read(storage, `${this.#day(ago)}/${place}`);
      if (stored && this.#clock.now().epochMilliseconds - Date.parse(stored.record.at) < day)
        return stored;
    }
    return undefined;
  }

  #day(ago: number): string {
    return this.#clock
      .now()
      .subtract({ hours: 24 * ago })
      .toString()
      .slice(0, 10);
  }
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
