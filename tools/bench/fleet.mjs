// What an operator of many certificates waits for.
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inRounds, root } from './prepare.mjs';

export const title = 'A fleet';
const names = 10_000;
const declared = 5000;
const left = {};

export async function measure(bench) {
  spawnSync(process.execPath, [join(root, 'apps/cli/build.mjs')]);
  await mkdir(join(root, 'tmp'), { recursive: true });
  const folder = await mkdtemp(join(root, 'tmp', 'bench-fleet-'));
  try {
    const plans = await planned(bench.rounds, folder);
    const applies = await applied(bench.rounds, folder);
    const years = await rehearsed(bench.rounds, folder);
    return {
      title,
      text: `\`acmex plan\` of ${names.toLocaleString('en')} names, a certificate each and 60 % of them below one registered domain, at the limits of Let's Encrypt; the time is that of the whole program. \`acmex apply --no-wait\` of ${declared.toLocaleString('en')} lines of CSV, in a storage of files: what is new is written, and the second run writes nothing. \`acmex rehearse\` of a year of ${names.toLocaleString('en')} certificates that are made up, with a CA that is away for a week and one that revokes all.`,
      rows: [
        {
          figure: `a plan of ${names.toLocaleString('en')} certificates`,
          unit: 's',
          ours: plans,
          goals: [{ atMost: 3 }],
        },
        {
          figure: `apply ${declared.toLocaleString('en')} new certificates`,
          unit: 's',
          ours: applies.map(({ first }) => first),
          goals: [],
        },
        {
          figure: `apply them again`,
          unit: 's',
          ours: applies.map(({ second }) => second),
          goals: [{ atMost: 5 }],
        },
        {
          figure: `a rehearsal of a year of ${names.toLocaleString('en')} certificates`,
          unit: 's',
          ours: years,
          goals: [{ atMost: 60 }],
        },
      ],
      tables: [],
      left,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Applies the same lines twice, in a new storage for each round. */
async function applied(rounds, folder) {
  const lines = Array.from(
    { length: declared },
    (_, number) => `shop-${number}.example.com,ec-p256`,
  );
  let round = 0;
  return await inRounds(rounds, async () => {
    const place = join(folder, `apply-${round++}`);
    await mkdir(join(place, 'certificates.d'), { recursive: true, mode: 0o700 });
    await writeFile(
      join(place, 'certificates.d', 'shops.csv'),
      `names,key_type\n${lines.join('\n')}\n`,
    );
    const toml = `[acme]\nca = "custom"\nca_custom_url = "https://ca.example/directory"\ntos_agreed = true\n[storage.file]\npath = "${join(place, 'data')}"\n`;
    await writeFile(join(place, 'acmex.toml'), toml);
    const [first, second] = [declared, 0].map((changes) => {
      const begun = performance.now();
      const document = acmex(['apply', '--no-wait', '--json', '--log-level', 'error'], place);
      if (document.changes.length !== changes)
        throw new Error(`${document.changes.length} changes instead of ${changes}`);
      return (performance.now() - begun) / 1000;
    });
    return { first, second };
  });
}

/** Rehearses a year in which the CA is away once and revokes all once. */
async function rehearsed(rounds, folder) {
  const words = `rehearse --certificates ${names} --from 2026-12-01 --until 2027-12-01`;
  const incidents = [
    '--away',
    'letsencrypt=2027-05-01/P7D',
    '--revoke',
    'letsencrypt=2027-08-01/P3D',
  ];
  return await inRounds(rounds, async () => {
    const begun = performance.now();
    const { issued, failed } = acmex(
      [...words.split(' '), ...incidents, '--output', 'json'],
      folder,
    );
    if (issued < 6 * names || failed === 0) throw new Error(`${issued} issued, ${failed} failed`);
    return (performance.now() - begun) / 1000;
  });
}

/** Runs the program, and returns its result. */
function acmex(args, cwd) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'apps/cli/bin/acmex.mjs'), ...args],
    { cwd, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  if (status !== 0) throw new Error(`acmex ${args[0]} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout);
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
    if (acmex(args, folder).certificates.length !== names) throw new Error('a name is missing');
    return (performance.now() - begun) / 1000;
  });
}
