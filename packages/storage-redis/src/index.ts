export type { Notice } from './durability.ts';
export type { Access, Address, RedisPlace } from './place.ts';
export { type RedisStorage, redisStorage, type RedisStorageOptions } from './redis-storage.ts';
