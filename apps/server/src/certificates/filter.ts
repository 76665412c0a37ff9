import type { Clock } from '@acmex/clock';
import { toUnicode } from '@acmex/identifier';
import type { CertificateCensus, CountedCertificate } from '@acmex/observability';
import {
  type CertificatePage,
  certificateStates,
  type ManagedCertificate,
  type StatedCertificate,
  stateOf,
} from '@acmex/orchestrator';
import * as z from 'zod';
import { type Caller, maySee } from '../access/caller.ts';
import { certifiedName, labelFilter, moment, namePart, ownName } from '../http/fields.ts';
import { countedFor } from './counted.ts';

/** Which certificates are meant; all where nothing is given. */
export const filterFields = {
  name: certifiedName.optional().describe('Those that hold this name.'),
  below: certifiedName.optional().describe('Those that hold a name below this one.'),
  contains: namePart.optional().describe('Those that hold a name with this part.'),
  issuer: ownName.optional(),
  state: z.enum(certificateStates).optional(),
  awaits: z
    .enum(['records'])
    .optional()
    .describe('Those whose order waits for DNS records that a person sets.'),
  label: labelFilter.optional().describe('NAME, or NAME=VALUE.'),
  expiresBefore: moment.optional(),
  expiresAfter: moment.optional(),
  renewalBefore: moment.optional().describe('Those whose renewal is planned before this.'),
  renewalAfter: moment.optional(),
};
export type CertificateFilter = z.output<z.ZodObject<typeof filterFields>>;

export interface FilteredPageOptions {
  readonly caller: Caller;
  readonly clock: Clock;
  readonly limit: number;
  readonly cursor?: string | undefined;
  /** By `expiry` by default where the filter is one of expiry, and by `id` for any other. */
  readonly sort?: 'id' | 'name' | 'expiry' | undefined;
  /**
   * What is known of all certificates: a filter without an index reads those that match in it.
   * Without it such a page looks at certificates one by one.
   */
  readonly census?: Pick<CertificateCensus, 'tally'> | undefined;
  /** Which of the certificates that match are wanted; all by default. */
  readonly where?: ((certificate: ManagedCertificate) => boolean) | undefined;
}

/** Reads a page of the certificates that a caller may see and that match a filter. */
export async function filteredPage(
  { name, below, expiresBefore, expiresAfter, ...filter }: CertificateFilter,
  { caller, clock, limit, cursor, sort, where = () => true, census }: FilteredPageOptions,
): Promise<CertificatePage> {
  const byExpiry = expiresBefore !== undefined || expiresAfter !== undefined;
  const isMatch = matcher({ expiresBefore, expiresAfter, ...filter }, clock);
  const isIndexed = Object.values(filter).every((value) => value === undefined);
  return await caller.tenant.manager.provisioner.certificates.page({
    ...{ name, below, limit, cursor },
    among: census && !isIndexed ? matching(await countedFor(census, caller), isMatch) : undefined,
    where: (candidate) => maySee(caller, candidate.names) && isMatch(candidate) && where(candidate),
    sort: sort ?? (byExpiry ? 'expiry' : 'id'),
    expiresFrom: expiresAfter,
    expiresBefore,
  });
}

/** What a filter looks at, of a stored certificate or of a counted one. */
interface Filtered extends StatedCertificate, Pick<ManagedCertificate, 'id' | 'names' | 'issuer'> {
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly awaits?: object | undefined;
}

function* matching(
  counted: Iterable<CountedCertificate>,
  isMatch: (certificate: Filtered) => boolean,
): Generator<Filtered> {
  for (const { id, domain, furtherNames, isAwaiting, ...known } of counted) {
    const certificate = {
      ...{ id, names: [domain, ...furtherNames], issuer: known.issuer, labels: known.labels },
      ...{ paused: known.paused, failure: known.failure, awaits: isAwaiting ? {} : undefined },
      ...{ current: known.current, renewal: known.renewal },
    };
    if (isMatch(certificate)) yield certificate;
  }
}

/** Returns whether a certificate matches what no index of names looks up. */
function matcher(
  filter: Omit<CertificateFilter, 'name' | 'below'>,
  clock: Clock,
): (certificate: Filtered) => boolean {
  const { issuer, state, awaits, label } = filter;
  const [labelName = '', labelValue] = label?.split('=') ?? [];
  const hasPart = containing(filter.contains);
  const isExpiryMatch = between(filter.expiresAfter, filter.expiresBefore);
  const isRenewalMatch = between(filter.renewalAfter, filter.renewalBefore);
  return (candidate) =>
    (issuer ?? candidate.issuer) === candidate.issuer &&
    hasPart(candidate.names) &&
    (label === undefined || hasLabel(candidate, labelName, labelValue)) &&
    isExpiryMatch(candidate.current?.notAfter) &&
    isRenewalMatch(candidate.renewal?.at) &&
    (awaits === undefined || candidate.awaits !== undefined) &&
    (state === undefined || stateOf(candidate, clock) === state);
}

/** Returns what says whether a time is between two; an absent time is not. */
function between(
  after: string | undefined,
  before: string | undefined,
): (time: string | undefined) => boolean {
  if (after === undefined && before === undefined) return () => true;
  const afterMs = after === undefined ? -Infinity : Date.parse(after);
  const beforeMs = before === undefined ? Infinity : Date.parse(before);
  return (time = '') => {
    const timeMs = Date.parse(time);
    return timeMs > afterMs && timeMs < beforeMs;
  };
}

/** Returns what says whether one of the names has a part; one in other letters as people read it. */
function containing(part: string | undefined): (names: readonly string[]) => boolean {
  if (part === undefined) return () => true;
  const isAscii = /^[!-~]+$/.test(part);
  return (names) => names.some((name) => (isAscii ? name : toUnicode(name)).includes(part));
}

/** Returns whether a certificate has a label; with any value, where none is given. */
function hasLabel(
  { labels: all = {} }: Filtered,
  name: string,
  value: string | undefined,
): boolean {
  return Object.hasOwn(all, name) && (value ?? all[name]) === all[name];
}
