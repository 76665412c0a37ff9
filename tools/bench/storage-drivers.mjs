// The drivers as a program would open them.
export { memoryStorage } from '@acmex/storage';
export { fileStorage } from '@acmex/storage-file';
export { redisStorage } from '@acmex/storage-redis';
