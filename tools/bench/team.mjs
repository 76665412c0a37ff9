// What the server costs where several processes share the work by Redis.
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { bundle, inRounds, median, root } from './prepare.mjs';
import { fileURLToPath } from 'node:url';

export const title = 'The REST server on Redis';
const [perSecond, seconds, tasks] = [300, 20, 5000];
const program = join(root, 'apps/cli/bin/acmex.mjs');

export async function measure(bench) {
  const folder = await mkdtemp(join(root, 'tmp', 'bench-team-'));
  const redis = await bench.startRedis({ appendonly: true });
  try {
    const child = fileURLToPath(await bundle('queue-tasks'));
    const overheads = await inRounds(bench.rounds, async () =>
      Number(
        spawnSync(process.execPath, [child, redis.url, String(tasks)], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'inherit'],
        }).stdout,
      ),
    );
    const api = await serving(folder, redis.url);
    const intakes = await inRounds(bench.rounds, async () => await intake(api));
    const pages = await turned(api);
    await api.end();
    return {
      title,
      text: `\`acmex serve --role api\` with its storage in a Redis (AOF, everysec), encrypted, and no worker. Orders: \`POST /api/orders\`, ${perSecond} a second for ${seconds} seconds at times fixed beforehand, each for another name; a time is from when it was to be sent, so that waiting counts; by one process on the same machine; the median of ${bench.rounds}. Pages: \`GET /api/certificates?limit=100\`, all of what was ordered (${pages.length} pages), one after the other. Queue: ${tasks.toLocaleString('en')} tasks that do nothing, added and done by one process, 20 at once: its processor time by task, after 500 that do not count.`,
      rows: promises({ intakes, pages, overheads }),
      tables: [
        [
          ['round', 'accepted', 'p50', 'p99', 'refused'],
          ...intakes.map((intake, round) => [
            round + 1,
            `${intake.rate.toFixed(0)} a second`,
            `${intake.p50.toFixed(0)} ms`,
            `${intake.p99.toFixed(0)} ms`,
            intake.refused,
          ]),
        ],
      ],
    };
  } finally {
    await redis[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  }
}

function promises({ intakes, pages, overheads }) {
  const [rate, p99] = [
    median(intakes.map((intake) => intake.rate)),
    median(intakes.map((intake) => intake.p99)),
  ];
  const [page, overhead] = [median(pages), median(overheads)];
  const row = (promise, limit, figure, met) => ({ promise, limit, figure, met });
  return [
    row(
      'orders accepted',
      'least 300 a second',
      `${rate.toFixed(0)} a second`,
      rate >= 0.99 * perSecond,
    ),
    row('p99 of an order', '100 ms', `${p99.toFixed(0)} ms`, p99 <= 100),
    row('p50 of a page', '15 ms', `${page.toFixed(1)} ms`, page <= 15),
    row('processor time of the queue by task', '3 ms', `${overhead.toFixed(2)} ms`, overhead <= 3),
  ];
}

async function serving(folder, url) {
  const socket = createServer().listen(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  const key = randomBytes(32).toString('hex');
  const child = spawn(
    process.execPath,
    [program, 'serve', '--role', 'api', '--addr', `127.0.0.1:${port}`],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
      cwd: folder,
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        ACMEX_REDIS_URL: url,
        ACMEX_STORAGE_ENCRYPTION_KEY: randomBytes(32).toString('hex'),
        ACMEX_API_KEYS: key,
        ACMEX_ACME_CA: 'custom',
        ACMEX_ACME_CUSTOM_URL: 'https://127.0.0.1:1/directory',
        ACMEX_ACME_TOS_AGREED: 'true',
      },
    },
  );
  for (let tries = 0; ; tries += 1) {
    if (child.exitCode !== null || tries > 2000) throw new Error('the server did not become ready');
    if ((await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined))?.ok) break;
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
  return {
    port,
    key,
    async end() {
      child.kill('SIGTERM');
      await once(child, 'close');
    },
  };
}

let last = 0;

async function intake({ port, key }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const times = [];
  let refused = 0;
  const begun = performance.now();
  const post = async (at) => {
    const body = JSON.stringify({ names: [`n${(last += 1)}.bench.test`] });
    const status = await new Promise((resolve, reject) => {
      request(
        {
          agent,
          port,
          host: '127.0.0.1',
          method: 'POST',
          path: '/api/orders',
          headers: {
            'x-api-key': key,
            'content-type': 'application/json',
            'content-length': body.length,
          },
        },
        (answer) => {
          answer.resume().on('end', () => resolve(answer.statusCode));
        },
      )
        .on('error', reject)
        .end(body);
    });
    if (status === 202) times.push(performance.now() - at);
    else refused += 1;
  };
  const all = [];
  for (let n = 0; n < perSecond * seconds; n += 1) {
    const at = begun + (n * 1000) / perSecond;
    const early = at - performance.now();
    if (early > 1)
      await new Promise((resolve) => {
        setTimeout(resolve, early);
      });
    all.push(post(at));
  }
  await Promise.all(all);
  const rate = times.length / ((performance.now() - begun) / 1000);
  agent.destroy();
  times.sort((a, b) => a - b);
  const result = {
    rate,
    refused,
    p50: times[times.length >> 1],
    p99: times[Math.floor(times.length * 0.99)],
  };
  console.error(
    `  ${result.rate.toFixed(0)} a second, p50 ${result.p50.toFixed(0)} ms, p99 ${result.p99.toFixed(0)} ms, ${refused} refused`,
  );
  return result;
}

/** Milliseconds of each page. */
async function turned({ port, key }) {
  const times = [];
  let next = '';
  do {
    const begun = performance.now();
    const page = await (
      await fetch(
        `http://127.0.0.1:${port}/api/certificates?limit=100${next === '' ? '' : `&cursor=${encodeURIComponent(next)}`}`,
        { headers: { 'x-api-key': key } },
      )
    ).json();
    times.push(performance.now() - begun);
    next = page.next;
  } while (next !== undefined);
  return times;
}
