// Sets up everything that the other scripts need, on a machine with Node.js, npm and git. It has no
// dependencies, and prints nothing if there is nothing to do.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isInstalled, stamp } from './node-modules.mjs';
import { howToInstall, missing, programs } from './programs.mjs';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const isCI = process.env.CI === 'true';

/**
 * Installs and builds what is missing; ends the process with a sentence if it cannot.
 * `programs`: `all` installs those that tests start, `none` installs none.
 */
export function setup({ programs: wanted = 'all' } = {}) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    stop(
      `Node.js ${process.versions.node} is too old: AcmeX needs 20.19 or later, from https://nodejs.org`,
    );
  installPackages();
  if (wanted === 'all') installPrograms();
  buildPrograms();
}

function installPackages() {
  // npm makes no link for a program whose file does not exist yet; without the link, npx would ask
  // the registry for a foreign package called acmex.
  if (isInstalled(root) && existsSync(join(root, 'node_modules/.bin/acmex'))) return;
  if (!run('npm', ['ci', '--include=dev']))
    stop('the packages could not be installed: npm says why above');
  stamp(root);
}

function installPrograms() {
  const absent = missing();
  if (absent.length > 0 && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    run('apt-get', ['-qq', 'update']);
    // With RUNLEVEL=1 no package starts its own servers; no package may ask a question.
    run('env', [
      'RUNLEVEL=1',
      'DEBIAN_FRONTEND=noninteractive',
      'apt-get',
      '-qq',
      'install',
      '--yes',
      '--no-install-recommends',
      ...new Set(absent.map((name) => programs[name].debian)),
    ]);
  }
  for (const name of missing()) {
    if (isCI) stop(`${howToInstall(name)} (with CI=true nothing may be missing)`);
    console.error(`${howToInstall(name)} (the tests that need it are skipped)`);
  }
}

/**
 * Builds the program for `npx acmex` and the page of the dashboard, but only if a source is newer, so
 * that no running test loses them.
 */
function buildPrograms() {
  const bundler = ['tools/bundle.mjs', 'tools/bundle-sdk.mjs', 'package-lock.json'];
  buildProgram({
    what: 'the program acmex',
    folder: 'apps/cli',
    output: 'dist/main.cjs',
    sources: ['packages', 'apps/cli/src', 'apps/cli/build.mjs', ...bundler],
  });
  buildProgram({
    what: 'the page of the dashboard',
    folder: 'packages/dashboard',
    output: 'dist/page/manifest.json',
    sources: ['packages', ...bundler],
  });
}

function buildProgram({ what, folder, output, sources }) {
  const file = join(root, folder, output);
  if (existsSync(file) && statSync(file).mtimeMs >= newest(sources)) return;
  if (run(process.execPath, ['build.mjs'], join(root, folder))) return;
  if (isCI) stop(`${what} could not be built`);
  console.error(`${what} could not be built: the tests that use it will fail`);
}

/** When the latest of these files, or files in these folders, was changed. */
function newest(paths) {
  return Math.max(
    ...paths.map((path) => {
      const entry = statSync(join(root, path));
      if (!entry.isDirectory()) return entry.mtimeMs;
      return newest(
        readdirSync(join(root, path))
          .filter((name) => name !== 'node_modules' && name !== 'dist')
          .map((name) => join(path, name)),
      );
    }),
    0,
  );
}

function run(command, args, cwd = root) {
  const env = {
    ...process.env,
    DEBIAN_FRONTEND: 'noninteractive',
    DO_NOT_TRACK: '1',
    SCARF_ANALYTICS: 'false',
    NX_DAEMON: 'false',
    NX_TUI: 'false',
  };
  return (
    spawnSync(command, args, {
      cwd,
      env,
      stdio: ['ignore', 2, 2],
      shell: process.platform === 'win32' && command === 'npm',
    }).status === 0
  );
}

function stop(sentence) {
  console.error(`setup: ${sentence}`);
  process.exit(1);
}

if (resolve(process.argv[1] ?? '') === fileURLToPath(import.meta.url)) setup();
