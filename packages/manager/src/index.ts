export {
  type AccountDescription,
  accountId,
  accountOf,
  type AccountOptions,
  accountSession,
  giveUpAccount,
  type KeptAccount,
  keptAccounts,
  rotateAccountKey,
  updateContact,
} from './account.ts';
export { acmeIssuer, type AcmeIssuerOptions } from './acme-issuer.ts';
export { type Reconciliation, reconcileDeclared } from './declared.ts';
export { deployRecord, type DeployStep } from './deployer.ts';
export type { RunHooks } from './hooks.ts';
export { findIssuer, type IssuerRecord, keepIssuer } from './issuer-record.ts';
export {
  resolvedIssuer,
  endsIn,
  certificateManager,
  type CertificateManager,
  type CertificateManagerOptions,
} from './certificate-manager.ts';
export { type EndingRecord, endingRecords, keepSeenRecord } from './persistent-records.ts';
export {
  addressOf,
  type ChallengeConfig,
  resolveChallenge,
  serializeChallenge,
  serverAddress,
  solverFor,
  type SolverOptions,
} from './challenge-config.ts';
export { saveCredentials, savedCredentials } from './saved-credentials.ts';
export { combinedDueSource, taskId, type Worker, worker, type WorkerOptions } from './worker.ts';
export { storedResponses } from './stored-responses.ts';
