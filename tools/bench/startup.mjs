// How soon the program is there.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { median } from './figures.mjs';
import { inRounds, root } from './prepare.mjs';

export const title = 'Start-up';
const runs = 9;
const programs = {
  acmex: [process.execPath, join(root, 'apps/cli/bin/acmex.mjs'), '--version'],
  node: [process.execPath, '-e', '0'],
  lego: ['lego', '--version'],
};
const left = {};

export async function measure(bench) {
  milliseconds([process.execPath, join(root, 'apps/cli/build.mjs')]);
  Object.values(programs).forEach(milliseconds);
  const rounds = await inRounds(bench.rounds, round);
  const of = (program) => rounds.map(({ [program]: time }) => time);
  return {
    title,
    text: `Wall time of \`acmex --version\`, \`node -e 0\` and Debian's \`lego --version\`, a program of Go: the median of ${runs} times by turns, after one that does not count.`,
    rows: [
      {
        figure: '`acmex --version`',
        unit: 'ms',
        ours: of('acmex'),
        peer: { name: 'lego', figures: of('lego') },
        limit: { name: '`node -e 0`', figures: of('node') },
        goals: [{ of: 'limit', atMost: 1.3 }],
      },
    ],
    tables: [],
    left,
  };
}

async function round() {
  const times = Object.fromEntries(Object.keys(programs).map((name) => [name, []]));
  for (let run = 0; run < runs; run += 1)
    for (const [name, command] of Object.entries(programs)) times[name].push(milliseconds(command));
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]));
}

function milliseconds([command, ...args]) {
  const start = performance.now();
  const options = { cwd: join(root, 'apps/cli'), encoding: 'utf8' };
  const { status, stderr, error } = spawnSync(command, args, options);
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${stderr}`, {
      cause: error,
    });
  return performance.now() - start;
}
