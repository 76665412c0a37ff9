// What the REST server costs, with many certificates in files.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, connect } from 'node:net';
import { dirname, join } from 'node:path';
import { bundle, inRounds, median, root } from './prepare.mjs';

export const title = 'The REST server';
const certificates = 100_000;
const connections = 32;

export async function measure(bench, { program = join(root, 'apps/cli/bin/acmex.mjs') } = {}) {
  await mkdir(join(root, 'tmp'), { recursive: true });
  const folder = await mkdtemp(join(root, 'tmp', 'bench-server-'));
  const data = join(folder, 'data');
  const serving = async (storage) => await startServer(program, storage);
  try {
    // A server that cannot start fails here, and not after minutes of preparation.
    await (await serving(join(folder, 'empty'))).end();
    await laidOut(await import(await bundle('many-certificates')), data);
    console.error(`  ${certificates.toLocaleString('en')} certificates are in the storage`);
    const starts = await inRounds(5, async () => {
      const server = await serving(data);
      return await server.end(server.started);
    });
    const health = await inRounds(bench.rounds, async () => await healthRound(await serving(data)));
    const server = await serving(data);
    const pages = await turned(server);
    const filtered = await (await server.get('/api/certificates?issuer=unknown&limit=100')).json();
    const memory = await resident(server.child.pid);
    await server.end();
    return {
      title,
      text: `\`acmex serve\` with its storage in files, and ${certificates.toLocaleString('en')} certificates in it that were made at 200 a second. Health: the CPU of the process for one answer, on ${connections} connections for five seconds, beside a route of Fastify alone that answers the same; the quotient within one round, the median of ${bench.rounds}. Pages: \`GET /api/certificates?limit=100\`, one after the other from the first to the last; the median of the first and of the last 50. Start: from the start of the process to the first answer of \`/health/ready\`, the median of 5. Memory: resident, after all pages.`,
      rows: promises({ starts, health, pages, filtered, memory }),
      tables: [
        [
          ['round', 'GET /health', 'bare Fastify'],
          ...health.map(({ ours, fastify }, round) => [
            round + 1,
            `${ours.toFixed(1)} µs`,
            `${fastify.toFixed(1)} µs`,
          ]),
        ],
      ],
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Measures the route of health, and one of Fastify alone beside it. */
async function healthRound(server) {
  const bare = await bareFastify();
  const ours = await cpuPerAnswer(server);
  await server.end();
  const fastify = await cpuPerAnswer(bare);
  bare.child.kill();
  console.error(`  ${ours.toFixed(1)} and ${fastify.toFixed(1)} microseconds for an answer`);
  return { ours, fastify };
}

function promises({ starts, health, pages, filtered, memory }) {
  const quotient = median(health.map(({ ours, fastify }) => ours / fastify));
  const [first, last] = [median(pages.slice(0, 50)), median(pages.slice(-50))];
  const start = median(starts);
  const row = (promise, limit, figure, met) => ({ promise, limit, figure, met });
  return [
    row('GET /health', "2 of bare Fastify's CPU", quotient.toFixed(2), quotient <= 2),
    row('the first pages', '40 ms', `${first.toFixed(1)} ms`, first <= 40),
    row('the last pages', '40 ms', `${last.toFixed(1)} ms`, last <= 40),
    row(
      'scanned for a filter without an index',
      '2,000',
      filtered.scanned.toLocaleString('en'),
      filtered.scanned <= 2000 && filtered.items.length === 0 && filtered.next !== undefined,
    ),
    row('start to ready', '2 s', `${(start / 1000).toFixed(2)} s`, start <= 2000),
    row('resident memory', '150 MB', `${memory.toFixed(0)} MB`, memory <= 150),
  ];
}

/**
 * What the orchestrator would have written, as the driver lays it out: flushed writes would take an
 * hour.
 */
async function laidOut(packages, path) {
  const { CertificateStore, fileStorage, memoryStorage } = packages;
  const storage = memoryStorage();
  let now = Date.UTC(2026, 0, 1);
  const clock = {
    now() {
      now += 5;
      return Temporal(now);
    },
    monotonic: () => now,
    sleep: async () => undefined,
  };
  const store = new CertificateStore({ storage, clock });
  for (let at = 0; at < certificates; at += 1) {
    const { id } = await store.add({
      names: [`www.host-${at}.example.test`],
      issuer: 'letsencrypt',
      keyType: 'ec-p256',
      labels: { team: `t${at % 10}` },
    });
    const [notBefore, notAfter, renew] = [0, 90, 60].map((days) =>
      new Date(Date.UTC(2030, 0, 1) + at * 60_000 + days * 86_400_000).toISOString(),
    );
    await store.change(id, (summary) => ({
      ...summary,
      current: {
        generation: 1,
        serialNumber: at.toString(16).padStart(32, '0'),
        notBefore,
        notAfter,
        issuedAt: notBefore,
      },
      renewal: { at: renew },
    }));
  }
  await planned(packages, storage, { ...clock, now: () => Temporal(Date.now()) });
  const files = fileStorage({ path });
  await files.write([{ set: 'bench', value: new Uint8Array(1) }]);
  await files[Symbol.asyncDispose]();
  const folders = new Set();
  let count = 0;
  for await (const { key, value } of storage.list('')) {
    if (key.startsWith('events/')) continue;
    const file = join(path, `${key}=`);
    if (!folders.has(dirname(file))) await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    folders.add(dirname(file));
    await writeFile(file, Buffer.concat([Buffer.from(`acmex1 bench.${(count += 1)}\n`), value]), {
      mode: 0o600,
    });
  }
}

/** Makes the plans as the server's configuration does, so that its start finds nothing to write. */
async function planned({ CertificateMaintenance, Provisioner }, storage, clock) {
  const provisioner = new Provisioner({
    storage,
    issuers: [],
    clock,
    checkRevocationEvery: { hours: 24 },
  });
  await new CertificateMaintenance({ storage, provisioner, clock }).replan();
}

function Temporal(milliseconds) {
  const text = new Date(milliseconds).toISOString();
  return { epochMilliseconds: milliseconds, toString: () => text };
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts the program, and returns once it is ready. */
async function startServer(program, data) {
  const port = await freePort();
  const key = `${'0f7c1e9b4a6d8253'}c1b0a9f8e7d6c5b4`;
  const begun = performance.now();
  const child = spawn(
    process.execPath,
    [program, 'serve', '--addr', `127.0.0.1:${port}`, '--storage', data],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { PATH: process.env.PATH, HOME: data, ACMEX_API_KEYS: key },
    },
  );
  const get = async (path) =>
    await fetch(`http://127.0.0.1:${port}${path}`, { headers: { 'x-api-key': key } });
  for (let tries = 0; ; tries += 1) {
    if (child.exitCode !== null || tries > 2000) throw new Error('the server did not become ready');
    if ((await get('/health/ready').catch(() => undefined))?.ok) break;
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
  const started = performance.now() - begun;
  return {
    port,
    child,
    get,
    started,
    async end(result) {
      child.kill('SIGTERM');
      await once(child, 'close');
      return result;
    },
  };
}

async function bareFastify() {
  const port = await freePort();
  const code = `import fastify from 'fastify'; const app = fastify(); app.get('/health', async () => ({ status: 'healthy' })); await app.listen({ port: ${port}, host: '127.0.0.1' }); console.log('ready')`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    cwd: join(root, 'apps/server'),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return { port, child };
}

/** Microseconds of CPU of the process for each answer, on connections that are always busy. */
async function cpuPerAnswer({ port, child: { pid } }) {
  const request = `GET /health HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
  let [answers, going] = [0, true];
  const sockets = await Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      socket
        .setEncoding('latin1')
        .on('data', (text) => {
          if (!text.startsWith('HTTP/1.1 200')) throw new Error(text);
          answers += 1;
          if (going) socket.write(request);
        })
        .on('error', () => {
          /* the server ends first */
        });
      socket.write(request);
      return socket;
    }),
  );
  await new Promise((resolve) => {
    setTimeout(resolve, 1000);
  });
  const [from, before] = [answers, await cpuOf(pid)];
  await new Promise((resolve) => {
    setTimeout(resolve, 5000);
  });
  const result = ((await cpuOf(pid)) - before) / (answers - from);
  going = false;
  for (const socket of sockets) socket.destroy();
  return result;
}

/** Microseconds of CPU, which Linux counts in hundredths of a second. */
async function cpuOf(pid) {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** Milliseconds of each page. */
async function turned({ get }) {
  const times = [];
  let [next, count] = ['', 0];
  do {
    const begun = performance.now();
    const page = await (
      await get(`/api/certificates?limit=100${next === '' ? '' : `&cursor=${next}`}`)
    ).json();
    times.push(performance.now() - begun);
    count += page.items.length;
    next = page.next;
  } while (next !== undefined);
  if (count !== certificates) throw new Error(`${count} were listed`);
  return times;
}

/** MB */
async function resident(pid) {
  return (
    (Number(/VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024) /
    1e6
  );
}
