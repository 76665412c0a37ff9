export {
  budgetPlace,
  type BudgetStatus,
  budgetStatus,
  issuerBudget,
  type LimitedIssuer,
  limitsOf,
  type LimitSettings,
  renewalShareOf,
} from './issuer-budget.ts';
export {
  type AccountDescription,
  accountId,
  acceptTerms,
  accountOf,
  type AccountOptions,
  accountSession,
  compareAccount,
  deactivateAccount,
  type ExistingAccount,
  existingAccount,
  exportAccount,
  keepAccount,
  registerAccount,
  type StoredAccountSummary,
  storedAccounts,
  storedAccountUrl,
  rotateAccountKey,
  updateContact,
} from './account.ts';
export { acmeIssuer, type AcmeIssuerOptions } from './acme-issuer.ts';
export { type RecordCheck } from './awaited-records.ts';
export {
  type CertificateManager,
  certificateManager,
  type CertificateManagerOptions,
  type Connection,
  type ConnectOptions,
  type RevocationChecks,
} from './certificate-manager.ts';
export type { CheckedCertificate, CheckNetwork, CheckOptions } from './checked-certificate.ts';
export {
  type ChainStatus,
  chainStatus,
  type ChainStatusOptions,
  type CheckedChain,
  type KnownRevocation,
  revocationStatus,
  type ServedStatus,
  servedStatus,
  type ServedStatusOptions,
} from './certificate-status.ts';
export { type ChallengeConfig, resolveChallenge, serializeChallenge } from './challenge-config.ts';
export type { DeployTargets, NamedDeployTarget } from './deploy-targets.ts';
export { deployRecord, type DeployStep, deployTargetsIn, withDeployTargets } from './deployer.ts';
export {
  type ChooseDnsProviderOptions,
  type DnsProviders,
  type OpenDnsProviderOptions,
  singleDnsProvider,
} from './dns-providers.ts';
export { ManagerError, type ManagerErrorCode, managerErrors } from './errors.ts';
export { failureCure } from './failure-cure.ts';
export {
  type Argv,
  type Environment,
  type HookPrograms,
  type RunHooks,
  runHooks,
} from './hooks.ts';
export {
  changeCertificate,
  type CertificateChanges,
  declareCertificate,
  type DeclaredIssuer,
  findIssuer,
  storedIssuers,
  issuerName,
  type IssuerRecord,
  keepIssuer,
  type WantedCertificate,
} from './issuer-record.ts';
export { declaredIssuer, type IssuerSettings } from './issuers.ts';
export { serverAddress } from './network-address.ts';
export { type EndingRecord, endingRecords, keepSeenRecord } from './persistent-records.ts';
export { assertChallengeFits } from './preconditions.ts';
export { saveCredentials, savedCredentials } from './saved-credentials.ts';
export { checkServed, type ServedCheckOptions } from './served-checks.ts';
export { type ServedTarget, servedTargets } from './served-targets.ts';
export { solverFor, type SolverOptions } from './solver.ts';
export { storedProfiles } from './stored-directories.ts';
export { storedResponses } from './stored-responses.ts';
export { revocationFetch } from './revocation-source.ts';
export { type Anchor, type Trust, trustOf, trustOnly } from './trust.ts';
export { storedEvents } from './notifying.ts';
export { watchAll, type Watched, type WatchingOptions } from './watching.ts';
export { combinedDueSource, taskId, type Worker, worker, type WorkerOptions } from './worker.ts';
