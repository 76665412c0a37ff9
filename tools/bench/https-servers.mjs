// Servers of HTTPS in processes of their own, the storages that they read, and the clients that ask
// them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { connect, createSecureContext } from 'node:tls';
import { locate } from '../programs.mjs';
import { bundle } from './prepare.mjs';
import { cpuOf } from './processes.mjs';
import { laidOut } from './stored-certificates.mjs';

const server = join(import.meta.dirname, 'https-server.mjs');
const atOnce = 16;
/** Of clients that verify nothing, so that they cost as little as they can. */
const secureContext = createSecureContext({ minVersion: 'TLSv1.3' });

/** The options of autocert for a storage in which nothing is due: it asks no CA. */
export const storedOptions = (folder, name) => ({
  names: [name],
  development: false,
  acceptTerms: true,
  directory: 'https://127.0.0.1:1/directory',
  storage: folder,
});

/**
 * Starts a server.
 * @param options `plain` or `autocert` of https-server.mjs; `port`: a free one by default
 * @returns its port, its process, when it was started, the milliseconds until it listened,
 * `memory()`: kilobytes of resident memory, and `end()`
 */
export async function startServer(bench, { plain, autocert, port: wanted }) {
  const [port, http] = [wanted ?? (await bench.freePort()), await bench.freePort()];
  const settings = plain
    ? { plain, port }
    : { autocert: { ports: { https: port, http }, host: '127.0.0.1', ...autocert } };
  const begun = performance.now();
  const child = spawn(process.execPath, ['--expose-gc', server, JSON.stringify(settings)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  if ((await lines.next()).value !== 'listening') throw new Error('the server does not listen');
  return {
    port,
    pid: child.pid,
    begun,
    took: performance.now() - begun,
    async memory() {
      child.stdin.write('\n');
      return Number((await lines.next()).value) / 1000;
    },
    async end() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'close');
    },
  };
}

/**
 * Writes certificates of one name each to a folder, as the orchestrator does; all have the same chain
 * and key.
 */
export async function storedNames(folder, names, { chain, privateKey }) {
  const packages = await import(await bundle('many-certificates'));
  const storage = packages.memoryStorage();
  const store = new packages.CertificateStore({ storage });
  const days = (count) => new Date(Date.now() + count * 86_400_000).toISOString();
  const [notBefore, notAfter] = [days(-1), days(89)];
  for (const [at, name] of names.entries()) {
    const { id } = await store.add({ names: [name], issuer: 'autocert', keyType: 'ec-p256' });
    const serialNumber = at.toString(16).padStart(32, '0');
    await store.change(id, (summary) => ({
      ...summary,
      current: { generation: 1, serialNumber, notBefore, notAfter, issuedAt: notBefore },
      renewal: { at: days(60) },
    }));
    const generation = { v: 2, names: [name], chain, alternates: [], privateKey };
    await storage.write([
      {
        set: `generation/${id}/00000001`,
        value: Buffer.from(JSON.stringify({ ...generation, order: `ord_${id.slice(4)}` })),
      },
    ]);
  }
  await laidOut(packages, storage, folder);
}

function connected(port, servername, session) {
  return connect({
    ...{ port, host: '127.0.0.1', servername, session, secureContext },
    rejectUnauthorized: false,
  });
}

/** Makes one handshake, and returns its connection. */
export async function handshake(port, servername, session) {
  const socket = connected(port, servername, session);
  await once(socket, 'secureConnect');
  return socket;
}

/** Returns sessions that clients can resume, each with its name. */
export async function sessionsOf(port, names) {
  const sessions = [];
  for (const name of names) {
    const socket = connected(port, name);
    const [session] = await once(socket, 'session');
    socket.destroy();
    sessions.push({ name, session });
  }
  return sessions;
}

/**
 * Makes handshakes without a pause, for some time.
 * @param clients an endless iterator of `{ name, session }`
 * @returns how many a second, and how many in a second of the server's processor time
 */
export async function handshakesOf({ port, pid }, clients, milliseconds) {
  let count = 0;
  const before = await cpuOf(pid);
  const begun = performance.now();
  const lane = async () => {
    while (performance.now() - begun < milliseconds) {
      const { name, session } = clients.next().value;
      const socket = await handshake(port, name, session);
      if (session && !socket.isSessionReused()) throw new Error('a session was not resumed');
      socket.end();
      await once(socket.resume(), 'close');
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  const seconds = (performance.now() - begun) / 1000;
  return {
    rate: count / seconds,
    ofProcessor: (count * 1000) / ((await cpuOf(pid)) - before),
  };
}

/**
 * Lets wrk connect for a second: a whole handshake and one request for each connection.
 * @returns as `handshakesOf`
 */
export async function connectionsByWrk({ port, pid }, name) {
  const before = await cpuOf(pid);
  const child = spawn(locate('wrk'), [
    ...['--threads', '1', '--connections', String(atOnce), '--duration', '1s'],
    ...['--header', 'Connection: close', '--script', join(import.meta.dirname, 'loopback.lua')],
    `https://${name}:${port}/`,
  ]);
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
  const spent = (await cpuOf(pid)) - before;
  const [, count] = /(\d+) requests in/.exec(output) ?? [];
  const [, rate] = /Requests\/sec: +([\d.]+)/.exec(output) ?? [];
  if (count === undefined || rate === undefined || /errors|Non-2xx/.test(output))
    throw new Error(`wrk: ${output}`);
  return { rate: Number(rate), ofProcessor: (Number(count) * 1000) / spent };
}

/** Makes one handshake for each name. */
export async function askAll(port, names) {
  let next = 0;
  const lane = async () => {
    while (next < names.length) (await handshake(port, names[next++])).destroy();
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

/** Runs our CA, which asks one port by all challenges. */
export async function startCa(program, folder, port) {
  const child = spawn(process.execPath, [program, String(port)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { directory, root } = JSON.parse((await lines.next()).value);
  const ca = join(folder, `root-${port}.pem`);
  await writeFile(ca, root);
  return {
    port,
    directory,
    root,
    ca,
    async end() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'close');
    },
  };
}
