// Proves that the packed packages work for a user: installs them outside the workspace, and runs
// the programs in tools/consumers there.
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
import { httpsProgram } from './https-program.mjs';
import { loadServices } from './load-services.mjs';
import { installPacked, npmInstall, packInto, run } from './packed-packages.mjs';
import { root } from './packages.mjs';
import { howToInstall, missing } from './programs.mjs';

class NotTried extends Error {}

const folder = mkdtempSync(join(tmpdir(), 'acmex-consumers-'));
const programs = join(folder, 'programs');
const packed = join(folder, 'packed');
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
  'HTTPS inside a program': async () => {
    for (const name of missing().filter((program) => /pebble|chromium|certutil/.test(program)))
      throw new NotTried(howToInstall(name));
    const services = await loadServices();
    return await httpsProgram(join(folder, 'https'), { packed, services });
  },
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
  await packInto(packed);
  cpSync(join(import.meta.dirname, 'consumers'), programs, { recursive: true });
  await installPacked(programs, {
    packed,
    names: ['protocol', 'client', 'challenge', 'certificate'],
    devDependencies: { '@types/node': manifestOf(root).devDependencies['@types/node'] },
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
    cwd: programs,
    env: { ...env, [trust]: caFile },
  });
}

/**
 * What packages bring when they are installed, and that one of them loads with no more; the
 * optional peer is not among it.
 */
async function weigh({ wanted, loads, limits }) {
  const place = join(folder, wanted.join('-'));
  await installPacked(place, { packed, names: wanted });
  await run(process.execPath, ['--input-type=module', '-e', `import '${loads}'`], {
    cwd: place,
    env,
  });
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
  return run(process.execPath, args, { cwd: programs, env });
}
