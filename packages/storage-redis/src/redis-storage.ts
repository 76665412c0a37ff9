import { randomBytes } from 'node:crypto';
import { type Clock, type DurationInput, milliseconds, systemClock } from '@acmex/clock';
import {
  checkedChanges,
  checkedKey,
  checkedPrefix,
  ConflictError,
  keyOf,
  type Storage,
  StorageError,
} from '@acmex/storage';
import type { Redis } from 'ioredis';
import { connection } from './connection.ts';
import { durabilityOf, type Notice } from './durability.ts';
import { argumentsOf, bytesOf, entryOf } from './entry.ts';
import { entriesIn, inPage, keyspaceOf, readable } from './keyspace.ts';
import { type Access, checkedAddress, type RedisPlace, targetOf } from './place.ts';
import { evaluate, readPage, writeAll } from './scripts.ts';
import { snapshotOf } from './snapshot.ts';

export type RedisStorageOptions = RedisPlace &
  Access & {
    /** What stands in braces before every key in Redis; `acmex` by default. Storages with different prefixes do not see each other. */
    readonly prefix?: string | undefined;
    /** Takes values marked as secret, though whoever reads the memory or the files of Redis reads them. */
    readonly allowPlaintextSecrets?: boolean | undefined;
    /** Speaks in clear, or without a password, with a Redis on another machine. */
    readonly allowPlaintextConnection?: boolean | undefined;
    /** How long a call may wait for Redis, connecting included; 1 second by default. What sends much may take longer. */
    readonly patience?: DurationInput | undefined;
    /** Is told what could be lost or read by others: each thing once, when it is known. */
    readonly onNotice?: ((notice: Notice) => void) | undefined;
    readonly clock?: Clock | undefined;
  };

export interface RedisStorage extends Storage {
  /** What this Redis could lose of what it has acknowledged, by its settings at the moment. @throws StorageUnavailableError */
  durability(): Promise<readonly Notice[]>;
}

/** Entries that a list asks for at first; then four times as many, up to the last. */
const [fewest, most] = [32, 1024];

/**
 * A storage in Redis 5 or later. Connects with the first call, and anew with the first call after a connection was lost;
 * while Redis is away every call fails within `patience`.
 * @throws StorageError `ERR_STORAGE_PLACE` where it would not be safe to speak with this Redis; `ERR_STORAGE_INPUT` for a prefix
 */
export function redisStorage(options: RedisStorageOptions): RedisStorage {
  const {
    prefix = 'acmex',
    allowPlaintextSecrets = false,
    allowPlaintextConnection = false,
    patience = { seconds: 1 },
    onNotice,
    clock = systemClock,
  } = options;
  const target = targetOf(options);
  const keyspace = keyspaceOf(prefix);
  const said = new Set<string>();
  const say = (notice: Notice) => {
    if (said.has(notice.message)) return;
    said.add(notice.message);
    onNotice?.(notice);
  };
  const greet = async (redis: Redis) => (await durabilityOf(redis, target.kind)).forEach(say);
  const redis = connection({
    target,
    ourKey: keyspace.index,
    allowPlaintextConnection,
    patience: milliseconds(patience),
    clock,
    greet,
  });

  if (!allowPlaintextConnection)
    target.addresses.forEach((address) => checkedAddress(address, target));
  else
    say({
      code: 'REDIS_PLAINTEXT_CONNECTION',
      message:
        'Redis may be spoken to in clear and without a password (allowPlaintextConnection): whoever is on the way reads and changes everything.',
    });
  if (allowPlaintextSecrets)
    say({
      code: 'REDIS_PLAINTEXT_SECRETS',
      message:
        'Private keys lie in Redis unencrypted (allowPlaintextSecrets): whoever reads its memory, its files or its backups has them.',
    });

  const pageOf = async (
    first: string,
    last: string,
    count: number,
    signal: AbortSignal | undefined,
  ) =>
    entriesIn(
      await redis.run(
        (client) =>
          evaluate(
            client,
            readPage,
            [keyspace.index],
            [first, last, count, inPage, keyspace.entries],
          ),
        { signal },
      ),
    );

  return {
    async get(key, { signal } = {}) {
      const {
        found: [one],
      } = await pageOf(`[${checkedKey(key)}`, `[${key}`, 1, signal);
      return one && entryOf(key, one.bytes);
    },
    async *list(prefix, { after, limit = Infinity, signal, onCorrupt } = {}) {
      signal?.throwIfAborted();
      const below = checkedPrefix(prefix) === '' ? '' : `${prefix}/`;
      // '0' follows '/': the range ends before the first key that begins with neither.
      const end = below === '' ? '+' : `(${prefix}0`;
      let first =
        after !== undefined && after >= below ? `(${after}` : below === '' ? '-' : `[${below}`;
      let left = limit;
      for (let count = fewest; left > 0; count = Math.min(count * 4, most)) {
        const { complete, found } = await pageOf(first, end, Math.min(count, left), signal);
        for (const { key, bytes } of found) {
          signal?.throwIfAborted();
          const entry = readable(() => entryOf(key, bytes), onCorrupt);
          first = `(${key}`;
          if (!entry) continue;
          yield entry;
          left -= 1;
        }
        if (complete) return;
      }
    },
    snapshot: (options = {}) => snapshotOf(redis, keyspace, options),
    async write(changes, { signal } = {}) {
      signal?.throwIfAborted();
      const exposed = checkedChanges(changes).find((change) => 'set' in change && change.secret);
      if (exposed && !allowPlaintextSecrets)
        throw new StorageError(
          'ERR_STORAGE_SECRET',
          `${keyOf(exposed)} is a secret, and Redis keeps its values unencrypted: put storage-encrypted around it, or allow it by \`allowPlaintextSecrets\``,
          { key: keyOf(exposed) },
        );
      if (changes.length === 0) return [];
      // Never used twice, whatever Redis forgets.
      const unique = randomBytes(12).toString('base64url');
      const versions = changes.map((_, at) => `${unique}.${at}`);
      const bytes = changes.map((change, at) =>
        'set' in change ? bytesOf(versions[at] ?? unique, change) : undefined,
      );
      const conflict = await redis.run(
        (client) =>
          evaluate(
            client,
            writeAll,
            [
              keyspace.index,
              keyspace.snapshots,
              ...changes.map((change) => keyspace.entries + keyOf(change)),
            ],
            changes.flatMap((change, at) => argumentsOf(change, bytes[at])),
          ),
        {
          signal,
          bytes: bytes.reduce((sum, one) => sum + (one?.length ?? 0), 0),
        },
      );
      if (conflict instanceof Buffer) throw new ConflictError(conflict.toString('latin1'));
      return versions.filter((_, at) => bytes[at] !== undefined);
    },
    durability: () => redis.run((client) => durabilityOf(client, target.kind)),
    [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
  };
}
