import type { ChallengeSolver } from '@acmex/client';
import { accountRecordName, type DnsAccountDraft, dnsAccountDrafts } from '@acmex/protocol/drafts';
import { assertDraft } from '../draft.ts';
import { type TxtResponse, txtSolver, type TxtSolverOptions } from '../txt-solver.ts';

export interface DnsAccount01Options extends TxtSolverOptions {
  /** The version of draft-ietf-acme-dns-account-label that the CA follows. */
  readonly draft: DnsAccountDraft;
}
export type DnsAccount01Response = TxtResponse;

/**
 * As dns-01, at a name that is the account's own: several clients prove one name, each with an
 * alias (CNAME) of its own.
 * @throws ChallengeError `ERR_CHALLENGE_DRAFT` where no version is named; DnsError by all that the
 * provider and the look-ups throw
 */
export function dnsAccount01({
  draft,
  ...options
}: DnsAccount01Options): ChallengeSolver<DnsAccount01Response> {
  assertDraft('dns-account-01', draft, dnsAccountDrafts);
  return txtSolver(
    {
      type: 'dns-account-01',
      nameOf: ({ account, identifier }) => accountRecordName(account.url, identifier.value),
    },
    options,
  );
}
