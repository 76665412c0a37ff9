import type { ChallengeSolver } from '@acmex/client';
import {
  accountUris,
  type DnsPersistDraft,
  dnsPersistDrafts,
  readPersistOffer,
} from '@acmex/protocol/drafts';
import { assertDraft } from '../draft.ts';
import {
  type PersistentRecord,
  findPersistentRecord,
  type PersistentRecordOptions,
} from './persistent-record.ts';

export interface DnsPersist01Options extends Omit<PersistentRecordOptions, 'signal'> {
  /** The version of draft-ietf-acme-dns-persist that the CA follows. */
  readonly draft: DnsPersistDraft;
  /** Called with each record that was found, with its end: time to set another before it comes. */
  readonly onRecord?: (record: PersistentRecord) => void | Promise<void>;
}

/** What must be in DNS for one challenge. */
export type DnsPersist01Response = {
  readonly domain: string;
  readonly issuers: readonly string[];
  readonly accountUris: readonly string[];
  readonly accountHashPrefix?: string;
  readonly wildcard: boolean;
};

/**
 * Proves domain names and wildcards by TXT records that someone has set once: nothing is written
 * and nothing taken down, so it needs no access to DNS. `visible` looks for the record at every
 * server that answers for its zone.
 * @throws ChallengeError `ERR_CHALLENGE_DRAFT` where no version is named; `ERR_CHALLENGE_RECORD`,
 * with the record to set, if it does not exist
 */
export function dnsPersist01({
  draft,
  onRecord,
  ...options
}: DnsPersist01Options): ChallengeSolver<DnsPersist01Response> {
  assertDraft('dns-persist-01', draft, dnsPersistDrafts);
  return {
    type: 'dns-persist-01',
    tokenless: true,
    supports: ({ type }) => type === 'dns',
    async respond({
      identifier: { value: domain },
      wildcard,
      account: { url, thumbprint },
      members,
      meta,
    }) {
      const { issuers, accountUri, accountHashPrefix } = readPersistOffer(draft, members, meta);
      const uris = await accountUris(draft, {
        url,
        thumbprints: [thumbprint],
        domain,
        accountHashPrefix,
      });
      return {
        domain,
        issuers,
        wildcard,
        accountUris: [...new Set([...(accountUri === undefined ? [] : [accountUri]), ...uris])],
        ...(accountHashPrefix === undefined ? {} : { accountHashPrefix }),
      };
    },
    present: async () => {
      /* somebody else has */
    },
    async visible(response, { signal } = {}) {
      await onRecord?.(await findPersistentRecord(response, { ...options, signal }));
    },
    remove: async () => {
      /* it stays for the next time */
    },
  };
}
