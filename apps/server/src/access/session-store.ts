import { createHmac } from 'node:crypto';
import { type Clock, systemClock, timestamp } from '@acmex/clock';
import { printable } from '@acmex/errors';
import { continuedTrace, eventChange, type EventType, traceIdOf } from '@acmex/orchestrator';
import {
  type Change,
  idOf,
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

/** What the token of a person permits them, who signed in at a provider. */
export interface TokenRights {
  readonly scopes: readonly string[];
  readonly names: readonly string[];
  /** What the provider calls the person. */
  readonly title?: string | undefined;
}

/** The stored record of a browser session, with a digest of its secret. Times are RFC 3339. */
interface SessionRecord {
  readonly digest: string;
  /** The id of the API key whose rights it has, or of the person whose token it has the rights of. */
  readonly key: string;
  /**
   * Of what it depends on: the secret of that key that signed in, or the configuration of the
   * provider.
   */
  readonly keyDigest: string;
  /** What the token permits; absent for a key, whose own rights count. */
  readonly rights?: TokenRights | undefined;
  readonly createdAt: string;
  /** To the minute. */
  readonly lastUsedAt: string;
  /** Its end, however often it is used. */
  readonly expiresAt: string;
  readonly address: string;
  /** What the browser calls itself, cut. */
  readonly userAgent?: string | undefined;
}

export type Session = Omit<SessionRecord, 'digest'> & { readonly id: string };

/** A session that a cookie belongs to. */
export type VerifiedSession = Session & {
  /** What a request that changes something must send beside the cookie. */
  readonly csrf: string;
};

export interface NewSession {
  /** The id of the API key, or of the person. */
  readonly key: string;
  /** Of the key's secret, or of the configuration of the provider. */
  readonly keyDigest: string;
  /** Of a person who signed in at a provider. */
  readonly rights?: TokenRights | undefined;
  readonly address: string;
  readonly userAgent: string | undefined;
}

/** Who ends a session, and why. */
export interface SessionEnd {
  readonly type: 'session_ended' | 'session_revoked';
  readonly by: string;
  /** Where the request came from; absent for the command line. */
  readonly address?: string | undefined;
}

const sessions = records<SessionRecord>({
  kind: 'session',
  version: 1,
  check: schemaCheck(
    z.looseObject({
      digest: z.string().regex(/^[0-9a-f]{64}$/),
      key: z.string().regex(/^(?:key_[0-9a-z]+|oidc:.+)$/),
      keyDigest: z.string().regex(/^[0-9a-f]{64}$/),
      rights: z
        .looseObject({
          scopes: z.array(z.string()),
          names: z.array(z.string()),
          title: z.string().optional(),
        })
        .optional(),
      createdAt: storedTime,
      lastUsedAt: storedTime,
      expiresAt: storedTime,
      address: z.string(),
      userAgent: z.string().optional(),
    }),
  ),
  under: 'session',
});
/** The ids of the sessions of a key, the oldest first: their number has a bound. */
const sessionsOfKeys = records<{ readonly sessions: readonly string[] }>({
  kind: 'list of sessions',
  version: 1,
  check: schemaCheck(z.looseObject({ sessions: z.array(z.string().regex(/^ses_[0-9a-z]{26}$/)) })),
  under: 'sessions-of-key',
});

/** A working day: a stolen cookie is worth nothing the next morning. */
const lifetime = { hours: 12 };
/** How long a session lasts that is not used: as long as a lunch, on a screen that is not locked. */
const idleMs = 3_600_000;
/** How old the stored last use may become: each update is a write. */
const useIntervalMs = 60_000;
/** How many sessions a key has at once. More is a program that signs in again and again. */
const mostSessions = 50;

export interface SessionStoreOptions {
  /** Of the tenant. */
  readonly storage: Storage;
  readonly tenant: string;
  readonly clock?: Clock | undefined;
  /** The trace of the changes; a new one for each by default. W3C Trace Context §3.2 */
  readonly traceparent?: string | undefined;
}

/**
 * The browser sessions of a tenant. A session is valid only while its API key is, or while people
 * sign in at its provider: see callers.
 */
export class SessionStore {
  readonly #storage: Storage;
  readonly #tenant: string;
  readonly #clock: Clock;
  readonly #traceparent: string | undefined;

  constructor({ storage, tenant, clock = systemClock, traceparent }: SessionStoreOptions) {
    this.#storage = storage;
    this.#tenant = tenant;
    this.#clock = clock;
    this.#traceparent = traceparent;
  }

  /**
   * Creates a session. Of a key that has 50, the oldest ends.
   * @returns the session, and the text of its cookie, which is not stored
   */
  async create({
    userAgent,
    ...session
  }: NewSession): Promise<{ readonly session: VerifiedSession; readonly cookie: string }> {
    const secret = newSecret();
    const id = newId('ses', this.#clock);
    const now = this.#clock.now();
    const record: SessionRecord = {
      ...session,
      digest: digestOf(secret),
      createdAt: timestamp(now),
      lastUsedAt: timestamp(now),
      expiresAt: timestamp(now.add(lifetime)),
      ...(userAgent === undefined ? {} : { userAgent: printable(userAgent, 200) }),
    };
    const place = placeOf(session);
    await untilWritten(async () => {
      const list = await sessionsOfKeys.read(this.#storage, place);
      const { remaining, removals } = await this.#withRoom(list?.record.sessions ?? []);
      const all = { sessions: [...remaining, id] };
      await this.#storage.write([
        sessions.added(id, record),
        list ? sessionsOfKeys.changed(list, all) : sessionsOfKeys.added(place, all),
        ...removals,
        this.#event('session_created', { id, ...session }, { by: session.key, ...session }),
      ]);
    });
    const cookie = `${this.#tenant}.${id.slice('ses_'.length)}.${secret}`;
    return { session: { ...toSession(id, record), csrf: csrfOf(secret) }, cookie };
  }

  /**
   * Returns the session that a secret belongs to, where it has not ended; whether its key is valid is
   * not checked. A session that is not there costs the same.
   */
  async verified(id: string, secret: string): Promise<VerifiedSession | undefined> {
    const stored = await sessions.read(this.#storage, id);
    const fits = matches(secret, stored?.record.digest ?? '');
    if (!stored || !fits || this.#hasEnded(stored.record)) return undefined;
    return { ...toSession(id, stored.record), csrf: csrfOf(secret) };
  }

  /** Stores that a session is used now, once a minute at most. */
  async use({ id, lastUsedAt }: Pick<Session, 'id' | 'lastUsedAt'>): Promise<void> {
    const now = this.#clock.now();
    if (now.epochMilliseconds - Date.parse(lastUsedAt) < useIntervalMs) return;
    const stored = await sessions.read(this.#storage, id);
    if (!stored) return;
    // Another request has just stored it, or has ended the session.
    await writeIfUnchanged(this.#storage, [
      sessions.changed(stored, { ...stored.record, lastUsedAt: timestamp(now) }),
    ]);
  }

  /** Lists the sessions that have not ended, the oldest first, whether their keys are valid or not. */
  async *list(): AsyncGenerator<Session> {
    for await (const stored of sessions.list(this.#storage))
      if (!this.#hasEnded(stored.record)) yield toSession(idOf(stored), stored.record);
  }

  /** @throws ServerError `ERR_SERVER_NOT_FOUND` where it has ended, or there was none */
  async get(id: string): Promise<Session> {
    const stored = /^ses_[0-9a-z]{26}$/.test(id)
      ? await sessions.read(this.#storage, id)
      : undefined;
    if (!stored || this.#hasEnded(stored.record))
      throw new ServerError('ERR_SERVER_NOT_FOUND', `there is no session ${JSON.stringify(id)}`);
    return toSession(id, stored.record);
  }

  /** Ends a session. @returns the session; undefined where it has already ended */
  async end(id: string, { type, ...end }: SessionEnd): Promise<Session | undefined> {
    return await untilWritten(async () => {
      const stored = await sessions.read(this.#storage, id);
      if (!stored) return undefined;
      const session = toSession(id, stored.record);
      await this.#storage.write([
        { remove: stored.key, ifVersion: stored.version },
        ...(await this.#unlisted(placeOf(session), [id])),
        this.#event(type, session, end),
      ]);
      return session;
    });
  }

  /** Removes sessions that have ended by themselves. A record that cannot be read stays. */
  async prune(): Promise<void> {
    const ended = new Map<string, string[]>();
    const onCorrupt = () => {
      /* who uses the session gets the error */
    };
    for await (const stored of sessions.list(this.#storage, { onCorrupt })) {
      if (!this.#hasEnded(stored.record)) continue;
      const place = placeOf(stored.record);
      ended.set(place, [...(ended.get(place) ?? []), idOf(stored)]);
    }
    for (const [place, ids] of ended)
      await untilWritten(async () => {
        const removals = ids.map((id): Change => ({ remove: sessions.key(id) }));
        await this.#storage.write([...removals, ...(await this.#unlisted(place, ids))]);
      });
  }

  /** Returns which of a key's sessions stay when one more is created, and what removes the rest. */
  async #withRoom(
    ids: readonly string[],
  ): Promise<{ readonly remaining: readonly string[]; readonly removals: readonly Change[] }> {
    if (ids.length < mostSessions) return { remaining: ids, removals: [] };
    const all = await Promise.all(
      ids.map(async (id) => ({ id, stored: await sessions.read(this.#storage, id) })),
    );
    const live = all.filter(({ stored }) => stored && !this.#hasEnded(stored.record));
    const surplus = live.slice(0, Math.max(0, live.length - mostSessions + 1));
    const remaining = live.slice(surplus.length).map(({ id }) => id);
    const removals = ids
      .filter((id) => !remaining.includes(id))
      .map((id): Change => ({ remove: sessions.key(id) }));
    const events = surplus.flatMap(({ id, stored }) =>
      stored
        ? [this.#event('session_ended', toSession(id, stored.record), { by: stored.record.key })]
        : [],
    );
    return { remaining, removals: [...removals, ...events] };
  }

  /** Returns what removes ids from the list of a key's sessions. */
  async #unlisted(place: string, ids: readonly string[]): Promise<readonly Change[]> {
    const list = await sessionsOfKeys.read(this.#storage, place);
    if (!list) return [];
    const remaining = list.record.sessions.filter((id) => !ids.includes(id));
    return remaining.length === 0
      ? [{ remove: list.key, ifVersion: list.version }]
      : [sessionsOfKeys.changed(list, { sessions: remaining })];
  }

  #hasEnded({ expiresAt, lastUsedAt }: SessionRecord): boolean {
    const now = this.#clock.now().epochMilliseconds;
    return Date.parse(expiresAt) <= now || Date.parse(lastUsedAt) + idleMs <= now;
  }

  #event(
    type: EventType,
    { id, key }: Pick<Session, 'id' | 'key'>,
    { by, address }: Omit<SessionEnd, 'type'>,
  ): Change {
    const traceId = traceIdOf(continuedTrace(this.#traceparent));
    const message = `${id} of ${key}${address === undefined ? '' : ` from ${address}`}`;
    return eventChange({ type, actor: by, message, traceId }, this.#clock);
  }
}

/** Reads the text of a cookie: TENANT, the ULID of a session's id and its secret. */
export function readCookie(
  text: string,
): { readonly tenant: string; readonly id: string; readonly secret: string } | undefined {
  const [, tenant = '', id = '', secret = ''] =
    /^([a-z0-9-]{1,40})\.([0-9a-z]{26})\.([\w-]{43})$/.exec(text) ?? [];
  return secret === '' ? undefined : { tenant, id: `ses_${id}`, secret };
}

/**
 * Returns the token that requests of a page send beside the cookie. It is made of the cookie's
 * secret, so that it need not be stored, and says nothing about it.
 */
function csrfOf(secret: string): string {
  return createHmac('sha256', secret).update('acmex csrf token').digest('base64url');
}

/**
 * Returns where the list of the sessions of a key or a person is. Configured keys share an id, and
 * what a provider calls a person can be any text.
 */
function placeOf({ key, keyDigest }: Pick<SessionRecord, 'key' | 'keyDigest'>): string {
  if (key.startsWith('oidc:')) return `oidc-${digestOf(key)}`;
  return key === configuredKeyId ? `${key}-${keyDigest.slice(0, 16)}` : key;
}

function toSession(id: string, record: SessionRecord): Session {
  return {
    id,
    key: record.key,
    keyDigest: record.keyDigest,
    ...(record.rights ? { rights: record.rights } : {}),
    createdAt: record.createdAt,
    lastUsedAt: record.lastUsedAt,
    expiresAt: record.expiresAt,
    address: record.address,
    userAgent: record.userAgent,
  };
}
