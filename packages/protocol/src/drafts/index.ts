export { accountUris, type AccountUriParts, isHashedUri } from './account-uri.ts';
export { type DraftChallengeType, draftChallengeTypes } from './challenge-types.ts';
export { accountRecordName, type DnsAccountDraft, dnsAccountDrafts } from './dns-account.ts';
export {
  type DnsPersistDraft,
  dnsPersistDrafts,
  type FaultyRecord,
  type PersistentRecord,
  persistentRecordName,
  persistentRecordValue,
  readPersistentRecord,
} from './dns-persist.ts';
export {
  earlyPersistOffer,
  isIssuerName,
  persistMetaMembers,
  type PersistOffer,
  persistOfferMembers,
  readPersistOffer,
} from './persist-offer.ts';
