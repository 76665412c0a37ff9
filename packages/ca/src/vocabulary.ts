// The words of a CA, for programs that describe it before they load it: no module of the CA itself is
// imported here.
export { type AuditedActionType, auditedActionTypes } from './audited-action-types.ts';
export { caErrors } from './errors.ts';
export { type IssuedStatus, issuedStatuses } from './issued-statuses.ts';
export { type OperatorRevocationReason, operatorRevocationReasons } from './operator-reasons.ts';
