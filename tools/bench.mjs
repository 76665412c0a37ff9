// What AcmeX promises about its speed, measured: node tools/bench.mjs
// [install|requests|latency|cpu|startup|programs|memory|storage|orchestrator|ca|server|team|dashboard|revocation|verification
// |observability|fleet|https …]
// [--rounds N]
// [--write] [--cpu-prof]
import { readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { prepare, root } from './bench/prepare.mjs';
import { markdown, text } from './bench/report.mjs';

const names = [
  'install',
  'requests',
  'latency',
  'cpu',
  'startup',
  'programs',
  'memory',
  'storage',
  'orchestrator',
  'ca',
  'server',
  'team',
  'dashboard',
  'revocation',
  'verification',
  'observability',
  'fleet',
  'https',
];
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** How often the figures that depend on time are taken; the median counts. */
    rounds: { type: 'string', default: '3' },
    /** Write what was measured to docs/benchmarks.md. */
    write: { type: 'boolean', default: false },
    /**
     * Keep a profile of each measured process in tmp/bench/profiles, and print where its time went.
     */
    'cpu-prof': { type: 'boolean', default: false },
  },
});
const rounds = Number(options.rounds);
const unknown = positionals.find((name) => !names.includes(name));
if (unknown !== undefined)
  stop(`there is no measurement "${unknown}": choose among ${names.join(', ')}`);
if (!(Number.isInteger(rounds) && rounds > 0)) stop('--rounds takes a whole number from 1');
if (options.write && options['cpu-prof'])
  stop('a profiler changes the figures: use --write without --cpu-prof');

const chosen = positionals.length > 0 ? names.filter((name) => positionals.includes(name)) : names;
const bench = await prepare({ rounds, profile: options['cpu-prof'] });
const sections = [];
for (const name of chosen) {
  console.error(`${name} …`);
  const [[before], begun] = [loadavg(), performance.now()];
  const section = await measured(name);
  console.error(`  ${name}: ${Math.round((performance.now() - begun) / 1000)} s`);
  sections.push({ ...section, load: { before, after: loadavg()[0] } });
}
const run = { rounds, command: 'npm run bench -- --write' };
console.log(text(sections, run));
const page = join(root, 'docs/benchmarks.md');
if (options.write) writeFileSync(page, markdown(sections, run, readFileSync(page, 'utf8')));

/** What an area measured; once more if that fails, and then a section that says so. */
async function measured(name) {
  const { measure } = await import(`./bench/${name}.mjs`);
  const again = (error) => {
    console.error(error);
    console.error(`${name}: once more`);
    return measure(bench);
  };
  return measure(bench)
    .catch(again)
    .catch((failure) => {
      console.error(failure);
      return { title: name, text: '', rows: [], tables: [], failure };
    });
}

function stop(sentence) {
  console.error(`bench: ${sentence}`);
  process.exit(1);
}
