import { type Clock, systemClock, timestamp } from '@acmex/clock';
import { continuedTrace, eventChange, type EventType, traceIdOf } from '@acmex/orchestrator';
import {
  newId,
  records,
  schemaCheck,
  type Storage,
  untilWritten,
  writeIfUnchanged,
} from '@acmex/storage';
import * as z from 'zod';
import { ServerError } from '../errors.ts';
import { storedTime } from '../stored-time.ts';
import { configuredKeyId, digestOf, matches, newSecret } from './api-key.ts';

/** The stored record of a calendar token, with a digest of its secret. Times are RFC 3339. */
interface TokenRecord {
  readonly id: string;
  readonly digest: string;
  /** Of the secret of the API key that has made it. */
  readonly keyDigest: string;
  /** What people call it. */
  readonly title?: string | undefined;
  readonly createdAt: string;
  /** To the hour. */
  readonly lastUsedAt?: string | undefined;
}

/** The tokens of an API key, the oldest first. */
interface TokensOfKey {
  /** The id of the key. */
  readonly key: string;
  readonly tokens: readonly TokenRecord[];
}

/** A token that reads the calendar with the names of an API key, and nothing else. */
export type CalendarToken = Omit<TokenRecord, 'digest'> & { readonly key: string };

export interface NewCalendarToken {
  /** The id of the API key. */
  readonly key: string;
  /** Of the key's secret. */
  readonly keyDigest: string;
  readonly title?: string | undefined;
}

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const tokensOfKeys = records<TokensOfKey>({
  kind: 'calendar tokens of a key',
  version: 1,
  check: schemaCheck(
    z.looseObject({
      key: z.string().regex(/^key_[0-9a-z]+$/),
      tokens: z.array(
        z.looseObject({
          id: z.string().regex(/^cal_[0-9a-z]{26}$/),
          digest,
          keyDigest: digest,
          title: z.string().optional(),
          createdAt: storedTime,
          lastUsedAt: storedTime.optional(),
        }),
      ),
    }),
  ),
  under: 'calendar-tokens-of-key',
});
/** How many tokens a key has at once. */
const mostTokens = 20;
const hourMs = 3_600_000;

export interface CalendarTokenStoreOptions {
  /** Of the tenant. */
  readonly storage: Storage;
  readonly tenant: string;
  readonly clock?: Clock | undefined;
  /** The trace of the changes; a new one for each by default. W3C Trace Context §3.2 */
  readonly traceparent?: string | undefined;
}

/** The calendar tokens of a tenant. A token is valid only while its API key is: see callers. */
export class CalendarTokenStore {
  readonly #storage: Storage;
  readonly #tenant: string;
  readonly #clock: Clock;
  readonly #traceparent: string | undefined;

  constructor({ storage, tenant, clock = systemClock, traceparent }: CalendarTokenStoreOptions) {
    this.#storage = storage;
    this.#tenant = tenant;
    this.#clock = clock;
    this.#traceparent = traceparent;
  }

  /**
   * Creates a token.
   * @returns the token, and its text, which is not stored
   * @throws ServerError `ERR_SERVER_QUOTA` for a key that has 20
   */
  async create({
    key,
    keyDigest,
    title,
  }: NewCalendarToken): Promise<{ readonly token: CalendarToken; readonly text: string }> {
    const secret = newSecret();
    const place = placeOf({ key, keyDigest });
    const record: TokenRecord = {
      id: newId('cal', this.#clock),
      digest: digestOf(secret),
      keyDigest,
      ...(title === undefined ? {} : { title }),
      createdAt: timestamp(this.#clock.now()),
    };
    await untilWritten(async () => {
      const stored = await tokensOfKeys.read(this.#storage, place);
      const tokens = stored?.record.tokens ?? [];
      if (tokens.length >= mostTokens)
        throw new ServerError(
          'ERR_SERVER_QUOTA',
          `the API key ${key} has ${mostTokens} calendar tokens, and may have no more: revoke some`,
        );
      const all = { key, tokens: [...tokens, record] };
      await this.#storage.write([
        stored ? tokensOfKeys.changed(stored, all) : tokensOfKeys.added(place, all),
        this.#event('calendar_token_created', { id: record.id, key, by: key }),
      ]);
    });
    const text = `cal_${this.#tenant}.${place.slice('key_'.length)}.${secret}`;
    return { token: toToken(key, record), text };
  }

  /**
   * Returns the token that a secret belongs to; whether its key is valid is not checked. A place
   * without tokens costs the same.
   */
  async verified(place: string, secret: string): Promise<CalendarToken | undefined> {
    const stored = await tokensOfKeys.read(this.#storage, place);
    const { tokens = [], key = '' } = stored?.record ?? {};
    // All are compared, whichever fits.
    const fitting = Array.from({ length: mostTokens }, (_, index) => tokens[index]).filter(
      (token) => matches(secret, token?.digest ?? ''),
    );
    const [token] = fitting;
    if (!stored || !token) return undefined;
    const now = this.#clock.now();
    if (now.epochMilliseconds - Date.parse(token.lastUsedAt ?? '1970-01-01T00:00:00Z') > hourMs) {
      const used = { ...token, lastUsedAt: timestamp(now) };
      const all = tokens.map((each) => (each === token ? used : each));
      // Another request has just stored a use or a change of the tokens.
      await writeIfUnchanged(this.#storage, [tokensOfKeys.changed(stored, { key, tokens: all })]);
    }
    return toToken(key, token);
  }

  /** Lists all tokens, whether their keys are valid or not. */
  async *list(): AsyncGenerator<CalendarToken> {
    for await (const { record } of tokensOfKeys.list(this.#storage))
      for (const token of record.tokens) yield toToken(record.key, token);
  }

  /** @throws ServerError `ERR_SERVER_NOT_FOUND` where it was revoked, or there was none */
  async get(id: string): Promise<CalendarToken> {
    for await (const token of this.list()) if (token.id === id) return token;
    throw noCalendarToken(id);
  }

  /** Revokes a token. One that is revoked stays so. @param by who revokes it */
  async revoke({ id, ...token }: CalendarToken, by: string): Promise<void> {
    await untilWritten(async () => {
      const stored = await tokensOfKeys.read(this.#storage, placeOf(token));
      const remaining = stored?.record.tokens.filter((each) => each.id !== id) ?? [];
      if (!stored || remaining.length === stored.record.tokens.length) return;
      await this.#storage.write([
        remaining.length === 0
          ? { remove: stored.key, ifVersion: stored.version }
          : tokensOfKeys.changed(stored, { ...stored.record, tokens: remaining }),
        this.#event('calendar_token_revoked', { id, key: token.key, by }),
      ]);
    });
  }

  /**
   * Removes the tokens whose keys have ended. A record that cannot be read stays.
   * @param hasEnded whether the key of a token is never valid again
   */
  async prune(hasEnded: (token: CalendarToken) => Promise<boolean>): Promise<void> {
    const onCorrupt = () => {
      /* who uses the token gets the error */
    };
    for await (const stored of tokensOfKeys.list(this.#storage, { onCorrupt })) {
      const { key, tokens } = stored.record;
      const ended = await Promise.all(tokens.map((token) => hasEnded(toToken(key, token))));
      if (!ended.includes(true)) continue;
      const remaining = tokens.filter((_, index) => !ended[index]);
      // Where a request has just changed them, the next time removes what has ended.
      await writeIfUnchanged(this.#storage, [
        remaining.length === 0
          ? { remove: stored.key, ifVersion: stored.version }
          : tokensOfKeys.changed(stored, { key, tokens: remaining }),
      ]);
    }
  }

  #event(
    type: EventType,
    { id, key, by }: { readonly id: string; readonly key: string; readonly by: string },
  ) {
    const traceId = traceIdOf(continuedTrace(this.#traceparent));
    return eventChange({ type, actor: by, message: `${id} of ${key}`, traceId }, this.#clock);
  }
}

/** Returns the error of a token that is not there, for the caller at least. */
export function noCalendarToken(id: string): ServerError {
  return new ServerError('ERR_SERVER_NOT_FOUND', `there is no calendar token ${id}`);
}

/** Reads the text of a token: TENANT, the place of the tokens of its key, and its secret. */
export function readCalendarToken(
  text: string,
): { readonly tenant: string; readonly place: string; readonly secret: string } | undefined {
  const [, tenant = '', place = '', secret = ''] =
    /^cal_([a-z0-9-]{1,40})\.([0-9a-z]{26}|configured-[0-9a-f]{16})\.([\w-]{43})$/.exec(text) ?? [];
  return secret === '' ? undefined : { tenant, place: `key_${place}`, secret };
}

/** Returns where the tokens of a key are. Configured keys share an id. */
function placeOf({ key, keyDigest }: Pick<CalendarToken, 'key' | 'keyDigest'>): string {
  return key === configuredKeyId ? `${key}-${keyDigest.slice(0, 16)}` : key;
}

function toToken(
  key: string,
  { id, keyDigest, title, createdAt, lastUsedAt }: TokenRecord,
): CalendarToken {
  return { id, key, keyDigest, title, createdAt, lastUsedAt };
}
