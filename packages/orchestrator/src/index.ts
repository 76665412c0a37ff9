export type { AdoptOptions, Adoption, ObtainedCertificate } from './adoption.ts';
export { awaitedText } from './awaited-records.ts';
export { type AlarmScan, scanAlarms, type ScanAlarmsOptions } from './alarms.ts';
export type { ReportedAlarms } from './alarm-times.ts';
export { type AlarmedCertificate, alarmTypes, type AlarmType, openAlarms } from './open-alarms.ts';
export { type ObservedPlace, recordServed, servedCertificates } from './served-certificate.ts';
export { isServedAlarm, type ServedPlace, type ServedState } from './served-place.ts';
export {
  breakerAfterFailure,
  breakerFor,
  type BreakerRecord,
  type BreakerUser,
  type Obstacle,
  type UnavailableIssuer,
  unavailableCauses,
  unavailableIssuers,
} from './breaker.ts';
export { nextFailure, type NextFailureOptions, type ReadFailure } from './failure.ts';
export {
  type CertificatePage,
  type CertificateState,
  certificateStates,
  type ListedCertificate,
  nextStateAt,
  type PageQuery,
  type StatedCertificate,
  stateOf,
} from './certificate-page.ts';
export {
  type CertificateSummary,
  type ChainWithKey,
  type CurrentCertificate,
  dueAt,
  type DueEntry,
  type Failure,
  type Generation,
  isOutdated,
  issuersInOrder,
  isWaiting,
  type ManagedCertificate,
  type Moment,
  presentIssuer,
  type RenewalPlan,
  type RevocationPlan,
  type SecondCertificate,
  storedGenerations,
} from './certificate-record.ts';
export {
  allIssuers,
  type CertificateSpec,
  differences,
  orderedKeys,
  type OrderedSpec,
  type SpecKey,
} from './certificate-spec.ts';
export { assertKeyPair, certificatesInUse, chainsInUse } from './key-pair.ts';
export { type Expiring, expiryOf } from './expiry.ts';
export { CertificateStore, type DueCertificate } from './certificate-store.ts';
export type {
  ChangeOptions,
  Declaration,
  DeclaredEntry,
  PlannedDeclaration,
} from './declaration.ts';
export type { Admitted, DeclareOptions } from './declaration-plan.ts';
export type { AfterTask, Deployed, Deployer, DeployOptions } from './deployment.ts';
export type { JoinedDuplicates, JoinOptions } from './duplicates.ts';
export { dueSource, priorityOf } from './due-source.ts';
export {
  type BudgetRecord,
  type ChargedOrder,
  type IssuerBudget,
  storedBudgets,
} from './order-budget.ts';
export { OrchestratorError, type OrchestratorErrorCode, orchestratorErrors } from './errors.ts';
export {
  type AcmexEvent,
  eventChange,
  eventWrittenBy,
  type NewEvent,
  type ForwardOptions,
  type Outbox,
  outbox,
  type PruneOptions,
  tracedEvents,
} from './events.ts';
export {
  type EventRemovalOptions,
  removeOldEvents,
  startEventRemoval,
  type StoredEvents,
} from './event-removal.ts';
export {
  type DeployTargetPlace,
  deployTargetState,
  type DeployTargetState,
  keepDeployTargetState,
} from './deploy-target-state.ts';
export { isLate } from './alarm-times.ts';
export {
  eventMeanings,
  type EventType,
  eventTypes,
  notificationMeanings,
  type NotificationType,
  notificationTypes,
} from './event-types.ts';
export type { Outcome } from './order-end.ts';
export { chooseChain, chooseKey } from './choose-chain.ts';
export type {
  Awaited,
  AwaitedRecord,
  IssuedChains,
  Issuer,
  IssuerOptions,
  IssuerRequest,
  IssuerStep,
  RenewalInfo,
  RevocationSigner,
} from './issuer.ts';
export { type IssuerFault, issuerFault } from './issuer-fault.ts';
export type { JsonObject, JsonValue } from './json.ts';
export type {
  OrderCause,
  OrderRecord,
  OrderState,
  OrderDnsRecord,
  OrderStatus,
  OrderStep,
} from './order-record.ts';
export { Provisioner, type ProvisionerOptions, type Submission } from './provisioner.ts';
export type { RefusedCertificate, StoredRefusal } from './refused-certificate.ts';
export type { RevokeOptions } from './revocation.ts';
export type { RevocationAnswer, RevocationSource } from './revocation-check.ts';
export { continuedTrace, parseTraceparent, type TraceContext, traceIdOf } from './trace-context.ts';
export type { FailingName, LeftOutName, TakeBackPlan } from './failing-names.ts';
export { renewableAt, renewalPlanAfter, type WindowAnswer } from './renewal-plan.ts';
export {
  policyOf,
  randomOf,
  type RenewalPolicy,
  renewalTime,
  type RenewalTimeOptions,
  type RetryOptions,
  retryTime,
  type SuggestedWindow,
  type Urgency,
  urgency,
  type Validity,
} from './renewal-time.ts';
export {
  type MaintenanceResult,
  CertificateMaintenance,
  type CertificateMaintenanceOptions,
} from './certificate-maintenance.ts';
