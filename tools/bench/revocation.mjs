// What it costs to look up a certificate in a large revocation list.
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleWhole, inRounds, median, root } from './prepare.mjs';

export const title = 'Revocation';
const entries = 1_000_000;
const limits = { seconds: 2, peak: 150, delay: 100 };

export async function measure(bench) {
  const { writeList } = await import(await bundleWhole('revocation-list'));
  const folder = await mkdtemp(join(root, 'tmp', 'bench-revocation-'));
  try {
    const { task, length } = await writeList(join(folder, 'list.crl'), entries);
    const rounds = await inRounds(
      bench.rounds,
      async () => await bench.run({ client: 'revocation-list', names: [], ...task }),
    );
    return report(rounds, length, bench.rounds);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function report(rounds, length, count) {
  const of = (figure) => median(rounds.map((round) => round[figure]));
  const size = `${Math.round(length / 1024 / 1024)} MiB`;
  const rows = [
    ['a look-up', of('wall'), limits.seconds, (seconds) => `${seconds.toFixed(2)} s`],
    ['resident memory', of('peak'), limits.peak, (peak) => `${Math.round(peak)} MB`],
    [
      'the longest that other work waits',
      of('longestDelay'),
      limits.delay,
      (delay) => `${Math.round(delay)} ms`,
    ],
  ];
  return {
    title,
    text: `A process that has just started looks up a certificate in a list of 1,000,000 entries (${size}), read from a file in pieces, and checks its signature (P-256); the memory is that of the whole process. The median of ${count}.`,
    rows: rows.map(([promise, figure, limit, text]) => ({
      promise: `${promise}, a list of 1,000,000`,
      limit: text(limit).replace('.00', ''),
      figure: text(figure),
      met: figure <= limit,
    })),
    tables: [],
  };
}
