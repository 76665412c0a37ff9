import { defineErrors, type ErrorTable } from '@acmex/errors';

/** What can go wrong with the audit log. */
export const auditErrors = {
  ERR_AUDIT_CHECKPOINT: {
    meaning: 'A file has no checkpoint of an audit log that can be read.',
    cure: 'Use a file that acmex wrote as audit.checkpoint_file, or the output of acmex audit checkpoint.',
    exit: 2,
    http: 422,
  },
  ERR_AUDIT_FILE: {
    meaning: 'The file of checkpoints cannot be read or written.',
    cure: 'Correct audit.checkpoint_file, or the permissions that the message names.',
    exit: 2,
    http: 500,
  },
  ERR_AUDIT_SEND: {
    meaning: 'A checkpoint of the audit log could not be sent. It is sent again.',
    cure: 'Check the receiver, and the keys checkpoint_* of [audit]; acmex audit verify says how many wait.',
    exit: 4,
    http: 502,
  },
  ERR_AUDIT_DAMAGED: {
    meaning: 'The audit log was changed, or a part of it is missing.',
    cure: 'Read which records are concerned; compare with a backup and with exported checkpoints.',
    exit: 3,
    http: 409,
    fixedBy: 'person',
  },
} as const satisfies ErrorTable<'AUDIT'>;

export type AuditErrorCode = keyof typeof auditErrors;

export class AuditError extends defineErrors('Audit', auditErrors) {}

/** What can go wrong with the metrics. */
export const observabilityErrors = {
  ERR_OBSERVABILITY_LISTEN: {
    meaning: 'The metrics cannot be served at their address.',
    cure: 'Use another address or port for metrics.listen_addr, or stop the program that uses it.',
    exit: 3,
    http: 500,
  },
} as const satisfies ErrorTable<'OBSERVABILITY'>;

export type ObservabilityErrorCode = keyof typeof observabilityErrors;

/** A failure of the metrics. Compare codes, not classes. */
export class ObservabilityError extends defineErrors('Observability', observabilityErrors) {}
