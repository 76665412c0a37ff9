import { randomBytes } from 'node:crypto';
import { type Clock, type DurationInput, milliseconds, systemClock } from '@acmex/clock';
import {
  type Change,
  checkedChanges,
  checkedKey,
  checkedPrefix,
  ConflictError,
  type Entry,
  keyOf,
  type ListOptions,
  type Storage,
  StorageError,
} from '@acmex/storage';
import type { Redis } from 'ioredis';
import { type Connection, connection } from './connection.ts';
import { durabilityOf, type Notice } from './durability.ts';
import { argumentsOf, bytesOf, entryOf } from './entry.ts';
import {
  inPage,
  type IndexedBytes,
  type Keyspace,
  keyspaceOf,
  type Page,
  readable,
  toPage,
} from './keyspace.ts';
import { type Access, checkAddresses, type RedisPlace, targetOf } from './place.ts';
import { evaluate, readPage, writeAll } from './scripts.ts';
import { snapshotOf } from './snapshot.ts';

export type RedisStorageOptions = RedisPlace &
  Access & {
    /**
     * The text in braces at the start of every key in Redis; `acmex` by default. Storages with
     * different prefixes do not see each other.
     */
    readonly prefix?: string | undefined;
    /**
     * Accepts values marked as secret, although anyone who can read the memory or the files of
     * Redis can read them.
     */
    readonly allowPlaintextSecrets?: boolean | undefined;
    /** Allows a Redis on another machine without TLS, or without a password. */
    readonly allowPlaintextConnection?: boolean | undefined;
    /**
     * How long a call may wait for Redis, connecting included; 1 second by default. A call that
     * sends much data gets more time.
     */
    readonly patience?: DurationInput | undefined;
    /** Called with each risk of data loss or exposure, once, when it is detected. */
    readonly onNotice?: ((notice: Notice) => void) | undefined;
    readonly clock?: Clock | undefined;
  };

export interface RedisStorage extends Storage {
  /**
   * Returns the ways in which this Redis could lose acknowledged writes with its current settings.
   *
   * @throws StorageUnavailableError
   */
  durability(): Promise<readonly Notice[]>;
}

/** Size of the first page of a list; each next page is four times as large, up to the maximum. */
const firstPageSize = 32;
const maxPageSize = 1024;

type ReadRange = (
  first: string,
  last: string,
  count: number,
  signal: AbortSignal | undefined,
) => Promise<Page<IndexedBytes>>;

/**
 * Creates a storage in Redis 5 or later. It connects on the first call, and reconnects on the first
 * call after a connection was lost; while Redis is unavailable every call fails within `patience`.
 *
 * @throws StorageError `ERR_STORAGE_PLACE` if the connection would not be safe; `ERR_STORAGE_INPUT`
 * if the prefix is not valid
 */
export function redisStorage(options: RedisStorageOptions): RedisStorage {
  const { allowPlaintextSecrets = false, allowPlaintextConnection = false } = options;
  const target = targetOf(options);
  const keyspace = keyspaceOf(options.prefix ?? 'acmex');
  const notify = notifyOnce(options.onNotice);
  const redis = connection({
    target,
    ourKey: keyspace.index,
    allowPlaintextConnection,
    patience: milliseconds(options.patience ?? { seconds: 1 }),
    clock: options.clock ?? systemClock,
    onConnected: async (client) => (await durabilityOf(client, target.kind)).forEach(notify),
  });
  if (!allowPlaintextConnection) checkAddresses(target);
  plaintextNotices({ allowPlaintextSecrets, allowPlaintextConnection }).forEach(notify);

  const readRange: ReadRange = async (first, last, count, signal) => {
    const range = [first, last, count, inPage, keyspace.entries];
    const read = (client: Redis) => evaluate(client, readPage, [keyspace.index], range);
    return toPage(await redis.run(read, { signal }));
  };

  return {
    async get(key, { signal } = {}) {
      const { entries } = await readRange(`[${checkedKey(key)}`, `[${key}`, 1, signal);
      return entries[0] && entryOf(key, entries[0].bytes);
    },
    list: (prefix, listOptions = {}) => listEntries(readRange, prefix, listOptions),
    snapshot: (readOptions = {}) => snapshotOf(redis, keyspace, readOptions),
    async write(changes, { signal } = {}) {
      signal?.throwIfAborted();
      checkedChanges(changes);
      if (!allowPlaintextSecrets) refuseSecrets(changes);
      return changes.length === 0 ? [] : await writeChanges(redis, keyspace, changes, signal);
    },
    durability: () => redis.run((client) => durabilityOf(client, target.kind)),
    [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
  };
}

/** Returns a callback that passes each notice on at most once. */
function notifyOnce(onNotice: RedisStorageOptions['onNotice']): (notice: Notice) => void {
  const sent = new Set<string>();
  return (notice) => {
    if (sent.has(notice.message)) return;
    sent.add(notice.message);
    onNotice?.(notice);
  };
}

/** Returns a notice for each protection that the options switch off. */
function plaintextNotices(
  allowed: Required<
    Pick<RedisStorageOptions, 'allowPlaintextSecrets' | 'allowPlaintextConnection'>
  >,
): readonly Notice[] {
  const notices: Notice[] = [];
  if (allowed.allowPlaintextConnection)
    notices.push({
      code: 'REDIS_PLAINTEXT_CONNECTION',
      message:
        'The connection to Redis may be without TLS and without a password (allowPlaintextConnection): anyone on the network path can read and change everything.',
    });
  if (allowed.allowPlaintextSecrets)
    notices.push({
      code: 'REDIS_PLAINTEXT_SECRETS',
      message:
        'Redis stores private keys unencrypted (allowPlaintextSecrets): anyone who can read its memory, its files or its backups has them.',
    });
  return notices;
}

async function* listEntries(
  readRange: ReadRange,
  prefix: string,
  { after, limit = Infinity, signal, onCorrupt }: ListOptions,
): AsyncIterable<Entry> {
  signal?.throwIfAborted();
  const below = checkedPrefix(prefix) === '' ? '' : `${prefix}/`;
  // '0' follows '/': the range ends before the first key that begins with neither.
  const end = below === '' ? '+' : `(${prefix}0`;
  let first = below === '' ? '-' : `[${below}`;
  if (after !== undefined && after >= below) first = `(${after}`;
  let left = limit;
  for (let count = firstPageSize; left > 0; count = Math.min(count * 4, maxPageSize)) {
    const { complete, entries } = await readRange(first, end, Math.min(count, left), signal);
    for (const { key, bytes } of entries) {
      signal?.throwIfAborted();
      const entry = readable(() => entryOf(key, bytes), onCorrupt);
      first = `(${key}`;
      if (!entry) continue;
      yield entry;
      left -= 1;
    }
    if (complete) return;
  }
}

/** @throws StorageError `ERR_STORAGE_SECRET` */
function refuseSecrets(changes: readonly Change[]): void {
  const exposed = changes.find((change) => 'set' in change && change.secret);
  if (!exposed) return;
  throw new StorageError(
    'ERR_STORAGE_SECRET',
    `${keyOf(exposed)} is a secret, and Redis stores values unencrypted: wrap the storage in encryptedStorage of @acmex/storage-encrypted, or set \`allowPlaintextSecrets\``,
    { key: keyOf(exposed) },
  );
}

/** @throws ConflictError */
async function writeChanges(
  redis: Connection,
  keyspace: Keyspace,
  changes: readonly Change[],
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  // Random, so that a version is never reused even if Redis loses data.
  const unique = randomBytes(12).toString('base64url');
  const versions = changes.map((_, at) => `${unique}.${at}`);
  const bytes = changes.map((change, at) =>
    'set' in change ? bytesOf(versions[at] ?? unique, change) : undefined,
  );
  const keys = [
    keyspace.index,
    keyspace.snapshots,
    ...changes.map((change) => keyspace.entries + keyOf(change)),
  ];
  const args = changes.flatMap((change, at) => argumentsOf(change, bytes[at]));
  const conflict = await redis.run((client) => evaluate(client, writeAll, keys, args), {
    signal,
    bytes: bytes.reduce((sum, encoded) => sum + (encoded?.length ?? 0), 0),
  });
  if (conflict instanceof Buffer) throw new ConflictError(conflict.toString('latin1'));
  return versions.filter((_, at) => bytes[at] !== undefined);
}
