export type { AdminOptions } from './admin-options.ts';
export { type AuditedActionType, auditedActionTypes } from './audited-action-types.ts';
export { type AuditedAction, auditedActions } from './audited-actions.ts';
export type { ServerFailure } from './background.ts';
export {
  type AuthorityKeyType,
  authorityKeyTypes,
  type AuthorityRequest,
  createAuthority,
  createDevelopmentAuthority,
  createIssuing,
  type DevelopmentRequest,
  type IssuingRequest,
  type NewAuthority,
} from './authority/authority.ts';
export type { Constrained, Constraints } from './authority/constraints.ts';
export type { Usage } from './authority/extensions.ts';
export {
  type CrlContent,
  type Issuance,
  type Issuer,
  issuerOf,
  type IssuerOptions,
  type Issuers,
  type ResponderIssuance,
} from './authority/issuer.ts';
export type { Revoked } from './authority/revocation-list.ts';
export {
  renewRootCrl,
  type RootCrl,
  type RootCrlRequest,
  storedRootCrl,
} from './authority/root-crl.ts';
export {
  followAuthority,
  type FollowOptions,
  loadAuthority,
  type LoadedAuthority,
  type LoadOptions,
  replaceIssuing,
  saveAuthority,
  storedCertificates,
} from './authority/stored-authority.ts';
export {
  type CaaRequest,
  type ChallengeValidator,
  type PersistentValidation,
  type ShownValidation,
  type ValidationProblem,
  type ValidationRequest,
  type ValidationVerdict,
} from './challenge-validator.ts';
export { type AuthorityState, authorityState, type IssuerState } from './authority-state.ts';
export { crlPathOf, type CrlState, type CrlTimes, currentCrl, storedCrlTimes } from './crl.ts';
export type { DraftChallengeOptions } from './draft-challenges.ts';
export { CaError, type CaErrorCode, caErrors } from './errors.ts';
export {
  createExternalAccount,
  type ExternalAccountInfo,
  type ExternalAccountOptions,
  listExternalAccounts,
  type NewExternalAccount,
  revokeExternalAccount,
} from './external-accounts.ts';
export type { CaaRecord } from '@acmex/protocol/caa';
export type { Handler } from './handler.ts';
export type { Connection, PlainHandler, PlainRequest, PlainResponse } from './plain-http.ts';
export { removeEnded } from './housekeeping.ts';
export type { IdentifierPolicy } from './identifiers.ts';
export { type IssuedInfo, issuedStatus, listIssued } from './issued.ts';
export { type IssuedStatus, issuedStatuses } from './issued-statuses.ts';
export {
  type IssuedCertificate,
  issuedPrefix,
  type ListedCertificate,
  listIssuedByTime,
  readIssued,
} from './issued-index.ts';
export { networkValidator, type NetworkValidatorOptions } from './network-validator.ts';
export { nodeHandler } from './node-handler.ts';
export { type ProfileOptions, tlsProfiles } from './profiles.ts';
export type { OrderLimits } from './order-limits.ts';
export {
  type Bucket,
  type LimitedAction,
  noLimits,
  type RateLimiter,
  tokenBuckets,
  type TokenBucketsOptions,
} from './rate-limits.ts';
export { type MovedWindow, moveRenewalWindow, restoreRenewalWindow } from './renewal-info.ts';
export { type OperatorRevocationReason, operatorRevocationReasons } from './operator-reasons.ts';
export { revokeIssued } from './revocation.ts';
export {
  type ServerCertificate,
  serverCertificate,
  type ServerCertificateOptions,
} from './server-certificate.ts';
export { type AcmeServer, acmeServer, type AcmeServerOptions } from './server.ts';
export type { AnswerReport, ServerWatch, SignedRequestOrigin } from './server-watch.ts';
export type { Limits } from './service.ts';
export {
  type ValidationResolver,
  validationResolver,
  type ValidationResolverOptions,
} from './validation/resolver.ts';
