// `npm test [-- FOLDER … [-- JEST OPTIONS]]`: sets everything up, runs the tests, and says in its last line how many there were.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setup } from './setup.mjs';
import { skippedFor, totals } from './test-totals.mjs';

await setup();
const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'acmex-test-'));
const split = process.argv.indexOf('--', 2);
const own = process.argv.slice(2, split < 0 ? undefined : split);
const rest = split < 0 ? [] : process.argv.slice(split + 1);
const outputFile = join(folder, 'results.json');
try {
  const { status } = spawnSync(process.execPath, [join(root, 'node_modules/jest/bin/jest.js'), '--json', '--outputFile', outputFile, ...rest, ...own.flatMap((one) => ['--testPathPatterns', one])], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --experimental-vm-modules --disable-warning=ExperimentalWarning` },
  });
  const results = JSON.parse(readFileSync(outputFile, 'utf8'));
  const { passed, failed, skipped } = totals(results);
  for (const [reason, count] of skippedFor(results)) console.log(`${count} skipped: ${reason}`);
  process.exitCode = status !== 0 || failed > 0 || passed === 0 ? 1 : 0;
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
