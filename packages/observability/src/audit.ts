export { currentAuditOrigin, withAuditOrigin } from './audit/audit-origin.ts';
export type { AuditAction, AuditHead, AuditOrigin, AuditRecord } from './audit/audit-record.ts';
export { auditedStorage, type AuditedStorageOptions } from './audit/audited-storage.ts';
export {
  listAuditRecords,
  type ListAuditOptions,
  type ListedAuditRecord,
} from './audit/audit-list.ts';
export {
  type Checkpoint,
  createCheckpoint,
  readCheckpoint,
  type SignedCheckpoint,
} from './audit/checkpoint.ts';
export {
  checkpointDeliveries,
  type CheckpointDelivery,
  type CheckpointDestination,
  deliverCheckpoints,
  type NumberedCheckpoint,
} from './audit/checkpoint-delivery.ts';
export { appendCheckpoint, readCheckpointFile } from './audit/checkpoint-file.ts';
export {
  type PrunedAuditLog,
  pruneAuditLog,
  type PruneAuditLogOptions,
} from './audit/prune-audit-log.ts';
export { AuditError, type AuditErrorCode, auditErrors } from './errors.ts';
export {
  type AuditFault,
  type AuditVerification,
  verifyAuditLog,
  type VerifyAuditLogOptions,
} from './audit/verify-audit-log.ts';
