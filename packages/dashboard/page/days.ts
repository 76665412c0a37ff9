/** `2026-11-29`; it begins at midnight in the reader's zone. */
export type Day = string;
/** `2026-11` */
export type Month = string;

/** The reader's time zone: `Europe/Berlin`. */
export const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** The day of a moment. @param at milliseconds since 1970 */
export function dayOf(at: number): Day {
  const date = new Date(at);
  const local = Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return new Date(local).toISOString().slice(0, 10);
}

/** When a day begins. A day that is skipped by the zone begins when the next one does. */
export function startOf(day: Day): Date {
  return new Date(...numbers(day));
}

/** The day that comes so many days later. */
export function daysAfter(day: Day, count: number): Day {
  const [year, month, date] = numbers(day);
  return new Date(Date.UTC(year, month, date + count)).toISOString().slice(0, 10);
}

/** The days from one on. */
export function daysFrom(day: Day, count: number): readonly Day[] {
  return Array.from({ length: count }, (_, index) => daysAfter(day, index));
}

/** What is on a day, for the filter of a list: the filter has neither of its ends. */
export function edgesOf(day: Day): { readonly after: string; readonly before: string } {
  const start = startOf(day).getTime();
  return {
    after: new Date(start - 1).toISOString(),
    before: startOf(daysAfter(day, 1)).toISOString(),
  };
}

/** The month of an address, if it has one that can be shown. */
export function readMonth(text: string | undefined): Month | undefined {
  return /^2\d{3}-(0[1-9]|1[0-2])$/.test(text ?? '') ? text : undefined;
}

/** The month that a day is in. */
export const monthOf = (day: Day): Month => day.slice(0, 7);

/** The month that comes so many months later. */
export function monthsAfter(month: Month, count: number): Month {
  const [year, index] = numbers(`${month}-01`);
  return monthOf(new Date(Date.UTC(year, index + count, 1)).toISOString());
}

/**
 * The weeks of a month, whole ones: with days of the months before and after it.
 *
 * @param firstDay with which weekday weeks begin: 1 is Monday, 7 is Sunday
 */
export function weeksOf(month: Month, firstDay: number): readonly (readonly Day[])[] {
  const first = `${month}-01`;
  const weekday = new Date(Date.UTC(...numbers(first))).getUTCDay();
  const before = (weekday - firstDay + 7) % 7;
  const length = Number(daysAfter(`${monthsAfter(month, 1)}-01`, -1).slice(8));
  const count = Math.ceil((before + length) / 7);
  const start = daysAfter(first, -before);
  return Array.from({ length: count }, (_, week) => daysFrom(daysAfter(start, week * 7), 7));
}

/** Where weeks begin with Sunday or Saturday, for browsers that do not know it. Unicode CLDR */
const sunday = [
  'AG AS BD BR BS BT BW BZ CA CO DM DO ET GT GU HK HN ID IL IN JM JP KE KH KR LA MH MM MO MT MX',
  'MZ NI NP PA PE PH PK PR PY SA SG SV TH TT TW UM US VE VI WS YE ZA ZW',
].join(' ');
const saturday = 'AE AF BH DJ DZ EG IQ IR JO KW LY OM QA SD SY';

/** With which weekday weeks begin where a language is spoken: 1 is Monday, 7 is Sunday. */
export function firstDayOfWeek(tag: string): number {
  const locale = new Intl.Locale(tag) as Intl.Locale & {
    readonly getWeekInfo?: () => { readonly firstDay: number };
    readonly weekInfo?: { readonly firstDay: number };
  };
  const known = (locale.getWeekInfo?.() ?? locale.weekInfo)?.firstDay;
  return known ?? firstDayIn(locale.maximize().region ?? '');
}

/** @param region `DE` */
export function firstDayIn(region: string): number {
  if (sunday.split(' ').includes(region)) return 7;
  return saturday.split(' ').includes(region) ? 6 : 1;
}

function numbers(day: Day): readonly [year: number, month: number, date: number] {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  return [year, month - 1, date];
}
