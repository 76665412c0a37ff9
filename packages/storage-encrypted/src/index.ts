export {
  backup,
  type BackupOptions,
  type BackupSource,
  type BackupSummary,
  readBackup,
  restore,
  type RestoreOptions,
} from './backup.ts';
export { encryptedStorage, type EncryptedStorageOptions } from './encrypted-storage.ts';
export {
  type EncryptionKey,
  type EncryptionKeyInput,
  newEncryptionKey,
  parseEncryptionKey,
} from './encryption-key.ts';
export { encryptInPlace, rotate, type RotateOptions, type Rotation } from './rotate.ts';
export { open as openValue, seal as sealValue } from './sealed-value.ts';
