import type { Clock } from '@acmex/clock';
import {
  type CertificatePage,
  certificateStates,
  type ManagedCertificate,
  stateOf,
} from '@acmex/orchestrator';
import * as z from 'zod';
import { type Caller, maySee } from '../access/caller.ts';
import { certifiedName, labelFilter, moment, ownName } from '../http/fields.ts';

/** Which certificates are meant; all where nothing is given. */
export const filterFields = {
  name: certifiedName.optional().describe('Those that hold this name.'),
  below: certifiedName.optional().describe('Those that hold a name below this one.'),
  issuer: ownName.optional(),
  state: z.enum(certificateStates).optional(),
  label: labelFilter.optional().describe('NAME, or NAME=VALUE.'),
  expiresBefore: moment.optional(),
  expiresAfter: moment.optional(),
};
export type CertificateFilter = z.output<z.ZodObject<typeof filterFields>>;

export interface FilteredPageOptions {
  readonly caller: Caller;
  readonly clock: Clock;
  readonly limit: number;
  readonly cursor?: string | undefined;
  /** By `expiry` by default where the filter is one of expiry, and by `id` for any other. */
  readonly sort?: 'id' | 'name' | 'expiry' | undefined;
  /** Which of the certificates that match are wanted; all by default. */
  readonly where?: ((certificate: ManagedCertificate) => boolean) | undefined;
}

/** Reads a page of the certificates that a caller may see and that match a filter. */
export async function filteredPage(
  { name, below, expiresBefore, expiresAfter, ...filter }: CertificateFilter,
  { caller, clock, limit, cursor, sort, where = () => true }: FilteredPageOptions,
): Promise<CertificatePage> {
  const byExpiry = expiresBefore !== undefined || expiresAfter !== undefined;
  const isMatch = matcher({ expiresBefore, expiresAfter, ...filter }, clock);
  return await caller.tenant.manager.provisioner.certificates.page({
    ...{ name, below, limit, cursor },
    where: (candidate) => maySee(caller, candidate.names) && isMatch(candidate) && where(candidate),
    sort: sort ?? (byExpiry ? 'expiry' : 'id'),
    expiresFrom: expiresAfter,
    expiresBefore,
  });
}

/** Returns whether a certificate matches what no index of names looks up. */
function matcher(
  { issuer, state, label, expiresBefore, expiresAfter }: CertificateFilter,
  clock: Clock,
): (certificate: ManagedCertificate) => boolean {
  const [labelName = '', labelValue] = label?.split('=') ?? [];
  const ends = ({ current }: ManagedCertificate) =>
    current ? Date.parse(current.notAfter) : undefined;
  return (candidate) =>
    (issuer ?? candidate.issuer) === candidate.issuer &&
    (state === undefined || stateOf(candidate, clock) === state) &&
    (label === undefined || hasLabel(candidate, labelName, labelValue)) &&
    (expiresBefore === undefined || (ends(candidate) ?? Infinity) < Date.parse(expiresBefore)) &&
    (expiresAfter === undefined || (ends(candidate) ?? -Infinity) > Date.parse(expiresAfter));
}

/** Returns whether a certificate has a label; with any value, where none is given. */
function hasLabel(
  { labels: all = {} }: ManagedCertificate,
  name: string,
  value: string | undefined,
): boolean {
  return Object.hasOwn(all, name) && (value ?? all[name]) === all[name];
}
