// What an operator of many certificates waits for.
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inRounds, root } from './prepare.mjs';

export const title = 'A fleet';
const names = 10_000;
const left = {};

export async function measure(bench) {
  spawnSync(process.execPath, [join(root, 'apps/cli/build.mjs')]);
  await mkdir(join(root, 'tmp'), { recursive: true });
  const folder = await mkdtemp(join(root, 'tmp', 'bench-fleet-'));
  try {
    const plans = await planned(bench.rounds, folder);
    return {
      title,
      text: `\`acmex plan\` of ${names.toLocaleString('en')} names, a certificate each and 60 % of them below one registered domain, at the limits of Let's Encrypt; the time is that of the whole program.`,
      rows: [
        {
          figure: `a plan of ${names.toLocaleString('en')} certificates`,
          unit: 's',
          ours: plans,
          goals: [{ atMost: 3 }],
        },
      ],
      tables: [],
      left,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function planned(rounds, folder) {
  const list = join(folder, 'names.txt');
  const lines = Array.from({ length: names }, (_, number) =>
    number % 5 < 3 ? `shop-${number}.example.com` : `www.example-${number}.net`,
  );
  await writeFile(list, `${lines.join('\n')}\n`);
  const args = ['plan', list, '--prod', '--json', '--storage', `file:${join(folder, 'data')}`];
  return await inRounds(rounds, async () => {
    const begun = performance.now();
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(root, 'apps/cli/bin/acmex.mjs'), ...args],
      { cwd: folder, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
    );
    if (status !== 0) throw new Error(`acmex plan ended with ${status}: ${stderr}`);
    if (JSON.parse(stdout).certificates.length !== names) throw new Error('a name is missing');
    return (performance.now() - begun) / 1000;
  });
}
