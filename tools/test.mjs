// `npm test [-- FOLDER or PACKAGE … [-- JEST OPTIONS]]`: sets everything up, runs the tests, and
// prints their numbers in its last line.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { root, setup } from './setup.mjs';
import { skippedFor, slowest, totals } from './test-totals.mjs';

setup();
console.log(`Node.js ${process.version}`);
const split = process.argv.indexOf('--', 2);
const projects = process.argv.slice(2, split < 0 ? undefined : split).map(projectName);
const options = split < 0 ? [] : process.argv.slice(split + 1);
const folder = mkdtempSync(join(tmpdir(), 'acmex-test-'));
try {
  process.exitCode = await run(join(folder, 'results.json'));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function run(outputFile) {
  const args = [
    ...options,
    '--json',
    `--outputFile=${outputFile}`,
    ...(projects.length > 0 ? ['--selectProjects', ...projects] : []),
  ];
  const status = await jest(args);
  // Without results Jest itself has failed: that is one failure.
  const results = existsSync(outputFile) ? JSON.parse(readFileSync(outputFile, 'utf8')) : undefined;
  const { passed, failed, skipped } = results
    ? totals(results)
    : { passed: 0, failed: 1, skipped: 0 };
  for (const [reason, count] of results ? skippedFor(results) : [])
    console.log(`${count} skipped: ${reason}`);
  if (results && results.testResults.length > 20)
    console.log(`The slowest test files:\n${slowest(results, 20, root).join('\n')}`);
  if (passed + failed === 0) console.log('no test ran');
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return status === 0 && failed === 0 && passed > 0 ? 0 : 1;
}

async function jest(args) {
  // Each file loads its modules again, and most of what it makes lives shortly: in a larger space for
  // new objects, the collector has less to do. Jest's workers get the same options.
  const node = ['--max-semi-space-size=32', join(root, 'node_modules/jest/bin/jest.js')];
  const child = spawn(process.execPath, [...node, ...args], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      // A note to those who run the SDK, not about a test.
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      NODE_OPTIONS:
        `${process.env.NODE_OPTIONS ?? ''} --experimental-vm-modules --disable-warning=ExperimentalWarning`.trim(),
    },
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  const [code] = await once(child, 'exit');
  return code;
}

function projectName(argument) {
  const manifest = join(resolve(root, argument), 'package.json');
  if (argument.startsWith('@')) return argument;
  if (existsSync(manifest)) return JSON.parse(readFileSync(manifest, 'utf8')).name;
  console.error(`test: ${argument} is neither the folder nor the name of a package`);
  process.exit(2);
}
