import { date, dateTime, fromNow, toTheSecond } from '../time.ts';

/** An instant, relative to now or as a date; the instant itself on hover. */
export function Instant({
  at,
  as = 'relative',
}: {
  readonly at: string;
  readonly as?: 'relative' | 'date' | 'exact' | 'second';
}) {
  const text = { relative: fromNow, date, exact: dateTime, second: toTheSecond }[as](at);
  return (
    <time dateTime={at} title={`${dateTime(at)} (${at})`}>
      {text}
    </time>
  );
}
