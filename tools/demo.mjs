// A certificate, end to end, on this machine alone: a local ACME server, two names over http-01, and a look at what came.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setup } from './setup.mjs';

await setup();
const { loadServices } = await import('./load-services.mjs');
const { startPebble } = await loadServices();

const folder = await mkdtemp(join(tmpdir(), 'acmex-demo-'));
const pebble = await startPebble({});
const acmex = join(import.meta.dirname, '..', 'apps', 'cli', 'bin', 'acmex.mjs');
const certificate = join(folder, 'certificate.pem');

try {
  console.log(`\nA local ACME server (Pebble) answers at ${pebble.directory}\n`);
  await run('obtain', '-d', 'a.test', '-d', 'b.test', '-e', 'admin@a.test', '--accept-tos', '--server', pebble.directory, '--ca-certificate', pebble.caFile,
    '--http-port', String(pebble.httpPort), '--storage', `file:${folder}/data`, '--cert-path', certificate, '--key-path', join(folder, 'private_key.pem'));
  console.log('');
  await run('info', '-c', certificate);
  if (await answers(pebble.httpPort)) throw new Error(`something still answers on port ${pebble.httpPort}`);
  console.log(`\nThe challenge listener on port ${pebble.httpPort} is gone.`);
} finally {
  await pebble[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
}

async function run(...args) {
  console.log(`$ acmex ${args.join(' ')}`);
  const child = spawn(process.execPath, [acmex, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`acmex ended with ${code}`);
}

async function answers(port) {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;   // refused: nothing listens
  } finally {
    socket.destroy();
  }
}
