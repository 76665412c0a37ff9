// The three lines of @acmex/https, with the packed packages in an empty folder: in development,
// trusted by a browser, and in production, with certificates of Pebble.
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { connect } from 'node:tls';
import { chromium } from 'playwright-core';
import { installPacked, run } from './packed-packages.mjs';
import { root } from './packages.mjs';

const guides = ['docs/https-in-node.md', 'docs/from-greenlock-and-mkcert.md'];
/** Installs what the guides install, and writes their programs. */
async function installGuides(place, packed) {
  await installPacked(place, {
    packed,
    names: ['https', 'dns-cloudflare', 'storage-redis', 'observability', 'cli'],
  });
  const manifest = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8'));
  writeFileSync(join(place, 'package.json'), JSON.stringify({ ...manifest, type: 'module' }));
  const written = guides.flatMap((page) =>
    [
      ...readFileSync(join(root, page), 'utf8').matchAll(
        /^`([\w-]+\.mjs)`\n\n```js\n(.*?)^```$/gms,
      ),
    ].map(([, file, code]) => {
      writeFileSync(join(place, file), code);
      return file;
    }),
  );
  const program = readFileSync(join(place, 'server.mjs'), 'utf8');
  for (const readme of ['README.md', 'packages/https/README.md'])
    if (!readFileSync(join(root, readme), 'utf8').includes(program))
      throw new Error(`server.mjs of docs/https-in-node.md is not in ${readme}`);
  // The programs with a function that starts them load without doing anything.
  const loaded = written.filter((file) => file !== 'server.mjs');
  const imports = loaded.map((file) => `await import('./${file}');`).join('');
  await run(process.execPath, ['--input-type=module', '-e', imports], { cwd: place });
}

/**
 * The three lines in development: a browser refuses them before `acmex trust`, and shows them after
 * it. Returns their URL.
 */
async function inDevelopment(place) {
  const home = join(place, 'home');
  mkdirSync(home);
  const env = { PATH: process.env.PATH, HOME: home, LANG: 'C.UTF-8' };
  const program = started('server.mjs', { place, env });
  try {
    const url = await program.said(/https:\/\/localhost[:\d]*/);
    const before = await bodyOf(url, env).catch((error) => error.message);
    if (!before.includes('ERR_CERT_AUTHORITY_INVALID'))
      throw new Error(`before acmex trust, the browser shows: ${before}`);
    await acmex(['trust', '--yes', '--store', 'chrome'], { place, env });
    const body = await bodyOf(url, env);
    if (body !== 'Hello over HTTPS\n') throw new Error(`the browser shows: ${body}`);
    return url;
  } finally {
    await program.stop();
  }
}

async function acmex(args, { place, env }) {
  await run(join(place, 'node_modules/.bin/acmex'), args, { cwd: place, env });
}

/** The body of a page as Chromium with the user's trust gets it. */
async function bodyOf(url, env) {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
    env,
  });
  try {
    const page = await browser.newPage();
    const response = await page.goto(url);
    return await response.text();
  } finally {
    await browser.close();
  }
}

/**
 * The three lines in production, with the directory and the ports of Pebble. Two processes on one
 * storage, at two addresses as two machines have them, obtain one certificate, renew it once, and
 * both serve it. Returns the two serial numbers.
 */
async function inProduction(place, { startPebble, freePort }) {
  const ports = { https: await freePort(), http: await freePort() };
  const options = { httpPort: ports.http, tlsPort: ports.https, validitySeconds: 30 };
  const pebble = await startPebble(options);
  const addresses = ['127.0.0.1', '127.0.0.2'];
  const programs = addresses.map((host) => {
    const file = `at-${host}.mjs`;
    writeFileSync(join(place, file), withOptions(place, { host, ports, pebble }));
    const env = {
      PATH: process.env.PATH,
      HOME: join(place, 'production'),
      NODE_ENV: 'production',
      NODE_EXTRA_CA_CERTS: pebble.caFile,
    };
    return started(file, { place, env });
  });
  try {
    const ca = await pebble.rootCertificate();
    const serials = [];
    const end = Date.now() + 90_000;
    while (serials.length < 2) {
      if (Date.now() > end)
        throw new Error(
          `${serials.length} certificates were served by both:\n${programs.map(({ output }) => output()).join('\n')}`,
        );
      const [first, second] = await Promise.all(
        addresses.map(async (host) => await serialNumber({ host, port: ports.https, ca })),
      );
      if (first !== undefined && first === second && first !== serials.at(-1)) serials.push(first);
      else await setTimeout(200);
    }
    const issued = pebble.log().match(/Issued certificate serial/g)?.length;
    if (issued !== 2) throw new Error(`two processes had ${issued} certificates issued, not 2`);
    return serials;
  } finally {
    for (const program of programs) await program.stop();
    await pebble[Symbol.asyncDispose]();
  }
}

/** The three lines with what a private CA at ports of its own needs. */
function withOptions(place, { host, ports, pebble: { directory } }) {
  const three = readFileSync(join(place, 'server.mjs'), 'utf8');
  const options = { directory, ports, host };
  const program = three.replace(
    'acceptTerms: true',
    `acceptTerms: true, ...${JSON.stringify(options)}`,
  );
  if (program === three) throw new Error('the three lines have another form');
  return program;
}

/** The serial number that a server presents; undefined where it is not trusted or not there. */
async function serialNumber({ host, port, ca }) {
  const socket = connect({ host, port, ca, servername: 'example.com' });
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(10_000) });
    return socket.getPeerCertificate().serialNumber;
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}

/** Starts a program of the folder. `said` waits for a text of its output. */
function started(file, { place, env }) {
  const child = spawn(process.execPath, [file], {
    cwd: place,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const changes = new EventEmitter();
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (data) => {
      output += data;
      changes.emit('change');
    });
  const ended = once(child, 'close').then(() => changes.emit('change'));
  return {
    output: () => output,
    async said(pattern) {
      const signal = AbortSignal.timeout(60_000);
      for (;;) {
        const [text] = output.match(pattern) ?? [];
        if (text !== undefined) return text;
        if (child.exitCode !== null) throw new Error(`${file} has ended:\n${output}`);
        await once(changes, 'change', { signal });
      }
    },
    async stop() {
      child.kill();
      await ended;
    },
  };
}

/**
 * What the guides of @acmex/https promise.
 * @throws Error
 */
export async function httpsProgram(place, { packed, services }) {
  await installGuides(place, packed);
  const url = await inDevelopment(place);
  const serials = await inProduction(place, services);
  return `${url} in Chromium, and ${serials.length} certificates of Pebble in two processes`;
}
