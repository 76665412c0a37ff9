import { describe, expect, it } from '@jest/globals';
import { pauseAfterMs } from './backoff.ts';

describe('a pause', () => {
  const pause = (failures: number, random: number, retryAfterMs?: number) =>
    pauseAfterMs({ failures, firstMs: 1000, longestMs: 60_000, random, retryAfterMs });

  it('doubles up to a limit, and is spread at random between half of it and all of it', () => {
    expect([1, 2, 3, 7, 100].map((failures) => pause(failures, 1))).toEqual([
      1000, 2000, 4000, 60_000, 60_000,
    ]);
    expect([1, 2, 100].map((failures) => pause(failures, 0))).toEqual([500, 1000, 30_000]);
  });
  it('is not shorter than Retry-After, of which ten minutes count, and is spread at random there too', () => {
    expect([pause(1, 0, 20_000), pause(1, 1, 20_000), pause(7, 0, 5000)]).toEqual([
      20_000, 20_500, 30_000,
    ]);
    expect(pause(1, 0, 86_400_000)).toBe(600_000);
  });
});
