import { describe, expect, it } from '@jest/globals';
import { Temporal } from 'temporal-polyfill';
import type { CertificateSummary } from './certificate-record.ts';
import { renewalPlanAfter } from './index.ts';

const issuedAt = Temporal.Instant.from('2026-03-01T00:00:00Z');
const later = (hours: number) => issuedAt.add({ hours });
const current = {
  ...{ generation: 2, serialNumber: '01', issuedAt: issuedAt.toString() },
  ...{ notBefore: issuedAt.toString(), notAfter: later(90 * 24).toString() },
};
type Plan = CertificateSummary['renewal'];
const plan: Plan = { at: later(60 * 24).toString(), askAt: issuedAt.toString() };

/** What the plan is after answers with windows, in hours from the issue. */
function after(...answers: readonly { ask: number; from: number; to: number }[]): Plan {
  return answers.reduce<Plan>((renewal, { ask, from, to }) => {
    const now = later(ask);
    const window = { start: later(from), end: later(to) };
    const answer = { window, askAgainAt: now.add({ hours: 6 }) };
    return renewalPlanAfter(answer, { current, renewal }, { now });
  }, plan);
}

describe('the plan of a renewal', () => {
  const usual = { ask: 0, from: 1400, to: 1450 };

  it('follows a window that the CA moves into the past, however new the certificate is', () => {
    expect(Date.parse(after(usual)?.at ?? '')).toBeGreaterThan(later(1399).epochMilliseconds);
    const moved = after(usual, { ask: 6, from: 4, to: 5 });
    expect(Date.parse(moved?.at ?? '')).toBeLessThanOrEqual(later(5).epochMilliseconds);
  });

  it('stays for a new certificate where each window is over', () => {
    const over = [0, 6, 12, 18].map((ask) => ({ ask, from: ask - 2, to: ask - 1 }));
    expect(after(...over)?.at).toBe(plan.at);
    // A twentieth of the lifetime has passed.
    expect(after(...over, { ask: 109, from: 107, to: 108 })?.at).not.toBe(plan.at);
  });
});
