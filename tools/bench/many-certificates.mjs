// What makes a storage with very many certificates.
export {
  CertificateMaintenance,
  CertificateStore,
  Provisioner,
  scanAlarms,
} from '@acmex/orchestrator';
export { memoryStorage } from '@acmex/storage';
export { encryptedStorage, parseEncryptionKey } from '@acmex/storage-encrypted';
export { fileStorage } from '@acmex/storage-file';
export { redisStorage } from '@acmex/storage-redis';
