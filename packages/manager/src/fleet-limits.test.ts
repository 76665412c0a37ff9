import { systemClock } from '@acmex/clock';
import { reportSoak } from '@acmex/services';
import { expect, it } from '@jest/globals';
import { type FleetOptions, obtainFleet } from './fleet-limits.testing.ts';

// A soak has 10,000 names at the limits of Let's Encrypt, else fewer names and a tenth of the limits.
const isSoak = process.env.ACMEX_SOAK === 'fleet';
const fleet: FleetOptions = isSoak
  ? { certificates: 1000, namesEach: 10, divisor: 1, isBudgeted: true, asksForWindows: true }
  : { certificates: 40, namesEach: 1, divisor: 10, isBudgeted: true, asksForWindows: false };

it(
  'a CA with limits refuses no order, and the last is made within 5 % of the earliest time',
  async () => {
    const begun = systemClock.monotonic();
    const report = await obtainFleet(fleet);
    const seconds = ((systemClock.monotonic() - begun) / 1000).toFixed(1);
    const days = (milliseconds: number) => (milliseconds / 86_400_000).toFixed(2);
    reportSoak(
      `${fleet.certificates * fleet.namesEach} names in ${seconds} s: ${report.issued} certificates, ${report.refused} refusals, ${report.attempts} attempts, ${days(report.end)} days; at the earliest ${days(report.bound)}, planned ${days(report.planned)}`,
    );
    expect(report.refused).toBe(0);
    expect(report.issued).toBeGreaterThanOrEqual(fleet.certificates);
    expect(report.end).toBeGreaterThan(report.bound * 0.999);
    expect(report.end).toBeLessThan(report.bound * 1.05);
    expect(report.planned).toBeLessThan(report.bound * 1.05);
    // One to find out when, and one to order, for nearly all.
    expect(report.attempts).toBeLessThan(report.issued * 2.5);
  },
  isSoak ? 3_600_000 : undefined,
);

it('the same CA refuses orders that are not kept within its limits', async () => {
  const { refused } = await obtainFleet({
    ...{ certificates: 15, namesEach: 1, divisor: 10 },
    ...{ isBudgeted: false, asksForWindows: false },
  });
  expect(refused).toBeGreaterThan(0);
});
