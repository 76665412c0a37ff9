import type { Rehearsal } from '@acmex/rehearsal';
import { type Row, table } from '../output.ts';

/** The most certificates that are shown by name. */
const longest = 20;

export interface ShownRehearsal {
  readonly rehearsal: Rehearsal;
  readonly changes: readonly {
    readonly at: string;
    readonly issuer: string;
    readonly profile: string | undefined;
    readonly lifetimeDays: number;
  }[];
}

/** Returns a rehearsal for a person. */
export function rehearsalText({ rehearsal, changes }: ShownRehearsal): string {
  const { certificates, from, until, issued, busiestHour, waits } = rehearsal;
  const busiest = busiestHour
    ? `, at most ${busiestHour.issued} in an hour (${busiestHour.at.slice(0, 13).replace('T', ' ')}:00 UTC)`
    : '';
  const waiting =
    waits.orders > 0
      ? [
          `${waits.orders} orders wait for a limit of the CA, the longest ${span(waits.longestSeconds)}.`,
        ]
      : [];
  return [
    `A rehearsal of ${certificates} certificates from ${from.slice(0, 10)} to ${until.slice(0, 10)}. No request is sent.`,
    ...changes.map(
      ({ at, issuer, profile, lifetimeDays }) =>
        `${at.slice(0, 10)}  ${issuer}${profile === undefined ? '' : ` (${profile})`}: lifetimes of ${lifetimeDays} days`,
    ),
    '',
    table(months(rehearsal)),
    '',
    `${issued} certificates are issued${busiest}.`,
    ...issuedBy(rehearsal),
    ...waiting,
    ...budgets(rehearsal),
    '',
    ...outages(rehearsal),
  ].join('\n');
}

function issuedBy({ issuers }: Rehearsal): readonly string[] {
  if (issuers.length < 2) return [];
  const counts = issuers.map(({ issuer, issued }) => `${issued} by ${issuer}`);
  return [`Of these, ${counts.join(', ')}.`];
}

function months({ days }: Rehearsal): readonly Row[] {
  const rows = new Map<
    string,
    { issued: number; highest: number; failed: number; waited: number }
  >();
  for (const { date, issued, failed, waited } of days) {
    const month = date.slice(0, 7);
    const row = rows.get(month) ?? { issued: 0, highest: 0, failed: 0, waited: 0 };
    rows.set(month, {
      issued: row.issued + issued,
      highest: Math.max(row.highest, issued),
      failed: row.failed + failed,
      waited: row.waited + waited,
    });
  }
  return [...rows].map(([month, { issued, highest, failed, waited }]) => ({
    ...{ month, issued, 'most a day': highest, failed, waited },
  }));
}

function budgets({ budgets: uses }: Rehearsal): readonly string[] {
  if (uses.length === 0) return [];
  const rows = uses.map(({ issuer, limit, subject, taken, capacity, at }) => ({
    ...{ issuer, limit, subject, taken, of: capacity, at: at.slice(0, 10) },
  }));
  return ['', 'The most that is taken of each limit:', table(rows)];
}

function outages({ outages: all }: Rehearsal): readonly string[] {
  if (all.length === 0) return ['No certificate expires.'];
  const rows = all.slice(0, longest).map(({ names, cause, from, until }) => ({
    ...{ names: names.slice(0, 3).join(' '), cause, from: from.slice(0, 16) },
    until: until?.slice(0, 16) ?? 'the end',
  }));
  const more =
    all.length > longest ? [`… and ${all.length - longest} more; see --output json`] : [];
  return [`Without a valid certificate, ${all.length} times:`, table(rows), ...more];
}

function span(seconds: number): string {
  if (seconds >= 172_800) return `${Math.round(seconds / 86_400)} days`;
  return seconds >= 7200
    ? `${Math.round(seconds / 3600)} hours`
    : `${Math.ceil(seconds / 60)} minutes`;
}
