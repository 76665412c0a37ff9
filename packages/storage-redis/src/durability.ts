import type { Redis } from 'ioredis';
import { messageOf } from './failure.ts';
import type { RedisTarget } from './place.ts';

/** A risk that an operator should know although the storage works. */
export interface Notice {
  readonly code:
    | 'REDIS_PLAINTEXT_SECRETS'
    | 'REDIS_PLAINTEXT_CONNECTION'
    | 'REDIS_EVICTION'
    | 'REDIS_NOT_PERSISTENT'
    | 'REDIS_LAST_WRITES'
    | 'REDIS_TORN_WRITES'
    | 'REDIS_FAILOVER'
    | 'REDIS_SETTINGS_UNKNOWN';
  readonly message: string;
}

/**
 * Returns the ways in which this server could lose acknowledged writes, or do half of one, with its
 * current settings.
 */
export async function durabilityOf(
  redis: Redis,
  kind: RedisTarget['kind'],
): Promise<readonly Notice[]> {
  const [policy, appendonly, appendfsync, loadsTruncated] = await settingsOf(redis);
  const notices: Notice[] = [];
  const unknown = [policy, appendonly, appendonly === 'no' ? '' : appendfsync].includes(undefined);
  if (unknown)
    notices.push({
      code: 'REDIS_SETTINGS_UNKNOWN',
      message:
        'Redis does not report all of maxmemory-policy, appendonly and appendfsync, so it is unknown what it could lose. Allow the user CONFIG GET, or make sure that they are noeviction, yes and always.',
    });
  if (policy?.startsWith('allkeys-'))
    notices.push({
      code: 'REDIS_EVICTION',
      message: `When its memory is full, Redis deletes entries (maxmemory-policy is ${policy}). Set it to noeviction.`,
    });
  if (appendonly === 'no')
    notices.push({
      code: 'REDIS_NOT_PERSISTENT',
      message:
        'When Redis stops, it loses everything written since it last saved (appendonly is no). Set appendonly to yes, and appendfsync to always.',
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
        'When its machine fails, Redis loses the writes of the last 30 seconds or so (appendfsync is no). Set appendfsync to always.',
    });
  if (appendonly === 'yes' && loadsTruncated === 'yes')
    notices.push({
      code: 'REDIS_TORN_WRITES',
      message:
        'When it is killed during a write and starts again, Redis can do half of that write later (aof-load-truncated is yes). Set aof-load-truncated to no, and run redis-check-aof --fix before each start.',
    });
  if (kind !== 'server')
    notices.push({
      code: 'REDIS_FAILOVER',
      message:
        'When a replica takes over, the last writes of the old master are lost, because replication is asynchronous. Nothing prevents that completely; min-replicas-to-write stops a master that is cut off from accepting writes.',
    });
  return notices;
}

/**
 * Returns maxmemory-policy, appendonly, appendfsync and aof-load-truncated; undefined if unknown.
 * Many hosted services refuse CONFIG, but report some of the settings in INFO.
 */
async function settingsOf(redis: Redis): Promise<readonly (string | undefined)[]> {
  const configured = await Promise.all(
    ['maxmemory-policy', 'appendonly', 'appendfsync', 'aof-load-truncated'].map((setting) =>
      unlessRefused(async () => ((await redis.config('GET', setting)) as string[])[1]),
    ),
  );
  if (!configured.includes(undefined)) return configured;
  const info =
    (await unlessRefused(
      async () => `${await redis.info('memory')}${await redis.info('persistence')}`,
    )) ?? '';
  const [, policy = configured[0]] = /^maxmemory_policy:(\S+)/m.exec(info) ?? [];
  const [, aof] = /^aof_enabled:(\d)/m.exec(info) ?? [];
  const reported = aof === '1' ? 'yes' : 'no';
  return [policy, aof === undefined ? configured[1] : reported, ...configured.slice(2)];
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
