import type { CountedCertificate } from '@acmex/observability';
import { describe, expect, it } from '@jest/globals';
import { certificateCalendar } from './certificate-calendar.ts';

const fromMs = Date.parse('2026-11-29T12:00:00Z');
const range = { fromMs, untilMs: Date.parse('2027-11-29T12:00:00Z') };
const certificate = (change: Partial<CountedCertificate> = {}): CountedCertificate => ({
  ...{ id: 'crt_a', domain: 'a.test', furtherNames: [], issuer: 'ca', paused: false },
  ...{ openAlarms: [], isServed: undefined, order: undefined, isAwaiting: false },
  ...{ state: 'valid', labels: undefined },
  endMs: Date.parse('2026-12-24T23:59:59Z'),
  renewMs: Date.parse('2026-12-01T03:00:00Z'),
  ...change,
});
/** The properties of each event, with the lines unfolded. RFC 5545 §3.1 */
const eventsOf = (text: string) =>
  text
    .replaceAll('\r\n ', '')
    .split('\r\nBEGIN:VEVENT\r\n')
    .slice(1)
    .map((event) =>
      Object.fromEntries(
        event
          .split('\r\nEND:VEVENT')[0]!
          .split('\r\n')
          .map((line) => [line.split(':')[0], line.slice(line.indexOf(':') + 1)]),
      ),
    );

describe('the calendar of certificates', () => {
  it('has an event for the expiry and one for the planned renewal', () => {
    const text = certificateCalendar([certificate()], range);
    expect(text).toMatch(/^BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:/);
    expect(text.trimEnd()).toMatch(/END:VCALENDAR$/);
    expect(eventsOf(text)).toMatchObject([
      {
        ...{ UID: 'renewal-crt_a', DTSTAMP: '20261129T120000Z', DTSTART: '20261201T030000Z' },
        ...{ SUMMARY: 'a.test: renewal is planned', TRANSP: 'TRANSPARENT' },
      },
      {
        ...{ UID: 'expiry-crt_a', DTSTAMP: '20261129T120000Z', DTSTART: '20261224T235959Z' },
        SUMMARY: 'a.test: certificate expires',
      },
    ]);
  });

  it('moves the events of a certificate that was renewed, with the same UIDs', () => {
    const renewed = certificate({ endMs: Date.parse('2027-03-24T23:59:59Z') });
    const [, before] = eventsOf(certificateCalendar([certificate()], range));
    const [, after] = eventsOf(certificateCalendar([renewed], range));
    expect([after!.UID, after!.DTSTART]).toEqual([before!.UID, '20270324T235959Z']);
  });

  it('folds lines at 75 octets, escapes what names hold, and ends each with CRLF', () => {
    const furtherNames = Array.from({ length: 30 }, (_, at) => `ü${at}${'ä'.repeat(40)}.test`);
    const domain = 'a,b;c\\d\nBEGIN:VEVENT';
    const text = certificateCalendar([certificate({ domain, furtherNames })], range);
    expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    for (const line of text.split('\r\n'))
      expect([line, Buffer.byteLength(line) <= 75]).toEqual([line, true]);
    const [event] = eventsOf(text);
    expect(event!.SUMMARY).toBe('a\\,b\\;c\\\\d\\nBEGIN:VEVENT and 30 more: renewal is planned');
    expect(event!.DESCRIPTION).toContain('and 11 more');
    expect(text.match(/^BEGIN:VEVENT\r$/gm)).toHaveLength(2);
  });

  it('has nothing of the past, of a paused renewal, or beyond the range and the bound', () => {
    const nothing = [
      certificate({ endMs: fromMs, renewMs: fromMs - 1 }),
      certificate({ endMs: Infinity, renewMs: undefined }),
      certificate({ endMs: range.untilMs, renewMs: range.untilMs }),
      certificate({ endMs: Infinity, paused: true }),
    ];
    expect(eventsOf(certificateCalendar(nothing, range))).toEqual([]);
    const many = Array.from({ length: 10 }, (_, at) =>
      certificate({ id: `crt_${at}`, endMs: range.untilMs - 1 - at, renewMs: undefined }),
    );
    const uids = eventsOf(certificateCalendar(many, { ...range, mostEvents: 3 })).map(
      ({ UID }) => UID,
    );
    expect(uids).toEqual(['expiry-crt_9', 'expiry-crt_8', 'expiry-crt_7']);
  });
});
