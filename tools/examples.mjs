// Proves that each program in `examples` works for a user: installs it with the packed packages,
// outside the workspace, starts it, and asks it as a client that trusts the local CA alone.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:http2';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { loadServices } from './load-services.mjs';
import { npmInstall, packInto, run, withPacked } from './packed-packages.mjs';
import { root } from './packages.mjs';

/** What is started of each example, by its scripts, and what it does. */
const programs = [
  { example: 'express' },
  { example: 'fastify', http2: true },
  { example: 'hono', http2: true },
  { example: 'http2', http2: true },
  { example: 'nest' },
  { example: 'next' },
  { example: 'remix' },
  { example: 'remix', script: 'dev', http2: true },
  { example: 'vite', http2: true },
];
const folder = mkdtempSync(join(tmpdir(), 'acmex-examples-'));
const place = join(folder, 'examples');
/** The local CA is made there. */
const home = join(folder, 'home');
const env = {
  ...process.env,
  ...{ HOME: home, USERPROFILE: home, NODE_ENV: undefined, NODE_OPTIONS: '' },
  ...{ DO_NOT_TRACK: '1', NEXT_TELEMETRY_DISABLED: '1', NO_COLOR: '1', FORCE_COLOR: '0' },
  PATH: `${join(place, 'node_modules/.bin')}${delimiter}${process.env.PATH}`,
};
/** What is not in the repository, where someone has tried an example there. */
const made = ['node_modules', 'package-lock.json', 'dist', 'build', '.next', '.react-router'];
const manifestOf = (example) =>
  JSON.parse(readFileSync(join(place, example, 'package.json'), 'utf8'));

try {
  await install();
  const { freePort } = await loadServices();
  for (const program of programs) program.port = await freePort();
  await Promise.all(programs.map(async (program) => await report(program)));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Installs all at once, with what they share once. */
async function install() {
  cpSync(join(root, 'examples'), place, {
    recursive: true,
    filter: (path) => !made.includes(basename(path)),
  });
  const examples = readdirSync(place);
  const untried = examples.filter((name) => !programs.some(({ example }) => example === name));
  if (untried.length > 0) throw new Error(`tools/examples.mjs does not start ${untried}`);
  for (const example of examples) checkImports(example);
  const packed = join(folder, 'packed');
  mkdirSync(home);
  await packInto(packed);
  const manifest = withPacked({ private: true, workspaces: examples }, { packed, names: [] });
  writeFileSync(join(place, 'package.json'), JSON.stringify(manifest));
  const start = performance.now();
  await npmInstall(place);
  console.log(`installed in ${secondsSince(start)} s`);
}

/** Throws for an import that the example's own package.json does not bring. */
function checkImports(example) {
  const { dependencies, devDependencies } = manifestOf(example);
  const names = Object.keys({ ...dependencies, ...devDependencies });
  for (const file of readdirSync(join(place, example), { recursive: true })) {
    if (!/\.[jt]sx?$/.test(file)) continue;
    const source = readFileSync(join(place, example, file), 'utf8');
    for (const [, name] of source.matchAll(/(?:from|import) '((?:@[\w-]+\/)?[\w-]+)[^:']*'/g))
      if (!names.includes(name))
        throw new Error(`examples/${example}/package.json does not have ${name}`);
  }
}

async function report(program) {
  const { example, script = 'start' } = program;
  const name = script === 'start' ? example : `${example} ${script}`;
  const start = performance.now();
  try {
    await tried({ ...program, script });
    console.log(`${name}: works (${secondsSince(start)} s)`);
  } catch (error) {
    console.log(`${name}: FAILED: ${error.message}`);
    process.exitCode = 1;
  }
}

async function tried({ example, script, http2, port }) {
  const cwd = join(place, example);
  const { scripts } = manifestOf(example);
  if (script === 'start' && scripts.build) await run(scripts.build, [], { cwd, env, shell: true });
  const started = spawn(scripts[script], {
    ...{ cwd, shell: true, detached: true, stdio: ['ignore', 'pipe', 'pipe'] },
    env: { ...env, PORT: String(port) },
  });
  const ended = once(started, 'close');
  try {
    const url = await printedUrl(started);
    const body = http2 ? await askHttp2(url) : await ask(url);
    if (!body.includes('Hello from')) throw new Error(`${url} answers: ${body.slice(0, 500)}`);
  } finally {
    if (started.exitCode === null) process.kill(-started.pid);
    await ended;
  }
}

/** @throws Error with what the program says, where it ends instead, or says no URL in a minute */
async function printedUrl(started) {
  let output = '';
  return await new Promise((resolve, reject) => {
    const fail = (what) => reject(new Error(`${what}:\n${output.slice(-2000)}`));
    setTimeout(() => fail('it says no URL'), 60_000).unref();
    for (const stream of [started.stdout, started.stderr])
      stream.setEncoding('utf8').on('data', (chunk) => {
        output += chunk;
        const [url] = /https:\/\/localhost(?::\d+)?\//.exec(output) ?? [];
        if (url) resolve(url);
      });
    started.once('close', () => fail('it ended'));
  });
}

/** The certificate of the local CA, whose folder depends on the system. */
function localRoot() {
  const file = readdirSync(home, { recursive: true }).find((path) => path.endsWith('root.pem'));
  return readFileSync(join(home, file));
}

async function ask(url) {
  const [response] = await once(get(url, { ca: localRoot(), agent: false }), 'response');
  return await text(response);
}

async function askHttp2(url) {
  const client = connect(url, { ca: localRoot() });
  try {
    const stream = client.request({ ':path': '/', accept: 'text/html' });
    client.once('error', (error) => stream.destroy(error));
    return await text(stream);
  } finally {
    client.destroy();
  }
}

function secondsSince(start) {
  return ((performance.now() - start) / 1000).toFixed(1);
}
