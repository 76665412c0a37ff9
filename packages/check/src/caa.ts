import type { CaaLookUp } from '@acmex/dns';
import { errorText, printable } from '@acmex/errors';
import { type CaaRecord, type CaaVerdict, checkCaa } from '@acmex/protocol/caa';
import { type Finding, finding, type Observation } from './finding.ts';

/** A name that a CA is asked to certify. */
export interface CaaSubject {
  /** Without `*.` */
  readonly domain: string;
  readonly wildcard: boolean;
  readonly challenge: string;
  /** The domains that the CA has in CAA records: `caaIdentities` of its directory. */
  readonly issuerDomains: readonly string[];
  /** The URL of the account that will order; absent where there is none yet. */
  readonly accountUrl?: string | undefined;
}

export interface CaaCheckOptions {
  readonly lookUp: Pick<CaaLookUp, 'caa'>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Checks whether CAA records permit the CA, as the CA will before it issues. RFC 8659, RFC 8657
 * @throws the reason of the signal
 */
export async function checkCaaRecords(
  { issuerDomains, ...subject }: CaaSubject,
  { lookUp, signal }: CaaCheckOptions,
): Promise<Observation> {
  if (issuerDomains.length === 0)
    return { skipped: 'the directory of the CA does not say which domain CAA records must name' };
  const seen = new Map<string, readonly CaaRecord[]>();
  const verdict = await checkCaa({
    domain: subject.domain,
    wildcard: subject.wildcard,
    method: subject.challenge,
    accountUrl: subject.accountUrl,
    issuerDomains,
    signal,
    lookUp: async (name, options) => {
      const records = await lookUp.caa(name, options);
      seen.set(name, records);
      return records;
    },
  });
  if (verdict.permitted) return { findings: [], saw: permissionText(verdict) };
  const records = seen.get(verdict.at) ?? [];
  return { findings: [caaFinding(verdict, records, { ...subject, issuerDomains })] };
}

function permissionText({ steps }: CaaVerdict): string {
  const last = steps.at(-1);
  return last && last.recordCount > 0
    ? `the CAA records of ${last.name} permit it`
    : 'no name has CAA records';
}

function caaFinding(
  verdict: Exclude<CaaVerdict, { readonly permitted: true }>,
  records: readonly CaaRecord[],
  { domain, wildcard, challenge, issuerDomains, accountUrl }: CaaSubject,
): Finding {
  const subject = wildcard ? `*.${domain}` : domain;
  const { at } = verdict;
  const text = `${at} has ${records.map(recordText).slice(0, 10).join(', ')}`;
  const [issuer = ''] = issuerDomains;
  const tag = wildcard ? 'issuewild' : 'issue';
  switch (verdict.reason) {
    case 'look-up':
      return finding('ERR_CHECK_CAA_LOOKUP', { subject, saw: errorText(verdict.error) });
    case 'critical':
      return finding('ERR_CHECK_CAA_CRITICAL', { subject, saw: text });
    case 'issuer':
      return finding('ERR_CHECK_CAA_ISSUER', {
        subject,
        saw: text,
        cure: `Add the record ${at} CAA 0 ${tag} "${issuer}", or use a CA that the records permit.`,
      });
    case 'account':
      return finding('ERR_CHECK_CAA_ACCOUNT', {
        subject,
        saw: `${text}, and the account is ${accountUrl ?? 'not registered yet'}`,
        ...(accountUrl === undefined
          ? {
              cure: 'Register the account (acmex account register), and set accounturi to its URL.',
            }
          : { cure: `Set accounturi to ${accountUrl}.` }),
      });
    case 'method':
      return finding('ERR_CHECK_CAA_METHOD', { subject, saw: `${text}, and not ${challenge}` });
  }
}

function recordText({ flags, tag, value }: CaaRecord): string {
  return `CAA ${flags} ${printable(tag, 50)} "${printable(value, 200)}"`;
}
