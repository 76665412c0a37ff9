import { startOf } from '../days.ts';
import { strings } from '../strings/strings.ts';
import { type DayCounts, expiringOn, renewingOn } from '../summary.ts';
import { date } from '../time.ts';
import { type Column, Listing } from './listing.tsx';

const words = await strings('overview');

const columns: readonly Column<DayCounts>[] = [
  { title: words.day, cell: ({ date: day }) => date(startOf(day).toISOString()) },
  {
    title: words.expiring,
    cell: ({ date: day, expiring }) =>
      expiring === 0 ? 0 : <a href={expiringOn(day)}>{words.certificates(expiring)}</a>,
  },
  {
    title: words.renewing,
    cell: ({ date: day, renewing }) =>
      renewing === 0 ? 0 : <a href={renewingOn(day)}>{words.certificates(renewing)}</a>,
  },
];

/** The days of a picture as a table, with the same links. */
export function DayTable({
  caption,
  days,
}: {
  readonly caption: string;
  readonly days: readonly DayCounts[];
}) {
  return (
    <details>
      <summary>{words.asTable}</summary>
      {days.length === 0 ? (
        <p>{words.noDays}</p>
      ) : (
        <Listing caption={caption} columns={columns} rows={days} keyOf={({ date: day }) => day} />
      )}
    </details>
  );
}
