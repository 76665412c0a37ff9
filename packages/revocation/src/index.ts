export { checkRevocation, type RevocationOptions } from './check-revocation.ts';
export { type OcspCheck, type OcspRequest, ocspRequest, statusByOcsp } from './ocsp.ts';
export { readRevocationList, type RevocationList, statusByList } from './revocation-list.ts';
export {
  type RevocationReason,
  revocationReasons,
  type RevocationStatus,
  UnprovenError,
} from './status.ts';
