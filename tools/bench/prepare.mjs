// What all measurements share: the code under test, the client it is compared with, and processes
// of their own to run them in.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { loadServices } from '../load-services.mjs';
import { packages, root } from '../packages.mjs';
import { setup } from '../setup.mjs';
import { printProfile } from './profile.mjs';

const here = dirname(fileURLToPath(import.meta.url));
export { root };
const work = join(root, 'tmp/bench');
/** Pebble can hang under load: no process is awaited longer than this. */
const longest = 3 * 60_000;

export async function prepare({ rounds, profile }) {
  setup();
  buildPackages();
  mkdirSync(work, { recursive: true });
  const adapters = {
    acmex: await bundle('acmex'),
    renewals: await bundle('renewals'),
    'managed-order': await bundle('managed-order'),
    verifier: await bundle('verifier'),
    scrapes: await bundle('scrapes'),
    'audit-log': await bundle('audit-log'),
    'observed-renewals': await bundle('observed-renewals'),
    'revocation-list': pathToFileURL(await bundleWhole('revocation-list')).href,
    'bare-client': pathToFileURL(join(here, 'bare-client.mjs')).href,
    'bare-list': pathToFileURL(join(here, 'bare-list.mjs')).href,
    'acme-client': pathToFileURL(join(here, 'acme-client.mjs')).href,
  };
  const peer = installPeer({ name: 'acme-client', version: '5.4.0' });
  const services = await loadServices();
  /**
   * Runs one measurement in a process of its own.
   * @returns what it reports, and the wall time of the whole process in seconds
   */
  const run = async ({ client, ca, ...task }) => {
    const flags = profile
      ? [
          '--cpu-prof',
          `--cpu-prof-dir=${join(work, 'profiles')}`,
          `--cpu-prof-name=${profileName({ client, ...task })}`,
        ]
      : [];
    const start = performance.now();
    const child = spawn(process.execPath, [...flags, join(here, 'child.mjs')], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...process.env,
        NODE_EXTRA_CA_CERTS: ca,
        BENCH: JSON.stringify({ adapter: adapters[client], peer, ...task }),
      },
      timeout: longest,
      killSignal: 'SIGKILL',
    });
    const [output, [code, signal]] = await Promise.all([text(child.stdout), once(child, 'close')]);
    if (code !== 0) throw new Error(`the process of ${client} ended with ${signal ?? code}`);
    if (profile) printProfile(join(work, 'profiles', profileName({ client, ...task })));
    return { ...JSON.parse(output), seconds: (performance.now() - start) / 1000 };
  };
  return { rounds, run, ...services };
}

/**
 * Builds every package: the programs under test are the built ones. Takes a second if nothing
 * changed.
 */
function buildPackages() {
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, NX_DAEMON: 'false', NX_TUI: 'false' },
  });
  if (status !== 0) throw new Error('the packages could not be built: npm run build says why');
}

function profileName({ client, fetch, warmUp, lanes, names }) {
  return `${[client, fetch, warmUp === undefined ? `${names.length}-names` : `${lanes}-lanes`].filter((part) => part !== undefined).join('-')}.cpuprofile`;
}

/**
 * A part of the benchmark with AcmeX from its sources, and with all that those depend on: as the
 * program acmex has them.
 */
export async function bundleWhole(part) {
  const outfile = join(work, `${part}.mjs`);
  const banner = {
    js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
  };
  await build({
    entryPoints: [join(here, `${part}.mjs`)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['@acmex/source', 'module'],
    banner,
    logLevel: 'warning',
  });
  return outfile;
}

/** Returns the same, with dependencies loaded from node_modules, as for a user who installs it. */
export async function bundle(part) {
  const outfile = join(work, `${part}.mjs`);
  const sources = packages()
    .filter(({ folder }) => folder.startsWith('packages/'))
    .flatMap(({ folder, manifest: { name, exports } }) =>
      Object.entries(exports)
        .filter(([, target]) => typeof target === 'object')
        .map(([path, target]) => [join(name, path), join(root, folder, target['@acmex/source'])]),
    );
  await build({
    entryPoints: [join(here, `${part}.mjs`)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    logLevel: 'warning',
    alias: Object.fromEntries(sources.sort(([a], [b]) => b.length - a.length)),
  });
  return pathToFileURL(outfile).href;
}

/** Installs a package that AcmeX is compared with, in a folder of its own. @returns the folder */
export function installPeer({ name, version }) {
  const folder = join(work, `${name}-${version}`);
  if (existsSync(join(folder, `node_modules/${name}/package.json`))) return folder;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const { status } = spawnSync(
    'npm',
    ['install', '--ignore-scripts', '--no-audit', '--no-fund', `${name}@${version}`],
    { cwd: folder, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' },
  );
  if (status !== 0)
    throw new Error(`${name} ${version} could not be installed: npm says why above`);
  return folder;
}

export { median } from './figures.mjs';

/** Does something once per round, one after the other. */
export async function inRounds(rounds, work) {
  const results = [];
  for (let round = 0; round < rounds; round++) results.push(await work(round));
  return results;
}

export const namesOf = (count, prefix = 'name') =>
  Array.from({ length: count }, (_, n) => `${prefix}-${n}.test`);
