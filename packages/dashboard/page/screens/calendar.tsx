import { useLocation } from 'preact-iso/router';
import {
  dayOf,
  firstDayOfWeek,
  type Month,
  monthOf,
  monthsAfter,
  readMonth,
  startOf,
  weeksOf,
} from '../days.ts';
import { DayTable } from '../elements/day-table.tsx';
import { Waiting } from '../elements/listing.tsx';
import { useTitle } from '../elements/title.ts';
import { useLoaded } from '../loaded.ts';
import { routes } from '../../src/routes.ts';
import { strings } from '../strings/strings.ts';
import { loadSummary } from '../summary.ts';
import { monthTitle, now } from '../time.ts';
import { Feed } from './calendar/feed.tsx';
import { loadExpiring, MonthGrid } from './calendar/month-grid.tsx';

const words = await strings('calendar');
const firstDay = firstDayOfWeek(navigator.language);

/** Expiries and planned renewals of a month, which is in the address. */
export function Calendar() {
  useTitle(words.title);
  const { query } = useLocation();
  const today = dayOf(now.value);
  const month = readMonth(query.month) ?? monthOf(today);
  const weeks = weeksOf(month, firstDay);
  const from = weeks[0]?.[0] ?? `${month}-01`;
  const days = weeks.length * 7;
  const loaded = useLoaded(
    month,
    async (signal) => {
      const [summary, expiring] = await Promise.all([
        loadSummary({ from, days }, signal),
        loadExpiring({ from, days }, signal),
      ]);
      return { counts: summary.days, expiring };
    },
    { seconds: 60 },
  );
  const title = monthTitle(startOf(`${month}-01`));
  return (
    <>
      <div class="heading">
        <h1>{words.title}</h1>
        <Months month={month} current={monthOf(today)} />
      </div>
      <h2>{title}</h2>
      <Waiting loaded={loaded}>
        {({ counts, expiring }) => (
          <>
            <MonthGrid
              {...{ month, weeks, today, counts, expiring }}
              caption={words.table(title)}
            />
            <DayTable
              caption={words.table(title)}
              days={counts.filter(({ date }) => monthOf(date) === month)}
            />
          </>
        )}
      </Waiting>
      <Feed />
    </>
  );
}

function Months({ month, current }: { readonly month: Month; readonly current: Month }) {
  const urlOf = (wanted: Month) => `${routes.calendar}?month=${wanted}`;
  return (
    <nav class="actions" aria-label={words.months}>
      <a class="button" href={urlOf(monthsAfter(month, -1))}>
        <span aria-hidden="true">←</span> {words.previous}
      </a>
      {month === current ? null : (
        <a class="button" href={routes.calendar}>
          {words.today}
        </a>
      )}
      <a class="button" href={urlOf(monthsAfter(month, 1))}>
        {words.next} <span aria-hidden="true">→</span>
      </a>
    </nav>
  );
}
