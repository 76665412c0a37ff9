import type { components } from '@acmex/api';
import { type Day, dayOf, daysAfter, edgesOf, type Month, monthOf, startOf } from '../../days.ts';
import { api } from '../../server.ts';
import { strings } from '../../strings/strings.ts';
import { type DayCounts, expiringOn, renewingOn } from '../../summary.ts';
import { date, weekday } from '../../time.ts';
import { visibleText } from '../../visible-text.ts';

const words = await strings('calendar');
type Certificate = components['schemas']['Certificate'];
/** The certificates that expire on each day: as many as are named in the month. */
type Expiring = ReadonlyMap<Day, readonly Certificate[]>;

/** How many certificates are read for a month, and named on a day. */
const [read, named] = [200, 2];

/** Loads the first certificates that expire on some days. */
export async function loadExpiring(
  { from, days }: { readonly from: Day; readonly days: number },
  signal: AbortSignal,
): Promise<Expiring> {
  const query = {
    sort: 'expiry',
    expiresAfter: edgesOf(from).after,
    expiresBefore: startOf(daysAfter(from, days)).toISOString(),
    limit: read,
  } as const;
  const { items } = (await api.GET('/api/certificates', { params: { query }, signal })).data;
  const byDay = new Map<Day, readonly Certificate[]>();
  for (const certificate of items) {
    const day = dayOf(Date.parse(certificate.current?.notAfter ?? ''));
    byDay.set(day, [...(byDay.get(day) ?? []), certificate]);
  }
  return byDay;
}

interface MonthGridProps {
  readonly caption: string;
  readonly month: Month;
  readonly weeks: readonly (readonly Day[])[];
  readonly today: Day;
  readonly counts: readonly DayCounts[];
  readonly expiring: Expiring;
}

/** A month as weeks of days, with links to what is on each. */
export function MonthGrid({ caption, month, weeks, today, counts, expiring }: MonthGridProps) {
  const byDay = new Map(counts.map((each) => [each.date, each]));
  return (
    <table class="calendar">
      <caption class="hidden">{caption}</caption>
      <thead>
        <tr>
          {weeks[0]?.map((day) => (
            <th key={day} scope="col" abbr={weekday(startOf(day), 'long')}>
              {weekday(startOf(day), 'short')}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {weeks.map((week) => (
          <tr key={week[0]}>
            {week.map((day) => (
              <td
                key={day}
                class={monthOf(day) === month ? undefined : 'outside'}
                aria-current={day === today ? 'date' : undefined}
              >
                <time dateTime={day}>{Number(day.slice(8))}</time>
                {day === today ? <span class="hidden"> ({words.isToday})</span> : null}
                <DayLinks counts={byDay.get(day)} certificates={expiring.get(day) ?? []} />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function DayLinks({
  counts,
  certificates,
}: {
  readonly counts: DayCounts | undefined;
  readonly certificates: readonly Certificate[];
}) {
  if (!counts) return null;
  const { expiring } = counts;
  return (
    <>
      <DayLink what="expiring" counts={counts} />
      {certificates.slice(0, named).map(({ id, names }) => (
        <a key={id} class="wide name" href={`/certificates/${id}`}>
          <bdi>{visibleText(names[0] ?? '')}</bdi>
        </a>
      ))}
      {certificates.length > 0 && expiring > named ? (
        <small class="wide">{words.more(expiring - named)}</small>
      ) : null}
      <DayLink what="renewing" counts={counts} />
    </>
  );
}

const marks = { expiring: '▲', renewing: '▼' } as const;
const urlsOf = { expiring: expiringOn, renewing: renewingOn } as const;

function DayLink({
  what,
  counts: { date: day, [what]: count },
}: {
  readonly what: keyof typeof marks;
  readonly counts: DayCounts;
}) {
  if (count === 0) return null;
  const word = words[what](count);
  return (
    <a
      class={what}
      href={urlsOf[what](day)}
      aria-label={`${date(startOf(day).toISOString())}: ${count} ${word}`}
    >
      {marks[what]} {count}
      <span class="wide"> {word}</span>
    </a>
  );
}
