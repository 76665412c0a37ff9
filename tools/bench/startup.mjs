// How soon the program is there.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { median, root } from './prepare.mjs';

export const title = 'Start-up';
const limit = 1.3;
const runs = 15;

export async function measure() {
  const cli = join(root, 'apps/cli');
  seconds(['build.mjs'], cli);
  const program = ['bin/acmex.mjs', '--version'];
  const nothing = ['-e', '0'];
  for (const args of [program, nothing]) seconds(args, cli);
  const times = Array.from({ length: runs }, () => ({
    program: seconds(program, cli),
    nothing: seconds(nothing, cli),
  }));
  const [acmex, node] = [
    median(times.map((time) => time.program)),
    median(times.map((time) => time.nothing)),
  ];
  return {
    title,
    text: `\`acmex --version\` and \`node -e 0\`, ${runs} times in turn after one that does not count; the quotient of the medians.`,
    rows: [
      {
        promise: '`acmex --version`',
        limit: `${limit} of \`node -e 0\``,
        figure: (acmex / node).toFixed(2),
        met: acmex / node <= limit,
      },
    ],
    tables: [
      [
        ['command', 'median'],
        ['`acmex --version`', `${Math.round(acmex * 1000)} ms`],
        ['`node -e 0`', `${Math.round(node * 1000)} ms`],
      ],
    ],
  };
}

function seconds(args, cwd) {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}: ${stderr}`);
  return (performance.now() - start) / 1000;
}
