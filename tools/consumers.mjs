// Proves that the packed packages work for a user: installs them outside the workspace, and runs
// the programs in tools/consumers there.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { loadServices } from './load-services.mjs';
import { publishedPackages, root } from './packages.mjs';
import { howToInstall, missing } from './programs.mjs';

class NotTried extends Error {}

const folder = mkdtempSync(join(tmpdir(), 'acmex-consumers-'));
const programs = join(folder, 'programs');
const env = {
  ...process.env,
  NODE_OPTIONS: '',
  NODE_PATH: '',
  DO_NOT_TRACK: '1',
  DENO_NO_UPDATE_CHECK: '1',
  DENO_DIR: join(folder, 'deno'),
};
const tool = (path) => join(root, 'node_modules', path);
let pebble;

const consumers = {
  esm: () => node('esm/consumer.mjs'),
  commonjs: () => node('commonjs/consumer.cjs'),
  typescript: () => node(tool('typescript/bin/tsc'), '-p', 'typescript'),
  'typescript-web': () => node(tool('typescript/bin/tsc'), '-p', 'typescript-web'),
  jest: () =>
    node(
      tool('jest/bin/jest.js'),
      '--ci',
      '--silent',
      '--rootDir',
      'jest',
      '--config',
      'jest/jest.config.cjs',
    ),
  node: () => issue(process.execPath, [], 'NODE_EXTRA_CA_CERTS'),
  deno: async () =>
    issue(
      await runtime('@deno/linux-x64-glibc', '2.9.6', 'deno'),
      [
        'run',
        '--no-prompt',
        '--cached-only',
        '--node-modules-dir=manual',
        '--allow-net=localhost,127.0.0.1',
      ],
      'DENO_CERT',
    ),
  bun: async () =>
    issue(
      await runtime('@oven/bun-linux-x64', '1.4.5', 'bin/bun'),
      ['--no-install'],
      'NODE_EXTRA_CA_CERTS',
    ),
  size: () =>
    weigh({
      wanted: ['client', 'challenge'],
      loads: '@acmex/challenge/http-01',
      limits: { packages: 12, megabytes: 4 },
    }),
  'size with Cloudflare': () =>
    weigh({
      wanted: ['client', 'challenge', 'dns-cloudflare'],
      loads: '@acmex/dns-cloudflare',
      limits: { packages: 14, megabytes: 5 },
    }),
};

try {
  await pack();
  cpSync(join(import.meta.dirname, 'consumers'), programs, { recursive: true });
  await install(programs, ['protocol', 'client', 'challenge', 'certificate'], {
    '@types/node': manifestOf(root).devDependencies['@types/node'],
  });
  mkdirSync(join(programs, 'node_modules/@swc'), { recursive: true });
  symlinkSync(tool('@swc/jest'), join(programs, 'node_modules/@swc/jest'), 'junction');
  for (const [name, consume] of Object.entries(consumers)) await report(name, consume);
} finally {
  await pebble?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
}

async function report(name, consume) {
  const start = performance.now();
  try {
    const skipped = await consume();
    console.log(
      `${name}: ${skipped || 'works'} (${((performance.now() - start) / 1000).toFixed(1)} s)`,
    );
  } catch (error) {
    if (error instanceof NotTried) return console.log(`${name}: not tried: ${error.message}`);
    console.log(`${name}: FAILED: ${error.message}`);
    process.exitCode = 1;
  }
}

async function pack() {
  mkdirSync(join(folder, 'packed'));
  await run(
    'npm',
    [
      'pack',
      '--silent',
      '--pack-destination',
      join(folder, 'packed'),
      ...publishedPackages().map(({ folder }) => `./${folder}`),
    ],
    { cwd: root },
  );
}

/**
 * Installs packed packages by their short names, as they would come from a registry: what they need
 * of one another comes packed as well.
 */
async function install(place, names, devDependencies = {}) {
  const tarballs = Object.fromEntries(
    publishedPackages().map(({ manifest: { name, version } }) => [
      name,
      `file:${join(folder, 'packed', `${name.replace('@', '').replace('/', '-')}-${version}.tgz`)}`,
    ]),
  );
  const dependencies = Object.fromEntries(
    names.map((name) => [`@acmex/${name}`, tarballs[`@acmex/${name}`]]),
  );
  mkdirSync(place, { recursive: true });
  writeFileSync(
    join(place, 'package.json'),
    JSON.stringify({ private: true, dependencies, devDependencies, overrides: tarballs }),
  );
  await npmInstall(place);
}

async function npmInstall(place, ...names) {
  await run(
    'npm',
    [
      'install',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--prefer-offline',
      '--loglevel=error',
      ...names,
    ],
    { cwd: place },
  );
}

/** The program of a runtime that npm has for this machine. */
async function runtime(name, version, program) {
  const place = join(folder, program.replace('/', '-'));
  mkdirSync(place);
  writeFileSync(join(place, 'package.json'), '{ "private": true }');
  try {
    await npmInstall(place, `${name}@${version}`);
  } catch (error) {
    throw error.message.includes('EBADPLATFORM')
      ? new NotTried(`${name} is not for ${process.platform} on ${process.arch}`)
      : error;
  }
  return join(place, 'node_modules', name, program);
}

/**
 * A certificate from a local Pebble, whose own CA is named in the variable that the runtime has for
 * that.
 */
async function issue(command, args, trust) {
  for (const name of missing().filter((program) => program.startsWith('pebble')))
    throw new NotTried(howToInstall(name));
  pebble ??= await (await loadServices()).startPebble({ http01: 'challtestsrv' });
  const {
    directory,
    caFile,
    challenges: { managementUrl },
  } = pebble;
  return await run(command, [...args, 'issuance/issue.mjs', directory, managementUrl], {
    env: { ...env, [trust]: caFile },
  });
}

/**
 * What packages bring when they are installed, and that one of them loads with no more; the
 * optional peer is not among it.
 */
async function weigh({ wanted, loads, limits }) {
  const place = join(folder, wanted.join('-'));
  await install(place, wanted);
  await run(process.execPath, ['--input-type=module', '-e', `import '${loads}'`], { cwd: place });
  const names = Object.keys(manifestOf(place, 'node_modules/.package-lock.json').packages);
  const megabytes = bytesOnDisk(join(place, 'node_modules')) / 1e6;
  const heaviest = names
    .map((name) => [name.replace(/.*node_modules\//, ''), bytesOnDisk(join(place, name)) / 1e6])
    .sort(([, a], [, b]) => b - a)
    .slice(0, 3);
  const figures = `${names.length} packages, ${megabytes.toFixed(1)} MB on disk, of which ${heaviest.map(([name, part]) => `${name} ${part.toFixed(1)}`).join(', ')}`;
  if (names.includes('node_modules/@acmex/certificate'))
    throw new Error(`@acmex/certificate comes unasked: ${figures}`);
  if (names.length > limits.packages || megabytes > limits.megabytes)
    throw new Error(`more than ${limits.packages} packages or ${limits.megabytes} MB: ${figures}`);
  return figures;
}

/** As du counts: whole blocks. */
function bytesOnDisk(path) {
  const entry = lstatSync(path);
  const within = entry.isDirectory()
    ? readdirSync(path).map((name) => bytesOnDisk(join(path, name)))
    : [];
  return within.reduce((sum, blocks) => sum + blocks, entry.blocks * 512);
}

function manifestOf(place, file = 'package.json') {
  return JSON.parse(readFileSync(join(place, file), 'utf8'));
}

function node(...args) {
  return run(process.execPath, args);
}

/**
 * What a command says last on its standard output.
 * @throws Error with the first lines of all that it said
 */
async function run(command, args, options = {}) {
  const child = spawn(command, args, {
    cwd: programs,
    env,
    timeout: 120_000,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  });
  const [[code, signal], out, errors] = await Promise.all([
    once(child, 'close'),
    text(child.stdout),
    text(child.stderr),
  ]);
  if (code !== 0)
    throw new Error(
      `${[command, ...args].join(' ')} ended with ${signal ?? code}:\n${`${out}${errors}`.trim().split('\n').slice(0, 15).join('\n')}`,
    );
  return out.trim().split('\n').at(-1);
}
