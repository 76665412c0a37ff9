import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { timestamp } from './index.ts';

const day = 86_400_000_000_000n;
const nanoseconds = fc.oneof(
  fc.bigInt(-100_000_000n * day, 100_000_000n * day),
  // Whole milliseconds and seconds, as clocks have them.
  fc.integer({ min: -8e15, max: 8e15 }).map((milliseconds) => BigInt(milliseconds) * 1_000_000n),
  fc.integer({ min: -8e12, max: 8e12 }).map((seconds) => BigInt(seconds) * 1_000_000_000n),
);

describe('timestamp', () => {
  it('writes a moment as Temporal does', () => {
    fc.assert(
      fc.property(nanoseconds, (epochNanoseconds) => {
        const moment = Temporal.Instant.fromEpochNanoseconds(epochNanoseconds);
        expect(timestamp(moment)).toBe(moment.toString());
      }),
      { numRuns: 3000 },
    );
    expect(timestamp(Temporal.Instant.from('2026-11-01T00:00:00.25Z'))).toBe(
      '2026-11-01T00:00:00.25Z',
    );
    expect(timestamp(Temporal.Instant.from('2026-11-01T00:00:00Z'))).toBe('2026-11-01T00:00:00Z');
  });
});
