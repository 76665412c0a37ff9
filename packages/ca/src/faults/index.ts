export {
  type Exchange,
  type Fault,
  type Problem,
  type Resource,
  sometimes,
  type When,
  withFaults,
} from './fault.ts';
export { failingChallenges, retriedChallenges, tokenlessChallenges } from './challenges.ts';
export {
  type ChainArrangement,
  disorderedChains,
  hugeChains,
  longProcessing,
  missingMembers,
  movedWindow,
  nullMembers,
  windowsOutsideLifetime,
} from './contents.ts';
export {
  absentCertificates,
  badGateways,
  badNonces,
  changedTerms,
  hostileProblems,
  hostileText,
  missingAccounts,
  paused,
  rateLimited,
  refusedReplacements,
  unavailable,
} from './refusals.ts';
export {
  compressedAnswers,
  cutAnswers,
  foreignNonces,
  lostAnswers,
  missingHeaders,
  type NonceAlphabet,
  refusedConnections,
  retryAfters,
  wrongContentTypes,
} from './transport.ts';
