import { describe, expect, it } from '@jest/globals';
import { instantOf, localTime } from '../page/local-time.ts';

describe('a field for local times', () => {
  it.each(['2026-01-15T08:05:00.000Z', '2026-07-15T23:59:00.000Z', '2026-10-25T03:30:00.000Z'])(
    'gives back the instant %s',
    (instant) => {
      expect(localTime(instant)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d$/);
      expect(localTime(Date.parse(instant))).toBe(localTime(instant));
      expect(instantOf(localTime(instant))).toBe(instant);
    },
  );

  it('gives no instant where it is empty', () => {
    expect(instantOf('')).toBeUndefined();
  });
});
