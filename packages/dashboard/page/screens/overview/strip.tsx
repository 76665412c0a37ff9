import { useLocation } from 'preact-iso/router';
import { type Day, daysAfter, daysFrom, startOf } from '../../days.ts';
import { DayTable } from '../../elements/day-table.tsx';
import { strings } from '../../strings/strings.ts';
import { type DayCounts, expiringOn, renewingOn } from '../../summary.ts';
import { date } from '../../time.ts';
import { barsOf, type Bar, height, width } from './bars.ts';

const words = await strings('overview');

/** Expiries of the next days as bars above a line, planned renewals below it. */
export function Strip({
  days,
  from,
  count,
}: {
  readonly days: readonly DayCounts[];
  readonly from: Day;
  readonly count: number;
}) {
  const all = daysFrom(from, count);
  const { bars, line } = barsOf(all, days);
  return (
    <section class="panel strip" aria-labelledby="strip">
      <div class="heading">
        <h2 id="strip">{words.strip(count)}</h2>
        <a href="/calendar">{words.calendar}</a>
      </div>
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
        {bars.map((bar) => (
          <BarLink key={`${bar.what} ${bar.day}`} bar={bar} />
        ))}
        <rect class="line" x="0" y={line - 0.5} width={width} height="1" />
      </svg>
      <div class="axis" aria-hidden="true">
        {[0, Math.floor(count / 2), count - 1].map((index) => (
          <span key={index}>{date(startOf(daysAfter(from, index)).toISOString())}</span>
        ))}
      </div>
      <p class="legend">
        <span class="expiring">▲ {words.above}</span> <span class="renewing">▼ {words.below}</span>
      </p>
      <DayTable caption={words.strip(count)} days={days} />
    </section>
  );
}

/** The table beside the picture has the same links for the keyboard and for screen readers. */
function BarLink({ bar: { what, day, count, ...place } }: { readonly bar: Bar }) {
  const { route } = useLocation();
  const url = what === 'expiring' ? expiringOn(day) : renewingOn(day);
  return (
    <a
      href={url}
      tabindex={-1}
      onClick={(event: MouseEvent) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        route(url);
      }}
    >
      <rect class={what} {...place}>
        <title>{`${date(startOf(day).toISOString())}: ${words[what]} ${count}`}</title>
      </rect>
    </a>
  );
}
