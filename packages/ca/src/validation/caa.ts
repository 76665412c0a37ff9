import { errorCode } from '@acmex/errors';
import type { Identifier } from '@acmex/identifier';
import { parseIssueValue } from '@acmex/protocol/drafts';
import { type IssueRequest, permits } from './caa-property.ts';
import type { CaaRecord, ValidationResolver } from './resolver.ts';
import { problem, type Validation, type ValidationRecord } from './validation.ts';

export interface CaaCheck extends IssueRequest {
  /** Without `*.` */
  readonly identifier: Identifier;
  /** Whether the certificate is to be for `*.` and the name. RFC 8555 §7.1.4 */
  readonly wildcard: boolean;
  readonly resolver: ValidationResolver;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Whether CAA records let us issue: those of the name, else of the nearest parent that has some.
 * RFC 8659 §3, with the parameters of RFC 8657. A look-up that fails refuses: what could not be
 * read may forbid. Addresses have no CAA records (RFC 8738 §7 leaves them out).
 * @throws the signal's reason
 */
export async function checkCaa({
  identifier,
  resolver,
  signal,
  ...request
}: CaaCheck): Promise<Validation> {
  const records: ValidationRecord[] = [];
  if (identifier.type !== 'dns') return { valid: true, records };
  const labels = identifier.value.split('.');
  for (const name of labels.map((_, index) => labels.slice(index).join('.'))) {
    try {
      const properties = await resolver.caa(name, { signal });
      records.push({ type: 'look-up', record: 'CAA', name, recordCount: properties.length });
      if (properties.length === 0) continue;
      const fault = forbidden(properties, request);
      return fault === undefined
        ? { valid: true, records }
        : problem('caa', `the CAA records of ${name} forbid it: ${fault}`, records);
    } catch (error) {
      signal?.throwIfAborted();
      return problem(
        'dns',
        `CAA of ${name}: the look-up failed (${errorCode(error) ?? 'no code'}), and what cannot be read may forbid`,
        records,
        error,
      );
    }
  }
  return { valid: true, records };
}

/** The relevant set of records, and why it forbids; `undefined` where it does not. RFC 8659 §4 */
function forbidden(
  set: readonly CaaRecord[],
  { wildcard, ...request }: IssueRequest & Pick<CaaCheck, 'wildcard'>,
): string | undefined {
  const of = (tag: string) => set.filter((property) => property.tag.toLowerCase() === tag);
  // Bit 0 is the flag; many zones have written 1 for it, and CAs take it for the same.
  if (
    set.some(
      ({ flags, tag }) =>
        (flags & 0x81) !== 0 && !['issue', 'issuewild', 'iodef'].includes(tag.toLowerCase()),
    )
  )
    return 'one of them is critical and of a kind that is not known here';
  const wild = wildcard ? of('issuewild') : [];
  const relevant = wild.length > 0 ? wild : of('issue');
  if (relevant.length === 0) return undefined;
  const permitted = relevant
    .map(({ value }) => parseIssueValue(value))
    .some((property) => property !== undefined && permits(property, request));
  return permitted
    ? undefined
    : `none of ${relevant.length} permits ${request.issuerDomain} for this account by ${request.method}`;
}
