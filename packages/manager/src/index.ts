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
export { type Declared, syncDeclared } from './declared.ts';
export { deployRecord, type DeployStep } from './deployer.ts';
export type { RunHooks } from './hooks.ts';
export { findIssuer, type IssuerRecord, keepIssuer } from './issuer-record.ts';
export { describedIssuer, endsIn, keeper, type Keeper, type KeeperOptions } from './keeper.ts';
export { type EndingRecord, endingRecords, keepSeenRecord } from './persistent-records.ts';
export {
  addressOf,
  type Proof,
  proofOf,
  proofRecord,
  serverAddress,
  solverFor,
  type SolverOptions,
} from './proof.ts';
export { saveCredentials, savedCredentials } from './saved-credentials.ts';
export { allOf, taskOf, type Worker, worker, type WorkerOptions } from './worker.ts';
export { storedResponses } from './stored-responses.ts';
