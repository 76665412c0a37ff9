export { checkRevocation, type RevocationOptions } from './check-revocation.ts';
export type { ListBytes } from './list-reader.ts';
export {
  type OcspCheck,
  type OcspRequest,
  ocspRequest,
  ocspSctExtension,
  statusByOcsp,
} from './ocsp.ts';
export {
  type ProofCache,
  proofCache,
  type ProofCacheOptions,
  type ProofLimits,
  removeOldProofs,
} from './proof-cache.ts';
export { type ListCheck, statusByList } from './revocation-list.ts';
export { responseToStaple, type StapleOptions, type StapledResponse } from './staple.ts';
export {
  type RevocationReason,
  revocationReasons,
  type RevocationStatus,
  UnprovenError,
} from './status.ts';
