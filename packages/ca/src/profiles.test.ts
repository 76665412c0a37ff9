import { describe, expect, it } from '@jest/globals';
import { Temporal } from 'temporal-polyfill';
import { profilesOf, validityFault, validityOf } from './profiles.ts';

const now = Temporal.Instant.from('2026-06-01T00:00:00.7Z');
const issuerEnds = Temporal.Instant.from('2030-06-01T00:00:00Z');
const profileOf = (options: Parameters<typeof profilesOf>[0][string]) =>
  profilesOf({ test: options }).get('test')!;

/** The length of a certificate's lifetime, with its first and its last second. RFC 5280 §4.1.2.5 */
function lengthOf({ notBefore, notAfter }: ReturnType<typeof validityOf>): number {
  return notBefore.until(notAfter).total('seconds') + 1;
}

describe('the lifetime of a certificate (C35)', () => {
  it.each([
    [{ minutes: 1 }, 5],
    [{ minutes: 5 }, 25],
    [{ hours: 1 }, 300],
    [{ hours: 24 }, 3600],
    [{ hours: 397 * 24 }, 3600],
  ])('of a profile of %j is no longer, and begins %i seconds ago', (validity, backdate) => {
    const profile = profileOf({ validity });
    const lifetime = validityOf(profile, {}, { now, issuerEnds });
    expect(lengthOf(lifetime)).toBe(Temporal.Duration.from(validity).total('seconds'));
    expect(lifetime.notBefore.until(now).total('seconds')).toBeCloseTo(backdate + 0.7);
  });

  it('is no longer than the profile for any time that it permits', () => {
    const profile = profileOf({ validity: { hours: 1 } });
    const times = [-7200, -3600, -3599, -1, 0, 1, 60, 3599, 3600, 3601, 7200].map((second) =>
      now
        .add({ seconds: second })
        .round({ smallestUnit: 'second', roundingMode: 'floor' })
        .toString(),
    );
    let permitted = 0;
    for (const notBefore of [undefined, ...times])
      for (const notAfter of [undefined, ...times]) {
        const asked = { notBefore, notAfter };
        if (validityFault(profile, asked, { now, issuerEnds }) !== undefined) continue;
        permitted += 1;
        const lifetime = validityOf(profile, asked, { now, issuerEnds });
        expect(lengthOf(lifetime)).toBeLessThanOrEqual(3600);
        expect(lengthOf(lifetime)).toBeGreaterThan(1);
        if (notBefore !== undefined) expect(lifetime.notBefore.toString()).toBe(notBefore);
        if (notAfter !== undefined) expect(lifetime.notAfter.toString()).toBe(notAfter);
      }
    expect(permitted).toBeGreaterThan(20);
  });

  it('ends with the issuer', () => {
    const soon = now.add({ hours: 2 }).round({ smallestUnit: 'second', roundingMode: 'floor' });
    const { notAfter } = validityOf(profileOf({}), {}, { now, issuerEnds: soon });
    expect(notAfter.toString()).toBe(soon.toString());
  });

  it('of a profile does not begin more than half of it in the past', () => {
    expect(() => profileOf({ validity: { minutes: 10 }, backdate: { minutes: 6 } })).toThrow(
      expect.objectContaining({ code: 'ERR_CA_PROFILE' }),
    );
  });
});
