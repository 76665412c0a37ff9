export {
  type Account,
  changeKey,
  deactivateAccount,
  type ExternalAccount,
  getAccount,
  listOrders,
  type NewAccount,
  newAccount,
  updateAccount,
} from './account.ts';
export {
  type AccountKey,
  generateAccountKey,
  importAccountKey,
  type ImportKeyOptions,
  type JwsAlgorithm,
  jwsAlgorithms,
  type PublicJwk,
  thumbprint,
} from './account-key.ts';
export {
  type Authorization,
  deactivateAuthorization,
  getAuthorization,
  type NewAuthorization,
  newAuthorization,
} from './authorization.ts';
export { type DownloadedChain, downloadCertificate } from './certificate.ts';
export {
  type Challenge,
  challengeReady,
  keyAuthorization,
  keyAuthorizationDigest,
} from './challenge.ts';
export { type CallOptions } from './call-options.ts';
export { type ChallengeType, challengeTypes } from './challenge-types.ts';
export { type Directory, type DirectoryMeta } from './directory.ts';
export { type CachedDirectory, type DirectoryCache, memoryDirectories } from './directory-cache.ts';
export {
  AcmeError,
  type AcmeErrorCode,
  type AcmeErrorDetails,
  acmeErrors,
  type Problem,
  problemCode,
  problemFixedBy,
} from './errors.ts';
export { type AcmeExchange, type AcmeOperation } from './exchange-report.ts';
export type { RequestPace } from './sender.ts';
export {
  type AcmeResponse,
  type Fetch,
  type HttpAnswer,
  type HttpHeaders,
  type HttpRequest,
} from './http.ts';
export { type FlattenedJws, signJws } from './jws.ts';
export { type JsonObject } from './members.ts';
export { NoncePool } from './nonce-pool.ts';
export {
  finalizeOrder,
  getOrder,
  type NewOrder,
  newOrder,
  type Order,
  type OrderedIdentifier,
} from './order.ts';
export { pollOrder, type PollOptions } from './poll.ts';
export { PollPace } from './poll-pace.ts';
export { latestMoment, repeatAt } from './retry-after.ts';
export { describeProblem } from './problem.ts';
export { getRenewalInfo, type RenewalInfo } from './renewal-info.ts';
export {
  type RevocationReason,
  revocationReasons,
  subscriberRevocationReasons,
} from './revocation-reasons.ts';
export { revokeCertificate, type RevokeOptions } from './revocation.ts';
export {
  type AcmeSession,
  acmeSession,
  type AcmeSessionOptions,
  type GetOptions,
  type PostOptions,
} from './session.ts';
