import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { boundedRetryAfter, parseRetryAfter } from './index.ts';

const now = Temporal.Instant.from('2026-11-01T00:00:00Z');

describe('parseRetryAfter', () => {
  it('reads seconds and HTTP dates', () => {
    expect(parseRetryAfter(' 120 ', now)).toEqual(now.add({ seconds: 120 }));
    expect(parseRetryAfter('0', now)).toEqual(now);
    expect(parseRetryAfter('Sun, 01 Nov 2026 01:00:00 GMT', now)).toEqual(now.add({ hours: 1 }));
  });

  it('understands nothing else', () => {
    for (const header of [
      null,
      undefined,
      '',
      'soon',
      '-1',
      '1.5',
      '2026-11-01',
      'Sun, 1 Ebb 2026',
    ])
      expect(parseRetryAfter(header, now)).toBeUndefined();
  });

  it('names a moment that can be written, whatever number of seconds or date it reads', () => {
    for (const header of ['1000000000', '9'.repeat(400), 'Fri, 01 Jan 275000 00:00:00 GMT'])
      expect(parseRetryAfter(header, now)?.toString()).toMatch(/^(20|21)\d\d-/);
  });
});

describe('boundedRetryAfter', () => {
  it('obeys a server for a day at most', () => {
    expect(boundedRetryAfter(now.add({ hours: 6 }), { now })).toEqual(now.add({ hours: 6 }));
    expect(boundedRetryAfter(now.add({ hours: 1e5 }), { now })).toEqual(now.add({ hours: 24 }));
  });

  it('obeys it for half of the time that is left at most', () => {
    const end = now.add({ hours: 10 });
    expect(boundedRetryAfter(now.add({ hours: 4 }), { now, end })).toEqual(now.add({ hours: 4 }));
    expect(boundedRetryAfter(now.add({ hours: 6 }), { now, end })).toEqual(now.add({ hours: 5 }));
  });

  it('leaves time for ten further attempts, however often a server asks to wait', () => {
    fc.assert(
      fc.property(fc.integer({ min: 60, max: 1e8 }), (seconds) => {
        const end = now.add({ seconds });
        let at = now;
        for (let attempt = 0; attempt < 10; attempt += 1)
          at = boundedRetryAfter(at.add({ seconds: 1e9 }), { now: at, end });
        expect(Temporal.Instant.compare(at, end)).toBeLessThan(0);
      }),
    );
  });

  it('counts an end that has passed no longer', () => {
    const end = now.subtract({ hours: 1 });
    expect(boundedRetryAfter(now.add({ hours: 48 }), { now, end })).toEqual(now.add({ hours: 24 }));
  });
});
