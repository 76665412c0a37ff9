export { type DnsPersistDraft, dnsPersistDrafts } from '@acmex/protocol/drafts';
export {
  dnsPersist01,
  type DnsPersist01Options,
  type DnsPersist01Response,
} from './dns-persist-01.ts';
export {
  type StandingRecord,
  standingRecord,
  type StandingRecordOptions,
  type WantedRecord,
} from './standing-record.ts';
