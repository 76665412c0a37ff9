export { type DnsAccountDraft, dnsAccountDrafts } from '@acmex/protocol/drafts';
export {
  dnsAccount01,
  type DnsAccount01Options,
  type DnsAccount01Response,
} from './dns-account-01.ts';
