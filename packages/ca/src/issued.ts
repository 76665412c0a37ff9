import type { Clock } from '@acmex/clock';
import { idOf, type Storage, type Stored } from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import type { IssuedStatus } from './issued-statuses.ts';
import { type CertificateRecord, certificates } from './certificate-records.ts';

/** A certificate as the operator's lists show it. */
export interface IssuedInfo extends Omit<CertificateRecord, 'chains'> {
  /** Lower-case hexadecimal. */
  readonly serialNumber: string;
}

/**
 * Yields all that was issued, in the order of the serial numbers, which are random. Reads as the
 * caller asks for more.
 */
export async function* listIssued(storage: Storage): AsyncGenerator<IssuedInfo> {
  for await (const stored of certificates.list(storage)) yield infoOf(stored);
}

function infoOf(stored: Stored<CertificateRecord>): IssuedInfo {
  return issuedInfo(idOf(stored), stored.record);
}

/** Returns what lists show of a certificate: all but its chains. */
export function issuedInfo(
  serialNumber: string,
  record: Omit<CertificateRecord, 'chains'>,
): IssuedInfo {
  return {
    serialNumber,
    account: record.account,
    order: record.order,
    identifiers: record.identifiers,
    profile: record.profile,
    generation: record.generation,
    issuedAt: record.issuedAt,
    notBefore: record.notBefore,
    notAfter: record.notAfter,
    revoked: record.revoked,
    replacedBy: record.replacedBy,
  };
}

/** Which certificates to list: those for which all of it is true. */
export interface IssuedFilter {
  /** A name or an address, as in the certificate. */
  readonly identifier?: string | undefined;
  readonly account?: string | undefined;
  readonly profile?: string | undefined;
  readonly status?: IssuedStatus | undefined;
}

export interface IssuedPage {
  readonly certificates: readonly (IssuedInfo & { readonly status: IssuedStatus })[];
  /** The serial number after which the next page begins; absent on the last. */
  readonly next?: string | undefined;
}

/** Certificates that are read for a page: with a narrow filter, a page may be short or empty. */
const longestScan = 5000;

/** Returns a page of what was issued, in the order of the serial numbers. */
export async function issuedPage(
  storage: Storage,
  {
    limit,
    after,
    clock,
    ...filter
  }: IssuedFilter & {
    readonly limit: number;
    readonly after?: string | undefined;
    readonly clock: Clock;
  },
): Promise<IssuedPage> {
  const page: IssuedPage['certificates'][number][] = [];
  const now = clock.now();
  let scanned = 0;
  const start = after === undefined ? {} : { after: certificates.key(after) };
  for await (const stored of certificates.list(storage, start)) {
    const info = { ...infoOf(stored), status: issuedStatus(stored.record, now) };
    if (fits(info, filter)) page.push(info);
    scanned += 1;
    if (page.length === limit || scanned === longestScan)
      return { certificates: page, next: info.serialNumber };
  }
  return { certificates: page };
}

/** Returns the status of a certificate at a moment. One that is revoked stays so when it expires. */
export function issuedStatus(
  { revoked, notAfter }: Pick<IssuedInfo, 'revoked' | 'notAfter'>,
  now: Temporal.Instant,
): IssuedStatus {
  if (revoked) return 'revoked';
  return Temporal.Instant.compare(notAfter, now) < 0 ? 'expired' : 'valid';
}

function fits(
  info: IssuedPage['certificates'][number],
  { identifier, account, profile, status }: IssuedFilter,
): boolean {
  return (
    (identifier === undefined || info.identifiers.some(({ value }) => value === identifier)) &&
    (account === undefined || info.account === account) &&
    (profile === undefined || info.profile === profile) &&
    (status === undefined || info.status === status)
  );
}
