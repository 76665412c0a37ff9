// The servers that answer over http: `acmex serve`, and Fastify alone beside it.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { cpuOf, end } from './processes.mjs';
import { root } from './prepare.mjs';

const ourProgram = join(root, 'apps/cli/bin/acmex.mjs');
const bareServer = join(import.meta.dirname, 'bare-server.mjs');
const connections = 32;
/** How long a start may take before it counts as failed, in milliseconds: a busy machine is slow. */
const longest = 300_000;

/** Starts `acmex serve`, and returns it with its API key once it is ready. */
export async function startServer({ port, args, env, folder, program = ourProgram }) {
  const key = randomBytes(32).toString('hex');
  const listen = ['--addr', `127.0.0.1:${port}`];
  const server = await started({
    args: [program, 'serve', ...listen, ...args],
    env: { PATH: process.env.PATH, HOME: folder, ACMEX_API_KEYS: key, ...env },
    port,
    path: '/health/ready',
    headers: { 'x-api-key': key },
  });
  return { ...server, key };
}

/** What `acmex serve` needs to share its storage by Redis. */
export const sharedBy = (url, encryptionKey) => ({
  args: ['--role', 'api'],
  env: {
    ACMEX_REDIS_URL: url,
    ACMEX_STORAGE_ENCRYPTION_KEY: encryptionKey,
    ACMEX_ACME_CA: 'custom',
    ACMEX_ACME_CUSTOM_URL: 'https://127.0.0.1:1/directory',
    ACMEX_ACME_TOS_AGREED: 'true',
  },
});

/**
 * Starts Fastify alone.
 *
 * @param page the file of what it answers as a page
 * @param redis the URL of the Redis in which it sets orders
 */
export async function startBare({ port, page = '', redis = '' }) {
  return await started({
    args: [bareServer, String(port), page, redis],
    env: { PATH: process.env.PATH },
    port,
    path: '/health',
  });
}

/**
 * @returns the port, the process, the milliseconds from its start to its first answer, and
 * `ask(path)`: the text of an answer and the milliseconds that it took
 */
async function started({ args, env, port, path, headers = {} }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const ask = async (asked, options) => await answerOf({ agent, port, headers, ...options }, asked);
  const begun = performance.now();
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'], env });
  while ((await ask(path).catch(() => undefined))?.status !== 200) {
    if (child.exitCode !== null || performance.now() - begun > longest) {
      await end(child);
      throw new Error(`the server did not become ready: ${args.join(' ')}`);
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
  return {
    port,
    child,
    ask,
    took: performance.now() - begun,
    end: async () => {
      agent.destroy();
      await end(child);
    },
  };
}

function answerOf({ agent, port, headers, method = 'GET', json }, path) {
  const body = json && JSON.stringify(json);
  const content = body && {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  };
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    request(
      { agent, host: '127.0.0.1', port, method, path, headers: { ...headers, ...content } },
      (answer) => {
        const chunks = [];
        answer.on('data', (chunk) => chunks.push(chunk)).once('error', reject);
        answer.once('end', () =>
          resolve({
            status: answer.statusCode,
            took: performance.now() - begun,
            text: Buffer.concat(chunks).toString(),
          }),
        );
      },
    )
      .once('error', reject)
      .end(body);
  });
}

/**
 * Asks for the health on connections that are always busy, of all servers by turns.
 *
 * @returns for each the answers a second, and the microseconds of its CPU for one
 */
export async function healthOf(servers, { turns = 3, milliseconds = 2000 } = {}) {
  const sums = servers.map(() => ({ answers: 0, cpu: 0, time: 0 }));
  for (let turn = 0; turn <= turns; turn += 1)
    for (const [index, server] of servers.entries()) {
      const busy = await askingForHealth(server, turn === 0 ? 1000 : milliseconds);
      if (turn === 0) continue; // to warm up
      for (const [name, number] of Object.entries(busy)) sums[index][name] += number;
    }
  return sums.map(({ answers, cpu, time }) => ({
    rate: (answers * 1000) / time,
    cpu: (cpu * 1000) / answers,
  }));
}

async function askingForHealth({ port, child: { pid } }, milliseconds) {
  const text = `GET /health HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
  let [answers, failure] = [0, undefined];
  const before = await cpuOf(pid);
  const begun = performance.now();
  const sockets = Array.from({ length: connections }, () => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.setEncoding('latin1').on('error', (error) => {
      failure ??= error;
    });
    socket.on('data', (answer) => {
      if (!answer.startsWith('HTTP/1.1 200')) failure ??= new Error(answer);
      answers += 1;
      socket.write(text);
    });
    return socket;
  });
  await new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
  const busy = { answers, time: performance.now() - begun, cpu: (await cpuOf(pid)) - before };
  for (const socket of sockets) socket.destroy();
  if (failure) throw failure;
  return busy;
}
