import type { Clock } from '@acmex/clock';
import { expiryOf, isLate, isWaiting, type ManagedCertificate, stateOf } from '@acmex/orchestrator';
import { nameList } from './name-list.ts';

/** Why a person should look at a certificate. */
export type CertificateProblem = 'expired' | 'late' | 'failing' | 'not deployed';

/** What a summary says of one certificate. Times are RFC 3339. */
export interface SummaryEntry {
  readonly certificate: string;
  readonly names: readonly string[];
  /** When it expires; absent before it is issued. */
  readonly expires?: string | undefined;
  /** When its renewal is planned; absent where none is. */
  readonly renewal?: string | undefined;
  readonly paused?: true | undefined;
  /** Absent where there is none. */
  readonly problems?: readonly CertificateProblem[] | undefined;
  /** The last failure. Text from a server in it is data. */
  readonly message?: string | undefined;
  readonly code?: string | undefined;
}

/** The certificates of a receiver. Each is in one list, which begins with the next to expire. */
export interface Summary {
  readonly totals: {
    readonly certificates: number;
    readonly attention: number;
    readonly planned: number;
    readonly paused: number;
  };
  /** The first ones that fail, are late, have expired or are not deployed. */
  readonly attention: readonly SummaryEntry[];
  /** The first ones of all others. */
  readonly planned: readonly SummaryEntry[];
  /** The first ones that are paused and have no problem. */
  readonly paused: readonly SummaryEntry[];
  /** What a test message says. */
  readonly message?: string | undefined;
}

/** The lists, in the order in which a person reads them. */
const lists = ['attention', 'planned', 'paused'] as const;
type List = (typeof lists)[number];
/** The highest number of certificates in a list; the rest are counted. */
const mostEntries = 10;

/** Returns what a summary says of a certificate. */
export function summaryEntry(
  certificate: ManagedCertificate,
  clock: Pick<Clock, 'now'>,
): SummaryEntry {
  const { id, names, current, renewal, paused, failure, deployFailure } = certificate;
  const problems: CertificateProblem[] = [
    ...(stateOf(certificate, clock) === 'expired' ? (['expired'] as const) : []),
    ...(isLate(certificate, clock) ? (['late'] as const) : []),
    ...(failure && !isWaiting(failure) ? (['failing'] as const) : []),
    ...(deployFailure ? (['not deployed'] as const) : []),
  ];
  const cause = failure ?? deployFailure;
  return {
    certificate: id,
    names,
    expires: current && expiryOf(current),
    renewal: paused ? undefined : renewal?.at,
    paused: paused || undefined,
    problems: problems.length > 0 ? problems : undefined,
    message: cause?.message,
    code: cause?.code,
  };
}

/** Returns the summary of certificates. */
export function summaryOf(entries: readonly SummaryEntry[]): Summary {
  const [attention, planned, paused] = lists.map((list) =>
    entries
      .filter((entry) => listOf(entry) === list)
      .sort((first, second) => expiryMs(first) - expiryMs(second)),
  ) as [SummaryEntry[], SummaryEntry[], SummaryEntry[]];
  return {
    totals: {
      certificates: entries.length,
      attention: attention.length,
      planned: planned.length,
      paused: paused.length,
    },
    attention: attention.slice(0, mostEntries),
    planned: planned.slice(0, mostEntries),
    paused: paused.slice(0, mostEntries),
  };
}

/** Returns a summary in one line. */
export function summaryTitle({ totals }: Summary): string {
  const { certificates, attention, paused } = totals;
  return [
    `weekly summary: ${certificates} ${certificates === 1 ? 'certificate' : 'certificates'}`,
    attentionText(attention),
    ...(paused === 0 ? [] : [`${paused} paused`]),
  ].join(', ');
}

function attentionText(count: number): string {
  if (count === 0) return 'none needs attention';
  return count === 1 ? '1 needs attention' : `${count} need attention`;
}

/** Returns a line for each certificate, and one for those that a list leaves out. */
export function summaryLines({ totals, message, ...summary }: Summary): readonly string[] {
  const lines = lists.flatMap((list) => {
    const omitted = totals[list] - summary[list].length;
    const more = omitted === 0 ? [] : [`${headings[list]}: and ${omitted} more`];
    return [...summary[list].map(entryLine), ...more];
  });
  return message === undefined ? lines : [message, ...lines];
}

const headings = { attention: 'needs attention', planned: 'planned', paused: 'paused' } as const;

function listOf({ problems, paused }: SummaryEntry): List {
  if (problems) return 'attention';
  return paused ? 'paused' : 'planned';
}

function expiryMs({ expires }: SummaryEntry): number {
  return expires === undefined ? Infinity : Date.parse(expires);
}

function entryLine(entry: SummaryEntry): string {
  const { names, certificate, expires, renewal, paused, problems, message, code } = entry;
  const renewalText = renewal === undefined ? 'no renewal is planned' : `renewal ${day(renewal)}`;
  const facts = [
    expires === undefined ? 'not issued' : `expires ${day(expires)}`,
    ...(paused ? [] : [renewalText]),
    ...(paused && problems ? ['paused'] : []),
    ...(message === undefined ? [] : [message]),
    ...(code === undefined ? [] : [`[${code}]`]),
  ];
  const heading = problems?.join(', ') ?? headings[listOf(entry)];
  return `${heading}: ${nameList(names) || certificate} – ${facts.join(' – ')}`;
}

/** Returns a time for a person: `2026-12-12 07:00 UTC`. */
function day(time: string): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
