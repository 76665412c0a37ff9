// What it costs to look up a certificate in a large revocation list.
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { byTurns } from './figures.mjs';
import { bundleWhole, inRounds, root } from './prepare.mjs';

export const title = 'Revocation';
const entries = 1_000_000;
const left = {};

export async function measure(bench) {
  const { writeList } = await import(await bundleWhole('revocation-list'));
  const folder = await mkdtemp(join(root, 'tmp', 'bench-revocation-'));
  try {
    const { task, length } = await writeList(join(folder, 'list.crl'), entries);
    const clients = { ours: 'revocation-list', bare: 'bare-list' };
    const rounds = await inRounds(
      bench.rounds,
      async () =>
        await byTurns(clients, async (client) => {
          const { wall, peak, longestDelay } = await bench.run({ client, names: [], ...task });
          return { wall, peak, longestDelay };
        }),
    );
    return report(rounds, length);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function report(rounds, length) {
  const size = `${Math.round(length / 1024 / 1024)} MiB`;
  const row = (figure, unit, value, atMost) => ({
    figure: `${figure}, a list of ${entries.toLocaleString('en')}`,
    unit,
    ours: rounds.map(({ ours }) => ours[value]),
    limit: { name: 'its hash alone', figures: rounds.map(({ bare }) => bare[value]) },
    goals: [{ atMost }],
  });
  return {
    title,
    text: `A process that has just started looks up a certificate in a list of ${entries.toLocaleString('en')} entries (${size}), read from a file in pieces, and checks its signature (P-256); the memory is that of the whole process. The limit is a process that reads the file in the same pieces and makes the SHA-256 of it, which the signature needs, and looks at no entry.`,
    rows: [
      row('a look-up', 's', 'wall', 2),
      row('resident memory', 'MiB', 'peak', 150),
      row('the longest that other work waits', 'ms', 'longestDelay', 100),
    ],
    tables: [],
    left,
  };
}
