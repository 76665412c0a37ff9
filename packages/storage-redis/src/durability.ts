import type { Redis } from 'ioredis';
import { messageOf } from './failure.ts';
import type { RedisTarget } from './place.ts';

/** What an operator should know of a storage that works. */
export interface Notice {
  readonly code:
    | 'REDIS_PLAINTEXT_SECRETS'
    | 'REDIS_PLAINTEXT_CONNECTION'
    | 'REDIS_EVICTION'
    | 'REDIS_NOT_PERSISTENT'
    | 'REDIS_LAST_WRITES'
    | 'REDIS_FAILOVER'
    | 'REDIS_SETTINGS_UNKNOWN';
  readonly message: string;
}

/** What this server could lose of what it has acknowledged, by its settings. */
export async function durabilityOf(
  redis: Redis,
  kind: RedisTarget['kind'],
): Promise<readonly Notice[]> {
  const [policy, appendonly, appendfsync] = await settingsOf(redis);
  const notices: Notice[] = [];
  const unknown = [policy, appendonly, appendonly === 'no' ? '' : appendfsync].includes(undefined);
  if (unknown)
    notices.push({
      code: 'REDIS_SETTINGS_UNKNOWN',
      message:
        'Redis does not tell all of maxmemory-policy, appendonly and appendfsync, so that nobody knows what it could lose. Allow the user CONFIG GET, or see to it that they are noeviction, yes and always.',
    });
  if (policy?.startsWith('allkeys-'))
    notices.push({
      code: 'REDIS_EVICTION',
      message: `When its memory is full, Redis drops entries (maxmemory-policy is ${policy}). Set it to noeviction.`,
    });
  if (appendonly === 'no')
    notices.push({
      code: 'REDIS_NOT_PERSISTENT',
      message:
        'When Redis ends, it loses what was written since it last saved (appendonly is no). Set appendonly to yes, and appendfsync to always.',
    });
  if (appendonly === 'yes' && appendfsync === 'everysec')
    notices.push({
      code: 'REDIS_LAST_WRITES',
      message:
        'When its machine fails, Redis loses the writes of the last second or two (appendfsync is everysec). Set appendfsync to always.',
    });
  if (appendonly === 'yes' && appendfsync === 'no')
    notices.push({
      code: 'REDIS_LAST_WRITES',
      message:
        'When its machine fails, Redis loses the writes of the last half minute or so (appendfsync is no). Set appendfsync to always.',
    });
  if (kind !== 'server')
    notices.push({
      code: 'REDIS_FAILOVER',
      message:
        'When a replica takes over, the last writes of the old master are lost, because a replica follows a moment later. Nothing prevents that wholly; min-replicas-to-write keeps a master that is cut off from writing on.',
    });
  return notices;
}

/** maxmemory-policy, appendonly and appendfsync, as far as Redis tells; many that are hosted refuse CONFIG, and tell some by INFO. */
async function settingsOf(redis: Redis): Promise<readonly (string | undefined)[]> {
  const told = await Promise.all(
    ['maxmemory-policy', 'appendonly', 'appendfsync'].map((setting) =>
      unlessRefused(async () => ((await redis.config('GET', setting)) as string[])[1]),
    ),
  );
  if (!told.includes(undefined)) return told;
  const info =
    (await unlessRefused(
      async () => `${await redis.info('memory')}${await redis.info('persistence')}`,
    )) ?? '';
  const [, policy = told[0]] = /^maxmemory_policy:(\S+)/m.exec(info) ?? [];
  const [, aof] = /^aof_enabled:(\d)/m.exec(info) ?? [];
  return [policy, aof === undefined ? told[1] : aof === '1' ? 'yes' : 'no', told[2]];
}

async function unlessRefused<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (/^(NOPERM|ERR unknown|ERR .*(not allowed|disabled))/i.test(messageOf(error)))
      return undefined;
    throw error;
  }
}
