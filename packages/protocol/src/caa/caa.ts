import { type CaaFault, type CaaIssuance, propertyFault } from './caa-property.ts';
import { parseIssueValue } from './issue-value.ts';

/** One property of a name's policy. RFC 8659 §4.1 */
export interface CaaRecord {
  readonly flags: number;
  readonly tag: string;
  readonly value: string;
}

export interface CaaQuestion extends CaaIssuance {
  /** A domain name without `*.`, in canonical form. */
  readonly domain: string;
  /** Whether the certificate is to be for `*.` and the domain. RFC 8555 §7.1.4 */
  readonly wildcard: boolean;
  /**
   * Returns the CAA records of a name, or of where its aliases lead; empty where there are none.
   * Rejects where the look-up failed, SERVFAIL included.
   */
  readonly lookUp: (
    name: string,
    options: { readonly signal?: AbortSignal | undefined },
  ) => Promise<readonly CaaRecord[]>;
  readonly signal?: AbortSignal | undefined;
}

/** The names that were looked up, and how many records each has. */
export type CaaSteps = readonly { readonly name: string; readonly recordCount: number }[];

/**
 * Whether CAA records let a CA issue. `critical`: one of them is critical and of a kind that is not
 * known here. `issuer`, `account`, `method`: none permits the CA, this account at it, or this
 * challenge. `look-up`: a look-up failed, and what could not be read may forbid.
 */
export type CaaVerdict =
  | { readonly permitted: true; readonly steps: CaaSteps }
  | {
      readonly permitted: false;
      readonly reason: CaaFault | 'critical';
      /** The name whose records forbid. */
      readonly at: string;
      /** How many of its records count. */
      readonly relevant: number;
      readonly steps: CaaSteps;
    }
  | {
      readonly permitted: false;
      readonly reason: 'look-up';
      readonly at: string;
      readonly error: unknown;
      readonly steps: CaaSteps;
    };

/**
 * Finds out whether CAA records let a CA issue: those of the domain, else of the nearest parent that
 * has some. RFC 8659 §3, with the parameters of RFC 8657.
 * @throws the signal's reason
 */
export async function checkCaa({
  domain,
  lookUp,
  signal,
  ...request
}: CaaQuestion): Promise<CaaVerdict> {
  const steps: { readonly name: string; readonly recordCount: number }[] = [];
  const labels = domain.split('.');
  for (const name of labels.map((_, index) => labels.slice(index).join('.'))) {
    try {
      const records = await lookUp(name, { signal });
      steps.push({ name, recordCount: records.length });
      if (records.length === 0) continue;
      const fault = recordsFault(records, request);
      return fault ? { permitted: false, at: name, ...fault, steps } : { permitted: true, steps };
    } catch (error) {
      signal?.throwIfAborted();
      return { permitted: false, reason: 'look-up', at: name, error, steps };
    }
  }
  return { permitted: true, steps };
}

/** How far a request came: a record for another account is nearer than one for another CA. */
const nearestFirst = ['method', 'account', 'issuer'] as const;

/** Returns why the records of a name forbid; undefined where they do not. RFC 8659 §4 */
function recordsFault(
  records: readonly CaaRecord[],
  { wildcard, ...request }: CaaIssuance & Pick<CaaQuestion, 'wildcard'>,
): { readonly reason: CaaFault | 'critical'; readonly relevant: number } | undefined {
  const of = (tag: string) => records.filter((property) => property.tag.toLowerCase() === tag);
  // Bit 0 is the flag; many zones have written 1 for it, and CAs take it for the same.
  const unknown = records.filter(
    ({ flags, tag }) =>
      (flags & 0x81) !== 0 && !['issue', 'issuewild', 'iodef'].includes(tag.toLowerCase()),
  );
  if (unknown.length > 0) return { reason: 'critical', relevant: unknown.length };
  const wild = wildcard ? of('issuewild') : [];
  const relevant = wild.length > 0 ? wild : of('issue');
  if (relevant.length === 0) return undefined;
  const faults = relevant.map(({ value }) => {
    const property = parseIssueValue(value);
    return property ? propertyFault(property, request) : 'issuer';
  });
  if (faults.includes(undefined)) return undefined;
  const reason = nearestFirst.find((candidate) => faults.includes(candidate)) ?? 'issuer';
  return { reason, relevant: relevant.length };
}
