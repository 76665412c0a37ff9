import { accountRecordName } from '@acmex/protocol/drafts';
import { type Dns01Validation, lookForDigest } from './dns-01.ts';
import { unsupported, type Validation } from './validation.ts';

export interface DnsAccount01Validation extends Dns01Validation {
  readonly accountUrl: string;
}

/**
 * As dns-01, at a name that is the account's own. draft-ietf-acme-dns-account-label
 * @throws the signal's reason
 */
export async function validateDnsAccount01({
  identifier,
  accountUrl,
  ...looking
}: DnsAccount01Validation): Promise<Validation> {
  if (identifier.type !== 'dns') return unsupported('dns-account-01', identifier);
  return await lookForDigest(await accountRecordName(accountUrl, identifier.value), looking);
}
