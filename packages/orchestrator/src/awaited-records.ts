import type { Temporal } from 'temporal-polyfill';
import type { CertificateSummary } from './certificate-record.ts';
import type { Awaited } from './issuer.ts';
import type { OrderDnsRecord, OrderRecord } from './order-record.ts';

/** Records of earlier values, which a person may still have to remove, that stay in an order. */
const longestHistory = 100;
/** The shortest and the longest time between two looks at the records of an order. */
const [shortestLookMs, longestLookMs] = [60_000, 3_600_000];

type Records = Pick<OrderRecord, 'records' | 'recordsUntil'>;

/** Returns the records of an order that has no use for them any more. */
export function removable({ records }: Records): Records {
  return {
    records: records?.map((record) => ({ ...record, state: 'removable' })),
    recordsUntil: undefined,
  };
}

/** Returns the records that are wanted now, and those of earlier values. */
export function wantedRecords(
  { records: before = [] }: Records,
  { records, until }: Awaited,
): Records {
  const wanted = records.map(({ isSeen, ...record }): OrderDnsRecord => ({
    ...record,
    state: isSeen ? 'seen' : 'wanted',
  }));
  const earlier = before
    .filter((record) => !wanted.some((present) => isSameRecord(present, record)))
    .map((record): OrderDnsRecord => ({ ...record, state: 'removable' }));
  return { records: [...wanted, ...earlier.slice(-longestHistory)], recordsUntil: until };
}

/** Returns those of the awaited records that an order did not want before. */
export function newlyWanted(
  { records: before = [] }: Records,
  { records }: Awaited,
): Awaited['records'] {
  return records.filter(
    (record) => !before.some((known) => known.state !== 'removable' && isSameRecord(known, record)),
  );
}

/** Whether a person has to set a record for the order. */
export function isAwaiting({ records = [] }: Records): boolean {
  return records.some(({ state }) => state !== 'removable');
}

/** Whether all records that an order wants were seen. */
export function areAllSeen({ records = [] }: Records): boolean {
  return records.every(({ state }) => state !== 'wanted');
}

/**
 * Returns when the records are looked at next by themselves: after a tenth of the time that they have
 * been wanted, between a minute and an hour, and when they expire.
 * @param options `isNoted`: a different process saw all of them meanwhile, so that they are looked at
 * again at once
 */
export function awaitedUntil(
  { awaits }: Pick<CertificateSummary, 'awaits'>,
  {
    until,
    isNew,
    isNoted,
  }: {
    readonly until: string | undefined;
    readonly isNew: boolean;
    readonly isNoted: boolean;
  },
  now: Temporal.Instant,
): NonNullable<CertificateSummary['awaits']> {
  const since = isNew ? now.toString() : (awaits?.since ?? now.toString());
  const waitedMs = now.epochMilliseconds - Date.parse(since);
  const pauseMs = isNoted ? 0 : Math.min(longestLookMs, Math.max(shortestLookMs, waitedMs / 10));
  const nextMs = now.epochMilliseconds + pauseMs;
  const endMs = until === undefined ? nextMs : Date.parse(until);
  return {
    since,
    ...(until === undefined ? {} : { until }),
    // A CA that has an order of the past is not asked all the time.
    lookAt: new Date(Math.max(Math.min(nextMs, endMs), now.epochMilliseconds + 1000)).toISOString(),
  };
}

/** Returns what a person has to do, for messages: `set the TXT record … by hand until …`. */
export function awaitedText(names: readonly string[], until: string | undefined): string {
  const distinct = [...new Set(names)];
  const listed = distinct.slice(0, 5).join(', ');
  const more = distinct.length > 5 ? ` and ${distinct.length - 5} more names` : '';
  const what = names.length === 1 ? 'the TXT record' : `${names.length} TXT records`;
  const at = names.length === 1 ? '' : 'at ';
  return `${what} ${at}${listed}${more} must be set by hand${until === undefined ? '' : ` until ${until}`}`;
}

function isSameRecord(
  first: Pick<OrderDnsRecord, 'name' | 'value' | 'domain'>,
  second: Pick<OrderDnsRecord, 'name' | 'value' | 'domain'>,
): boolean {
  return (
    first.name === second.name && first.value === second.value && first.domain === second.domain
  );
}
