import { type Config, type RedisDescription, redisOf, storageOf } from '@acmex/config';
import { ServerError } from '../errors.ts';

/** What a process does of what a team shares: serves the API, works, or all of it. */
export const roles = ['all', 'api', 'worker'] as const;
export type Role = (typeof roles)[number];

/**
 * The Redis that a process of this role shares with others; undefined where it works alone.
 * @throws ServerError `ERR_SERVER_ROLE`, `ERR_SERVER_CLEAR_KEYS`
 */
export function teamRedisOf(config: Config, role: Role): RedisDescription | undefined {
  const redis = redisOf(config);
  if (!redis && role !== 'all')
    throw new ServerError(
      'ERR_SERVER_ROLE',
      `a process with the role ${role} shares its work with others by Redis, and none is configured: set ACMEX_REDIS_URL, or redis.url in acmex.toml`,
    );
  const { place, encryption } = storageOf(config);
  if (redis && place.kind === 'redis' && !encryption)
    throw new ServerError(
      'ERR_SERVER_CLEAR_KEYS',
      'the storage in Redis is not encrypted, so that everybody with access to Redis could read private keys: make a key with acmex storage new-key, and set it as ACMEX_STORAGE_ENCRYPTION_KEY or ACMEX_STORAGE_ENCRYPTION_KEY_FILE in every process',
    );
  return redis;
}
