export {
  AcmeClient,
  type AcmeClientOptions,
  type IssuedChain,
  type IssueOptions,
  type IssueRequest,
  type NameProof,
  type ProveOptions,
  type ProveRequest,
} from './client.ts';
export {
  ClientError,
  type ClientErrorCode,
  clientErrors,
  type ValidationFailure,
} from './errors.ts';
export { type IssuanceProgress, nameOf } from './progress.ts';
export { type RemovalOptions, removeResponses } from './removal.ts';
export {
  type ChallengeSolver,
  type ChallengeToSolve,
  type NameToProve,
  type SolverOptions,
} from './solver.ts';
export { type IssuanceState, type SavedResponse } from './state.ts';
