export { unreadableText } from '@acmex/errors';
export { acceptedTtl, type TtlRange } from './accepted-ttl.ts';
export { basic, bearer, concealed, reveal, type Secret } from './credentials.ts';
export { DnsError, type DnsErrorCode, dnsErrors } from './errors.ts';
export {
  type ApiRequest,
  type CallOptions,
  jsonApi,
  type JsonApi,
  type JsonApiOptions,
  type Method,
  type Refusal,
} from './json-api.ts';
export { hostZones, type HostZones } from './host-zones.ts';
export {
  type CaaLookUp,
  type CaaProperty,
  type LookUp,
  lookUp,
  type LookUpOptions,
} from './look-up.ts';
export { type GrantedToken, type KeptToken, keptToken, tokenRefusal } from './oauth-token.ts';
export { allPages, type Page } from './pages.ts';
export {
  type Propagation,
  type PropagationOptions,
  recordVisible,
  speaksIpv6,
  type VisibleRecord,
} from './propagation.ts';
export {
  type AnsweredChallenge,
  type DnsOptions,
  type DnsProvider,
  recordName,
  relativeName,
  type TxtRecord,
  type ZoneOptions,
} from './provider.ts';
export { quoted, unquoted } from './quoted-text.ts';
export { type RecordAnswer, recordAnswers, type RecordAnswersOptions } from './record-answers.ts';
export {
  editRecordSet,
  type EditedRecordSet,
  overwriteRecordSet,
  type RecordSet,
  type RecordSetEdit,
  type ValueText,
  withoutValue,
  withValue,
} from './record-set.ts';
export { type ServerAnswer, serverAnswers, type ServerAnswersOptions } from './server-answers.ts';
export {
  type HostAnswer,
  sdkApi,
  type SdkApi,
  type SdkApiOptions,
  type SdkCallOptions,
} from './sdk-api.ts';
export { bogusZone, type DnssecOptions, dnssecStatus, type DnssecStatus } from './dnssec.ts';
export { sdkFetch, type SdkFetchOptions } from './sdk-fetch.ts';
export { findZone, followAliases, type ZoneSearch } from './zone.ts';
export { canonicalName } from './zone-name.ts';
export {
  type HostZone,
  type HostZonesOptions,
  sharedAnswers,
  type ZonePage,
} from './zone-questions.ts';
