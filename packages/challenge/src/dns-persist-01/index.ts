export { type DnsPersistDraft, dnsPersistDrafts } from '@acmex/protocol/drafts';
export {
  dnsPersist01,
  type DnsPersist01Options,
  type DnsPersist01Response,
} from './dns-persist-01.ts';
export {
  type PersistentRecord,
  findPersistentRecord,
  type PersistentRecordOptions,
  type WantedRecord,
} from './persistent-record.ts';
