import { describe, expect, it } from '@jest/globals';
import { Temporal } from 'temporal-polyfill';
import { firstOccurrence, parseWeeklyWindow } from './index.ts';

const ms = (at: string) => Temporal.Instant.from(at).epochMilliseconds;
const iso = (at: number) => new Date(at).toISOString();

describe('a weekly window', () => {
  /** The first occurrence in two weeks from a moment on. */
  const first = (text: string, from: string) => {
    const begin = ms(from);
    const occurrence = firstOccurrence([parseWeeklyWindow(text)!], {
      begin,
      end: begin + 14 * 86_400_000,
    });
    return occurrence && [occurrence.begin, occurrence.end].map(iso).map((at) => at.slice(0, 16));
  };

  it.each([
    ['Sat 02:00-06:00 Europe/Berlin', '2026-12-05T01:00', '2026-12-05T05:00'],
    ['sat,Sun 02:00-06:00', '2026-12-05T02:00', '2026-12-05T06:00'],
    ['Saturday 22:00-04:00', '2026-12-05T22:00', '2026-12-06T04:00'],
    ['Fri-Mon 22:00-24:00 Asia/Kolkata', '2026-11-30T16:30', '2026-11-30T18:30'],
    ['00:00-24:00', '2026-11-30T12:00', '2026-12-01T00:00'],
  ])('is read: %s', (text, begin, end) => {
    expect(first(text, '2026-11-30T12:00:00Z')).toEqual([begin, end]);
  });

  it.each([
    '',
    'Sat',
    'Sax 02:00-06:00',
    'Sat 02:00',
    'Sat 25:00-26:00',
    'Sat 02:00-06:00 Europe/Nowhere',
    'Mon-Tue-Wed 02:00-06:00',
    '0 2 * * 6',
  ])('of another form is not read: %s', (text) => {
    expect(parseWeeklyWindow(text)).toBeUndefined();
  });

  it.each([
    // The clock goes from 02:00 to 03:00 on 29 March, and from 03:00 back to 02:00 on 25 October.
    ['Sun 01:00-04:00 Europe/Berlin', '2026-03-28T12:00:00Z', '03-29T00:00', '03-29T02:00'],
    ['Sun 01:00-04:00 Europe/Berlin', '2026-10-24T12:00:00Z', '10-24T23:00', '10-25T03:00'],
    ['Sun 02:30-04:00 Europe/Berlin', '2026-03-28T12:00:00Z', '03-29T01:30', '03-29T02:00'],
    ['Sun 02:00-03:00 Europe/Berlin', '2026-03-28T12:00:00Z', '04-05T00:00', '04-05T01:00'],
    ['Sat 22:00-04:00 America/New_York', '2026-03-07T12:00:00Z', '03-08T03:00', '03-08T08:00'],
  ])('follows the change of the clock: %s after %s', (text, from, begin, end) => {
    expect(first(text, from)).toEqual([`2026-${begin}`, `2026-${end}`]);
  });
});
