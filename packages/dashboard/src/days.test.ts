import { describe, expect, it } from '@jest/globals';
import {
  dayOf,
  daysAfter,
  daysFrom,
  edgesOf,
  firstDayIn,
  firstDayOfWeek,
  monthsAfter,
  readMonth,
  startOf,
  weeksOf,
} from '../page/days.ts';
import { barsOf, height, width } from '../page/screens/overview/bars.ts';

const year = daysFrom('2028-01-01', 366);

describe('days of the reader', () => {
  it('follow each other, over leap days and years', () => {
    expect(year[0]).toBe('2028-01-01');
    expect(year[59]).toBe('2028-02-29');
    expect(year.at(-1)).toBe('2028-12-31');
    expect(daysAfter('2028-03-01', -1)).toBe('2028-02-29');
  });

  it('begin where they are, and end where the next one begins', () => {
    for (const [index, day] of year.entries()) {
      const { after, before } = edgesOf(day);
      const start = startOf(day).getTime();
      expect([dayOf(start), dayOf(Date.parse(before) - 1)]).toEqual([day, day]);
      expect(Date.parse(after)).toBe(start - 1);
      const next = year[index + 1] ?? '2029-01-01';
      expect(Date.parse(edgesOf(next).after)).toBe(Date.parse(before) - 1);
    }
  });
});

describe('the weeks of a month', () => {
  it('begin with the weekday of the reader, and have each day of the month', () => {
    // 1 November 2026 is a Sunday.
    expect(weeksOf('2026-11', 7).map(([first]) => first)).toEqual([
      ...['2026-11-01', '2026-11-08', '2026-11-15', '2026-11-22', '2026-11-29'],
    ]);
    expect(weeksOf('2026-11', 1).map(([first]) => first)).toEqual([
      ...['2026-10-26', '2026-11-02', '2026-11-09', '2026-11-16', '2026-11-23', '2026-11-30'],
    ]);
    for (let count = 0, month = '2026-01'; count < 48; count += 1, month = monthsAfter(month, 1))
      for (const firstDay of [1, 6, 7]) {
        const weeks = weeksOf(month, firstDay);
        expect(weeks.every(({ length }) => length === 7)).toBe(true);
        const days = weeks.flat().filter((day) => day.startsWith(month));
        expect(days).toEqual(daysFrom(`${month}-01`, 31).filter((day) => day.startsWith(month)));
        // No week is of other months alone.
        expect(weeks.every((week) => week.some((day) => day.startsWith(month)))).toBe(true);
      }
  });

  it('begin as in the region of the reader', () => {
    expect(['DE', 'US', 'EG', ''].map(firstDayIn)).toEqual([1, 7, 6, 1]);
    expect(['de-DE', 'en-US', 'en-GB', 'ar-EG'].map(firstDayOfWeek)).toEqual([1, 7, 1, 6]);
  });

  it('are those of the address, where it has a month', () => {
    expect(['2026-11', '2026-13', '26-11', '', undefined].map(readMonth)).toEqual([
      ...['2026-11', undefined, undefined, undefined, undefined],
    ]);
    expect(monthsAfter('2026-12', 1)).toBe('2027-01');
    expect(monthsAfter('2026-01', -1)).toBe('2025-12');
  });
});

describe('the bars of the strip', () => {
  it('are above the line for expiries and below it for renewals, on one scale', () => {
    const days = daysFrom('2026-11-29', 90);
    const { bars, line } = barsOf(days, [
      { date: '2026-11-29', expiring: 30, renewing: 0 },
      { date: '2027-02-26', expiring: 15, renewing: 10 },
      { date: '2030-01-01', expiring: 1, renewing: 1 },
    ]);
    expect(bars.map(({ what, day, count }) => [what, day, count])).toEqual([
      ['expiring', '2026-11-29', 30],
      ['expiring', '2027-02-26', 15],
      ['renewing', '2027-02-26', 10],
    ]);
    const [first, second, third] = bars;
    expect(first!.y + first!.height).toBeCloseTo(line);
    expect(first!.height).toBeCloseTo(second!.height * 2);
    expect([third!.y, third!.height * 1.5]).toEqual([line, expect.closeTo(second!.height)]);
    for (const { x, y, width: wide, height: high } of bars)
      expect([x >= 0, y >= 0, x + wide <= width, y + high <= height]).toEqual([
        ...[true, true, true, true],
      ]);
  });

  it('are seen beside very high ones', () => {
    const { bars } = barsOf(daysFrom('2026-11-29', 2), [
      { date: '2026-11-29', expiring: 100_000, renewing: 0 },
      { date: '2026-11-30', expiring: 1, renewing: 1 },
    ]);
    expect(Math.min(...bars.map(({ height: high }) => high))).toBeGreaterThanOrEqual(2);
  });
});
