import { systemClock } from '@acmex/clock';
import { reportSoak } from '@acmex/services';
import { afterEach, expect, it, jest } from '@jest/globals';
import { plainCertificates } from './plain-certificates.testing.ts';

const certificate = await import('@acmex/certificate');
jest.unstable_mockModule('@acmex/certificate', () => ({ ...certificate, ...plainCertificates }));
const { Random, simulate } = await import('./renewal-simulation.testing.ts');

// ACMEX_SIMULATION_SEED runs one scenario again; a soak runs ten thousand that no one has seen.
const { ACMEX_SIMULATION_SEED: single, ACMEX_SOAK: soak } = process.env;
const isSoak = soak === 'orchestrator';
const scenarios = isSoak ? 10_000 : 40;
const sample = isSoak ? Math.floor(Math.random() * 2 ** 31) : 1;
const first = single === undefined ? sample : Number(single);

afterEach(() => {
  jest.restoreAllMocks();
});

/** Makes ids follow from the seed, because the pauses after failures depend on them. */
function seedIds(seed: number): void {
  const random = new Random(seed);
  jest.spyOn(globalThis.crypto, 'getRandomValues').mockImplementation((array) => {
    (array as unknown as Uint8Array).forEach((_, index, bytes) => {
      bytes[index] = Math.floor(random.next() * 256);
    });
    return array;
  });
}

it(
  'no certificate expires while its CA would issue, and no CA is asked more often than it permits',
  async () => {
    const begun = systemClock.monotonic();
    let [issued, renewed, refused, questions] = [0, 0, 0, 0];
    const count = single === undefined ? scenarios : 1;
    for (let seed = first; seed < first + count; seed += 1) {
      const done = seed - first;
      if (done > 0 && done % 1000 === 0) reportSoak(`${done} scenarios, ${issued} certificates`);
      seedIds(seed);
      const report = await simulate(seed);
      jest.restoreAllMocks();
      issued += report.issued;
      renewed += report.renewed;
      refused += report.refused;
      questions += report.questions;
      if (report.problem !== undefined)
        throw new Error(
          `${report.problem}\nTo see it again: ACMEX_SIMULATION_SEED=${seed}\n${report.history.join('\n')}`,
        );
    }
    const seconds = ((systemClock.monotonic() - begun) / 1000).toFixed(1);
    reportSoak(
      `${count} scenarios from seed ${first} in ${seconds} s: ${issued} certificates issued, ${renewed} of them renewals, ${refused} refusals, ${questions} questions for a window; none expired, none too early`,
    );
    // Without renewals and questions, the CA has seen nothing of what it is to judge.
    if (count > 1)
      expect([renewed, questions].map((number) => number > count)).toEqual([true, true]);
  },
  isSoak ? 7_200_000 : 120_000,
);
