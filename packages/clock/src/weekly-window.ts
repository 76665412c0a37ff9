import { Temporal } from 'temporal-polyfill';
import { weekdays } from './weekdays.ts';

/** A span of time on some days of each week. */
export interface WeeklyWindow {
  /** The days on which it begins; 1 is Monday, as in ISO 8601. */
  readonly days: ReadonlySet<number>;
  readonly begin: Temporal.PlainTime;
  readonly end: Temporal.PlainTime;
  /** The name of a time zone in the IANA database. */
  readonly timeZone: string;
}

/** One occurrence of a window, in milliseconds. */
export interface Occurrence {
  readonly begin: number;
  readonly end: number;
}

const dayMs = 24 * 3_600_000;
/** In any span of this length, each window occurs: also where one of its days has no such time. */
const searchedMs = 15 * dayMs;
const grammar =
  /^(?:(?<days>[a-z]+(?:[-,][a-z]+)*) +)?(?<begin>\d\d:\d\d)-(?<end>\d\d:\d\d)(?: +(?<zone>[A-Za-z][\w+/-]*))?$/i;

/** What a person can write as a weekly window, for the message of an error. */
export const weeklyWindowForm =
  'days, times and a time zone: "Sat 02:00-06:00 Europe/Berlin", "Mon-Fri 22:00-04:00" or "00:00-24:00"';

/**
 * Reads a weekly window: days, times and a time zone, as `Sat 02:00-06:00 Europe/Berlin`. Without
 * days it is on each day, and without a time zone in UTC. One that ends at or before its begin ends
 * on the next day.
 * @returns undefined for a text of another form
 */
export function parseWeeklyWindow(text: string): WeeklyWindow | undefined {
  const { days: dayText, begin, end, zone = 'UTC' } = grammar.exec(text.trim())?.groups ?? {};
  const days = daysOf(dayText);
  if (begin === undefined || end === undefined || !days) return undefined;
  try {
    return {
      days,
      begin: Temporal.PlainTime.from(begin),
      end: Temporal.PlainTime.from(end === '24:00' ? '00:00' : end),
      timeZone: Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone).timeZoneId,
    };
  } catch {
    // A time or a zone that does not exist.
    return undefined;
  }
}

/** Returns the days of `Sat`, `Mon-Fri` or `Tue,Thu`; all without a text. */
function daysOf(text: string | undefined): ReadonlySet<number> | undefined {
  if (text === undefined) return new Set([1, 2, 3, 4, 5, 6, 7]);
  const days = new Set<number>();
  for (const range of text.split(',')) {
    const [first, last = first, ...more] = range.split('-').map(dayNumber);
    if (first === undefined || last === undefined || more.length > 0) return undefined;
    for (let day = first; ; day = (day % 7) + 1) {
      days.add(day);
      if (day === last) break;
    }
  }
  return days;
}

function dayNumber(name: string): number | undefined {
  const wanted = name.toLowerCase();
  const index = weekdays.findIndex((day) => day === wanted || day.slice(0, 3) === wanted);
  return index < 0 ? undefined : index + 1;
}

/**
 * Returns the parts of the occurrences that are within a span, the earliest first. Where a clock is
 * put forward over a begin or an end, that is as much later.
 */
function occurrences(
  windows: readonly WeeklyWindow[],
  { begin, end }: Occurrence,
): readonly Occurrence[] {
  if (end <= begin) return [];
  return windows
    .flatMap((window) => {
      // It may have begun on the day before.
      let day = localDay(begin, window).subtract({ days: 1 });
      const last = localDay(end, window);
      const all: Occurrence[] = [];
      for (; Temporal.PlainDate.compare(day, last) <= 0; day = day.add({ days: 1 }))
        if (window.days.has(day.dayOfWeek)) all.push(occurrenceOn(day, window));
      return all;
    })
    .map((occurrence) => ({
      begin: Math.max(begin, occurrence.begin),
      end: Math.min(end, occurrence.end),
    }))
    .filter((occurrence) => occurrence.begin < occurrence.end)
    .sort((a, b) => a.begin - b.begin);
}

function occurrenceOn(day: Temporal.PlainDate, window: WeeklyWindow): Occurrence {
  const { begin, end, timeZone } = window;
  const endsNextDay = Temporal.PlainTime.compare(end, begin) <= 0;
  const lastDay = endsNextDay ? day.add({ days: 1 }) : day;
  return {
    begin: day.toZonedDateTime({ timeZone, plainTime: begin }).epochMilliseconds,
    end: lastDay.toZonedDateTime({ timeZone, plainTime: end }).epochMilliseconds,
  };
}

function localDay(moment: number, { timeZone }: WeeklyWindow): Temporal.PlainDate {
  return Temporal.Instant.fromEpochMilliseconds(Math.floor(moment))
    .toZonedDateTimeISO(timeZone)
    .toPlainDate();
}

/** Returns the last occurrence that begins within a span, or the part of it that is in it. */
export function lastOccurrence(
  windows: readonly WeeklyWindow[],
  { begin, end }: Occurrence,
): Occurrence | undefined {
  return occurrences(windows, { begin: Math.max(begin, end - searchedMs), end }).at(-1);
}

/** Returns the first occurrence within a span, or the part of it that is in it. */
export function firstOccurrence(
  windows: readonly WeeklyWindow[],
  { begin, end }: Occurrence,
): Occurrence | undefined {
  return occurrences(windows, { begin, end: Math.min(end, begin + searchedMs) })[0];
}

/** Whether a moment, in milliseconds, is in a window. Without windows each moment is. */
export function isInWindow(windows: readonly WeeklyWindow[], moment: number): boolean {
  return (
    windows.length === 0 || occurrences(windows, { begin: moment, end: moment + 1 }).length > 0
  );
}
