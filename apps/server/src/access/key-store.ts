import { type Clock, systemClock, timestamp } from '@acmex/clock';
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
import { ServerError } from '../errors.ts';
import { digestOf, keyText, matches, newSecret } from './api-key.ts';
import type { Scope } from './scopes.ts';
import * as z from 'zod';
import { storedTime } from '../stored-time.ts';

/** An API key as it is kept: its secrets as digests alone. Times are RFC 3339. */
export interface KeyRecord {
  readonly title?: string | undefined;
  readonly scopes: readonly Scope[];
  /** Names that it may use: see `permits`. */
  readonly names: readonly string[];
  /** Deploy targets that it may name, of those of its tenant; all of these where it is absent. */
  readonly deployTargets?: readonly string[] | undefined;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly expiresAt?: string | undefined;
  readonly revokedAt?: string | undefined;
  /** To the hour. */
  readonly lastUsedAt?: string | undefined;
  /** One, or two while it is being rotated. */
  readonly secrets: readonly {
    readonly digest: string;
    readonly createdAt: string;
    readonly expiresAt?: string | undefined;
  }[];
  /** Whether its text is in a file that is deleted when the key is first used. */
  readonly initial?: boolean | undefined;
}

export type ApiKey = Omit<KeyRecord, 'secrets'> & { readonly id: string; readonly secrets: number };
export type NewKey = Pick<
  KeyRecord,
  'title' | 'scopes' | 'names' | 'deployTargets' | 'expiresAt' | 'initial'
>;

/** A key with its text, which is shown this once. */
export interface CreatedKey {
  readonly key: ApiKey;
  readonly text: string;
}

/** What came of the first key: created here, by another process at the same moment, or long ago. */
export type FirstKey =
  | ({ readonly state: 'created' } & CreatedKey)
  | { readonly state: 'created-elsewhere' | 'existing'; readonly id: string };

const keys = records<KeyRecord>({
  kind: 'API key',
  version: 1,
  check: schemaCheck(
    z.looseObject({
      title: z.string().optional(),
      // A newer version may have more scopes.
      scopes: z.array(z.custom<Scope>((value) => typeof value === 'string', 'it is not a text')),
      names: z.array(z.string()),
      deployTargets: z.array(z.string()).optional(),
      createdAt: storedTime,
      createdBy: z.string(),
      expiresAt: storedTime.optional(),
      revokedAt: storedTime.optional(),
      lastUsedAt: storedTime.optional(),
      secrets: z.array(
        z.looseObject({
          digest: z.string().regex(/^[0-9a-f]{64}$/),
          createdAt: storedTime,
          expiresAt: storedTime.optional(),
        }),
      ),
      initial: z.boolean().optional(),
    }),
  ),
  under: 'api-key',
});
/**
 * The last first key of a tenant. Its version changes with each first key, so that of two processes
 * that find no key only one creates it.
 */
const firstKeys = records<{ readonly id: string }>({
  kind: 'first API key',
  version: 1,
  check: schemaCheck(z.looseObject({ id: z.string() })),
  under: 'first-api-key',
});
const firstKeyId = 'latest';
const hour = 3_600_000;

export interface KeyStoreOptions {
  /** Of the tenant. */
  readonly storage: Storage;
  readonly tenant: string;
  readonly clock?: Clock | undefined;
  /** The trace of the changes; a new one for each by default. W3C Trace Context §3.2 */
  readonly traceparent?: string | undefined;
}

/** The API keys of a tenant. */
export class KeyStore {
  readonly #traceparent: string | undefined;
  readonly #storage: Storage;
  readonly #tenant: string;
  readonly #clock: Clock;

  constructor({ storage, tenant, clock = systemClock, traceparent }: KeyStoreOptions) {
    this.#traceparent = traceparent;
    this.#storage = storage;
    this.#tenant = tenant;
    this.#clock = clock;
  }

  async create(key: NewKey, by: string): Promise<CreatedKey> {
    const { changes, created } = this.#newKey(key, by);
    await this.#storage.write(changes);
    return created;
  }

  /** Creates a key where there is none that can be used: also of several processes only one does. */
  async createFirst(key: NewKey, by: string): Promise<FirstKey> {
    let isRepeated = false;
    return await untilWritten(async (): Promise<FirstKey> => {
      const last = await firstKeys.read(this.#storage, firstKeyId);
      const id = await this.findUnrevoked();
      if (id !== undefined) {
        const isNew = isRepeated && last?.record.id === id;
        return { state: isNew ? 'created-elsewhere' : 'existing', id };
      }
      isRepeated = true;
      const { changes, created } = this.#newKey(key, by);
      const first = { id: created.key.id };
      await this.#storage.write([
        ...changes,
        last ? firstKeys.changed(last, first) : firstKeys.added(firstKeyId, first),
      ]);
      return { state: 'created', ...created };
    });
  }

  /** Returns the id of a key that was not revoked, if there is one. */
  async findUnrevoked(): Promise<string | undefined> {
    for await (const { id, revokedAt } of this.list()) if (revokedAt === undefined) return id;
    return undefined;
  }

  async *list(): AsyncGenerator<ApiKey> {
    for await (const stored of keys.list(this.#storage))
      yield toApiKey(idOf(stored), stored.record);
  }

  /** @throws ServerError `ERR_SERVER_NOT_FOUND` */
  async get(id: string): Promise<ApiKey> {
    return toApiKey(id, (await this.#stored(id)).record);
  }

  /** Returns whether a caller can still come with this id; true for an id that is not of a key. */
  async isValid(id: string): Promise<boolean> {
    if (!id.startsWith('key_')) return true;
    const stored = await keys.read(this.#storage, id);
    return stored !== undefined && this.#isLive(stored.record);
  }

  /**
   * Another secret; the one before is taken for a while longer. A third makes the first end at
   * once.
   */
  async rotate(
    id: string,
    grace: { readonly milliseconds: number },
    by: string,
  ): Promise<CreatedKey> {
    const secret = newSecret();
    const now = this.#clock.now();
    const key = await this.#change(id, 'api_key_changed', by, (record) => {
      if (!this.#isLive(record))
        throw new ServerError('ERR_SERVER_NOT_FOUND', `the API key ${id} has ended: make another`);
      const last = record.secrets.at(-1);
      const valid =
        last && grace.milliseconds > 0 ? [{ ...last, expiresAt: now.add(grace).toString() }] : [];
      return {
        ...record,
        initial: undefined,
        secrets: [...valid, { digest: digestOf(secret), createdAt: now.toString() }],
      };
    });
    return { key, text: keyText({ tenant: this.#tenant, id, secret }) };
  }

  async expire(id: string, at: string, by: string): Promise<ApiKey> {
    return await this.#change(id, 'api_key_changed', by, (record) => ({
      ...record,
      expiresAt: at,
    }));
  }

  async revoke(id: string, by: string): Promise<ApiKey> {
    return await this.#change(id, 'api_key_revoked', by, (record) => ({
      ...record,
      revokedAt: record.revokedAt ?? this.#now(),
    }));
  }

  /**
   * The key that a secret belongs to, where it is live. A key that is not there costs the same.
   * Stores the use, once an hour at most.
   * @throws StorageError `ERR_STORAGE_UNAVAILABLE` where the use cannot be stored
   */
  async verified(
    id: string,
    secret: string,
  ): Promise<(ApiKey & { readonly firstUse: boolean }) | undefined> {
    const stored = await keys.read(this.#storage, id);
    const secrets = stored?.record.secrets ?? [];
    const known = [0, 1].map((at) => ({
      expiresAt: secrets[at]?.expiresAt,
      fits: matches(secret, secrets[at]?.digest ?? ''),
    }));
    const good = known.some(({ expiresAt, fits }) => fits && !this.#isOver(expiresAt));
    if (!stored || !good || !this.#isLive(stored.record)) return undefined;
    const { record } = stored;
    const used = record.lastUsedAt === undefined ? -Infinity : Date.parse(record.lastUsedAt);
    const firstUse = record.initial === true;
    if (firstUse || this.#clock.now().epochMilliseconds - used > hour) {
      // Another request has just stored a use, or has changed the key.
      await writeIfUnchanged(this.#storage, [
        keys.changed(stored, { ...record, initial: undefined, lastUsedAt: this.#now() }),
      ]);
    }
    return { ...toApiKey(id, record), firstUse };
  }

  /** The key, where it is live and one of its secrets has this digest. Counts as no use. */
  async withSecret(id: string, digest: string): Promise<ApiKey | undefined> {
    const stored = await keys.read(this.#storage, id);
    const secret = stored?.record.secrets.find((candidate) => candidate.digest === digest);
    if (!stored || !secret || this.#isOver(secret.expiresAt) || !this.#isLive(stored.record))
      return undefined;
    return toApiKey(id, stored.record);
  }

  #newKey(
    key: NewKey,
    by: string,
  ): { readonly changes: readonly Change[]; readonly created: CreatedKey } {
    const id = newId('key', this.#clock);
    const secret = newSecret();
    const createdAt = this.#now();
    const record: KeyRecord = {
      ...key,
      createdAt,
      createdBy: by,
      secrets: [{ digest: digestOf(secret), createdAt }],
    };
    return {
      changes: [keys.added(id, record), this.#event('api_key_created', id, by)],
      created: {
        key: toApiKey(id, record),
        text: keyText({ tenant: this.#tenant, id, secret }),
      },
    };
  }

  #isLive({ revokedAt, expiresAt }: KeyRecord): boolean {
    return revokedAt === undefined && !this.#isOver(expiresAt);
  }

  #isOver(at: string | undefined): boolean {
    return at !== undefined && Date.parse(at) <= this.#clock.now().epochMilliseconds;
  }

  async #stored(id: string) {
    const stored = /^key_[0-9a-z]{26}$/.test(id) ? await keys.read(this.#storage, id) : undefined;
    if (!stored)
      throw new ServerError('ERR_SERVER_NOT_FOUND', `there is no API key ${JSON.stringify(id)}`);
    return stored;
  }

  async #change(
    id: string,
    type: EventType,
    by: string,
    to: (record: KeyRecord) => KeyRecord,
  ): Promise<ApiKey> {
    return await untilWritten(async () => {
      const stored = await this.#stored(id);
      const record = to(stored.record);
      await this.#storage.write([keys.changed(stored, record), this.#event(type, id, by)]);
      return toApiKey(id, record);
    });
  }

  #event(type: EventType, id: string, actor: string) {
    const traceId = traceIdOf(continuedTrace(this.#traceparent));
    return eventChange({ type, actor, message: id, traceId }, this.#clock);
  }

  #now(): string {
    return timestamp(this.#clock.now());
  }
}

function toApiKey(id: string, { secrets, ...record }: KeyRecord): ApiKey {
  return { id, ...record, secrets: secrets.length };
}
