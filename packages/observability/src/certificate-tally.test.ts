import { virtualClock } from '@acmex/clock';
import {
  certificateStates,
  CertificateStore,
  type ManagedCertificate,
  stateOf,
} from '@acmex/orchestrator';
import { memoryStorage } from '@acmex/storage';
import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { CertificateCensus, certificateMetrics, CertificateTally, Metrics } from './index.ts';

const start = Date.parse('2026-11-01T00:00:00Z');
const at = (hour: number) => new Date(start + hour * 3_600_000).toISOString();
const hour = fc.integer({ min: -5, max: 60 });
const hours = fc.option(hour, { nil: undefined });

/** A certificate with what its state depends on. */
const certificate = fc
  .record({
    id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    end: hours,
    renewal: hours,
    isRevoked: fc.boolean(),
    hasFailed: fc.boolean(),
    paused: fc.boolean(),
  })
  .map(({ id, end, renewal, isRevoked, hasFailed, paused }) => ({
    ...{ id, names: [`${id}.example`], issuer: 'ca', paused },
    ...(end === undefined
      ? {}
      : { current: { notAfter: at(end), ...(isRevoked ? { revokedAt: at(0) } : {}) } }),
    ...(renewal === undefined ? {} : { renewal: { at: at(renewal) } }),
    ...(hasFailed ? { failure: { at: at(0) } } : {}),
  }));
const step = fc.oneof(
  { weight: 3, arbitrary: certificate.map((set) => ({ set })) },
  certificate.map(({ id }) => ({ remove: id })),
  { weight: 2, arbitrary: hour.map((now) => ({ now })) },
);

describe('the tally of certificates', () => {
  it('counts as a recount would, after any changes and steps of the clock', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let now = { epochMilliseconds: start };
        const tally = new CertificateTally(now);
        const expected = new Map<string, ManagedCertificate>();
        for (const next of steps) {
          if ('set' in next) {
            const added = next.set as unknown as ManagedCertificate;
            expected.set(added.id, added);
            tally.set(added);
          } else if ('remove' in next) {
            expected.delete(next.remove);
            tally.delete(next.remove);
          } else {
            now = { epochMilliseconds: Date.parse(at(next.now)) };
            tally.advance(now);
          }
          const states = [...expected.values()].map((certificate) =>
            stateOf(certificate, { now: () => now }),
          );
          const recount = certificateStates.map((state) => [
            state,
            states.filter((each) => each === state).length,
          ]);
          expect([...tally.counts]).toEqual(recount);
          const ends = [...expected.values()]
            .flatMap(({ current }) => current?.notAfter ?? [])
            .sort();
          const first = tally.firstToExpire(2).map(({ current }) => current?.notAfter);
          expect(first.sort()).toEqual(ends.slice(0, 2));
        }
      }),
    );
  });

  it('reads no date of a certificate at a scrape without changes', async () => {
    const clock = virtualClock({ now: at(0) });
    const storage = memoryStorage();
    const certificates = new CertificateStore({ storage, clock });
    for (let count = 0; count < 20; count += 1)
      await certificates.add({ names: [`${count}.example`], issuer: 'ca', keyType: 'ec-p256' });
    const census = new CertificateCensus(() => ({ storage, certificates }), clock);
    const metrics = new Metrics({ includesProcess: false });
    certificateMetrics(metrics, { census, tenants: () => ['default'] });
    await metrics.text();
    await clock.advance({ minutes: 3 });
    await metrics.text();
    const get = jest.spyOn(storage, 'get');
    const parse = jest.spyOn(Date, 'parse');
    await expect(metrics.text()).resolves.toContain('state="unissued"} 20');
    expect([parse.mock.calls.length, get.mock.calls.length]).toEqual([0, 0]);
    parse.mockRestore();
  });
});
