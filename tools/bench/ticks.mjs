// What the dispatcher looks at, with the storage drivers as a program would open them.
export { CertificateStore, dueSource } from '@acmex/orchestrator';
export { memoryStorage } from '@acmex/storage';
export { fileStorage } from '@acmex/storage-file';
export { redisStorage } from '@acmex/storage-redis';
