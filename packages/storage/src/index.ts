export { checkedChanges, checkedKey, checkedPrefix, keyOf } from './bounds.ts';
export {
  ConflictError,
  CorruptEntryError,
  LockLostError,
  StorageError,
  type StorageErrorCode,
  storageErrors,
  type StorageErrorOptions,
  StorageUnavailableError,
} from './errors.ts';
export { firstId, idMilliseconds, newId } from './id.ts';
export { acquireLock, defaultLease, type Lock, type LockOptions } from './lock.ts';
export { memoryStorage } from './memory.ts';
export {
  copy,
  inBatches,
  isLock,
  migrate,
  type MigrateOptions,
  type Migration,
} from './migrate.ts';
export {
  type JsonRecord,
  jsonRecord,
  type RecordKind,
  type RecordSchema,
  schemaCheck,
  type Upgrade,
} from './record.ts';
export {
  idOf,
  type Records,
  records,
  type RecordsOptions,
  type Stored,
  untilWritten,
  writeIfUnchanged,
} from './records.ts';
export { scopedStorage } from './scoped.ts';
export type {
  Change,
  Entry,
  ListOptions,
  ReadManyOptions,
  Storage,
  StorageCallOptions,
} from './storage.ts';
