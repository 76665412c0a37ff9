// `npm run runtimes [-- VERSION … [-- JEST OPTIONS]]`: the demonstration and the tests on each
// Node.js
// release line that AcmeX supports, with the binaries of npm's node-PLATFORM-ARCH packages.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { root, setup } from './setup.mjs';

const supported = ['20.19', '22', '24', '26'];

setup();
const split = process.argv.indexOf('--', 2);
const chosen = process.argv.slice(2, split < 0 ? undefined : split);
const jestOptions = split < 0 ? [] : process.argv.slice(split);
const failed = [];
for (const version of chosen.length > 0 ? chosen : supported) {
  const node = install(version);
  for (const script of [['tools/demo.mjs'], ['tools/test.mjs', ...jestOptions]]) {
    console.log(`\n== Node.js ${version}: ${script[0]}`);
    if (!run(node, ['--print', '`Node.js ${process.version}`']) || !run(node, script))
      failed.push(`Node.js ${version}: ${script[0]}`);
  }
}
for (const failure of failed) console.error(`failed: ${failure}`);
process.exitCode = failed.length === 0 ? 0 : 1;

/** Installs a Node.js binary below tmp/ and returns its path. */
function install(version) {
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(root, 'tmp', 'runtimes', version);
  const binary = join(folder, 'node_modules', name, 'bin', 'node');
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  const npm = ['install', '--ignore-scripts', '--no-save', '--no-package-lock'];
  const { status } = spawnSync('npm', [...npm, `${name}@${version}`], {
    cwd: folder,
    stdio: ['ignore', 2, 2],
  });
  if (status === 0 && existsSync(binary)) return binary;
  console.error(`runtimes: npm has no Node.js ${version} for this system (${name}@${version})`);
  process.exit(1);
}

/**
 * Runs a script with this Node.js, which the script's own child processes find first on the PATH.
 */
function run(node, args) {
  const PATH = `${dirname(node)}${delimiter}${process.env.PATH ?? ''}`;
  return (
    spawnSync(node, args, { cwd: root, stdio: 'inherit', env: { ...process.env, PATH } }).status ===
    0
  );
}
