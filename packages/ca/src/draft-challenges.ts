import {
  type DnsAccountDraft,
  dnsAccountDrafts,
  type DnsPersistDraft,
  dnsPersistDrafts,
  type DraftChallengeType,
  isIssuerName,
  type PersistOffer,
} from '@acmex/protocol/drafts';
import { CaError } from './errors.ts';
import type { Urls } from './urls.ts';

/** Challenges that are still drafts: each is offered where its version is named. */
export interface DraftChallengeOptions {
  /** TXT records at a name of the account's own. Off by default. */
  readonly dnsAccount01?: { readonly draft: DnsAccountDraft };
  /**
   * TXT records that are set once. Off by default: until such a record is gone, anyone who has the
   * account's key gets certificates.
   */
  readonly dnsPersist01?: {
    readonly draft: DnsPersistDraft;
    /**
     * By which this CA goes in records, 1 to 10: lower case, A-labels. Where `caaIdentities` are
     * given, some of them.
     */
    readonly issuerDomainNames: readonly string[];
  };
}

/** What the resources of a server need to know of them. */
export interface DraftChallenges {
  readonly types: readonly DraftChallengeType[];
  readonly persist?: PersistOffer & { readonly draft: DnsPersistDraft };
}

/** @throws CaError `ERR_CA_CHALLENGE` */
export function draftChallenges(
  {
    dnsAccount01: account,
    dnsPersist01: persist,
    caaIdentities,
  }: DraftChallengeOptions & { readonly caaIdentities?: readonly string[] | undefined },
  urls: Urls,
): DraftChallenges {
  if (account) assertKnown('dns-account-01', account.draft, dnsAccountDrafts);
  if (!persist) return { types: account ? ['dns-account-01'] : [] };
  assertKnown('dns-persist-01', persist.draft, dnsPersistDrafts);
  const { draft, issuerDomainNames: issuers } = persist;
  if (issuers.length < 1 || issuers.length > 10 || !issuers.every(isIssuerName))
    throw new CaError(
      'ERR_CA_CHALLENGE',
      'dns-persist-01 needs 1 to 10 names for this CA: domain names in lower case, other scripts as xn--…, with no dot at the end',
    );
  const unknown = issuers.find(
    (issuer) => !(caaIdentities?.map((name) => name.toLowerCase()) ?? issuers).includes(issuer),
  );
  if (unknown !== undefined)
    throw new CaError(
      'ERR_CA_CHALLENGE',
      `${unknown} names this CA in records of dns-persist-01 but not in CAA records: add it to caaIdentities`,
    );
  return {
    types: [...(account ? ['dns-account-01' as const] : []), 'dns-persist-01'],
    persist: { draft, issuers, accountHashPrefix: urls.of('/account-hash/') },
  };
}

function assertKnown(type: DraftChallengeType, draft: string, known: readonly string[]): void {
  if (!known.includes(draft))
    throw new CaError(
      'ERR_CA_CHALLENGE',
      `${type} is not an RFC yet: name the version that clients follow, ${known.join(' or ')}`,
    );
}
