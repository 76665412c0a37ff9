import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { renewalTime, retryTime, urgency } from './index.ts';

const start = Temporal.Instant.from('2026-01-01T00:00:00Z');
const after = (hours: number) => start.add({ milliseconds: Math.round(hours * 3_600_000) });
const validity = (days: number) => ({ notBefore: start, notAfter: after(days * 24) });
const days = (instant: Temporal.Instant) =>
  (instant.epochMilliseconds - start.epochMilliseconds) / 86_400_000;

describe('renewalTime', () => {
  it('is when a third of a long lifetime is left, or half of a short one', () => {
    expect(days(renewalTime(validity(90), { random: 0 }))).toBe(60);
    expect(days(renewalTime(validity(47), { random: 0 }))).toBeCloseTo((47 * 2) / 3);
    expect(days(renewalTime(validity(6), { random: 0 }))).toBe(3);
  });

  it('spreads the renewals of certificates that were issued together', () => {
    expect(days(renewalTime(validity(90), { random: 0.5 }))).toBeCloseTo(60 - 0.9);
  });

  it("is a random moment of the CA's window, early or late", () => {
    for (const [from, to, random, expected] of [
      [10, 12, 0.5, 11],
      [85, 86, 0, 85],
      [-3, -2, 0.5, -2.5],
      [5, 5, 0.9, 5],
      [8, 7, 0.9, 8],
    ] as const) {
      expect(
        days(
          renewalTime(validity(90), {
            window: { start: after(from * 24), end: after(to * 24) },
            random,
          }),
        ),
      ).toBe(expected);
    }
  });

  it('is never later than renewBefore says, which is at most half the lifetime', () => {
    const window = { start: after(85 * 24), end: after(86 * 24) };
    expect(days(renewalTime(validity(90), { window, renewBefore: { days: 20 }, random: 0 }))).toBe(
      70,
    );
    expect(days(renewalTime(validity(90), { renewBefore: { days: 20 }, random: 0 }))).toBe(60);
    expect(days(renewalTime(validity(90), { renewBefore: { days: 40 }, random: 0 }))).toBe(50);
    expect(days(renewalTime(validity(6), { renewBefore: { days: 30 }, random: 0 }))).toBe(3);
  });

  it('is before expiry for every lifetime, and a new certificate is not due at once', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 60, max: 100_000_000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.option(fc.integer({ min: 1, max: 400 }), { nil: undefined }),
        (seconds, random, before) => {
          const life = { notBefore: start, notAfter: start.add({ seconds }) };
          const time = renewalTime(life, {
            random,
            ...(before === undefined ? {} : { renewBefore: { days: before } }),
          });
          expect(Temporal.Instant.compare(time, life.notAfter)).toBeLessThan(0);
          expect(Temporal.Instant.compare(time, life.notBefore)).toBeGreaterThan(0);
        },
      ),
    );
  });
});

describe('retryTime', () => {
  const pause = (failures: number, lifetime: object, more = {}) =>
    (retryTime({ failures, lifetime, now: start, random: 0, ...more }).epochMilliseconds -
      start.epochMilliseconds) /
    1000;

  it('doubles the pause from a minute to a day, and never stops', () => {
    expect([1, 2, 3, 11, 12, 1000].map((failures) => pause(failures, { days: 90 }))).toEqual([
      60, 120, 240, 61_440, 86_400, 86_400,
    ]);
  });

  it('is sooner for a shorter lifetime', () => {
    expect([1, 2, 10].map((failures) => pause(failures, { minutes: 10 }))).toEqual([6, 12, 60]);
  });

  it('is exactly the time that the CA names, if that is later', () => {
    expect(pause(1, { days: 90 }, { retryAfter: after(3) })).toBe(3 * 3600);
    expect(pause(1, { days: 90 }, { random: 0.8 })).toBe(72);
  });
});

describe('urgency', () => {
  it('grows towards expiry', () => {
    const life = validity(100);
    const at = (day: number) => urgency(life, after(60 * 24), after(day * 24));
    expect([10, 60, 94, 95, 99, 100, 200].map(at)).toEqual([
      'current',
      'due',
      'due',
      'emergency',
      'emergency',
      'expired',
      'expired',
    ]);
  });
});
