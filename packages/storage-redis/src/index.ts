export { durabilityOf, type Notice } from './durability.ts';
export {
  type Access,
  type Address,
  type RedisPlace,
  redisTarget,
  type RedisTarget,
} from './place.ts';
export { type RedisStorage, redisStorage, type RedisStorageOptions } from './redis-storage.ts';
