// Everything that the other scripts need, on a machine with no more than Node.js, npm and git. No dependencies of its own.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { howToInstall, missing, programs } from './programs.mjs';

const root = join(import.meta.dirname, '..');
const stamp = join(root, 'node_modules', '.acmex-lock');

/** Installs what is missing; ends the process with a sentence where it cannot. */
export async function setup() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) stop(`Node.js ${process.versions.node} is too old: AcmeX needs 20.19 or later`);
  installPackages();
  installPrograms();
  buildProgram();
}

function installPackages() {
  const lock = createHash('sha256').update(readFileSync(join(root, 'package-lock.json'))).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  // What npm itself has installed from this very lock need not be installed again.
  const installed = join(root, 'node_modules', '.package-lock.json');
  const fresh = existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs;
  if (!fresh) run('npm', ['ci'], 'the packages could not be installed');
  writeFileSync(stamp, lock);
}

function installPrograms() {
  const absent = missing();
  if (absent.length > 0 && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    const packages = [...new Set(absent.map((name) => programs[name].debian))];
    run('apt-get', ['update', '-q'], 'the list of Debian packages could not be read');
    run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], `the Debian packages ${packages.join(', ')} could not be installed`);
  }
  for (const name of missing()) {
    if (process.env.CI === 'true') stop(howToInstall(name));
    console.error(`${howToInstall(name)} (the tests that need it are skipped)`);
  }
}

/** `npx acmex` works from here on. */
function buildProgram() {
  run(process.execPath, ['build.mjs'], 'the command line program could not be built', { cwd: join(root, 'apps', 'cli') });
}

function run(command, args, failure, { cwd = root } = {}) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: ['ignore', process.stderr, process.stderr], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', NX_DAEMON: 'false', DO_NOT_TRACK: '1' } });
  if (status !== 0) stop(`${failure} (${command} ${error?.message ?? `ended with ${status}`})`);
}

function stop(sentence) {
  console.error(sentence);
  process.exit(1);
}

if (process.argv[1] === import.meta.filename) await setup();
