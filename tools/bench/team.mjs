// What the server costs where several processes share the work by Redis.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle, inRounds, median, root } from './prepare.mjs';
import { tableOf } from './tables.mjs';
import { sharedBy, startBare, startServer } from './serving.mjs';

export const title = 'The REST server on Redis';
const tasks = 5000;
const left = {
  'p50 of a page':
    'the collector takes 28 % of the main thread, writing to Redis and to the reader 14 %, decrypting each record 7 %, and reading the answers of Redis 6 %; an index with whole rows would save most of it.',
};
const warmUp = { perSecond: 300, seconds: 5 };
const usual = { perSecond: 300, seconds: 15 };
const high = { perSecond: 600, seconds: 8 };

export async function measure(bench) {
  await mkdir(join(root, 'tmp'), { recursive: true });
  const folder = await mkdtemp(join(root, 'tmp', 'bench-team-'));
  const program = fileURLToPath(await bundle('queue-tasks'));
  try {
    const rounds = await inRounds(bench.rounds, async () => await round(bench, folder, program));
    return {
      title,
      text: `\`acmex serve --role api\` with its storage in a Redis (AOF, everysec), encrypted, and no worker; a fresh Redis for each round. Orders: \`POST /api/orders\`, each for another name, at times fixed beforehand; a time is from when it was to be sent, so that waiting counts; by one process on the same machine. ${warmUp.seconds} seconds that do not count, ${usual.perSecond} a second for ${usual.seconds} seconds, then ${high.perSecond} a second for ${high.seconds}. The limit is Fastify alone, with a route that does one SET in the same Redis, which gets the same orders just before. Pages: \`GET /api/certificates?limit=100\`, all of what was ordered, one after the other. Queue: ${tasks.toLocaleString('en')} tasks that do nothing, added and done by one process, 20 at once: its processor time by task, after 500 that do not count.`,
      rows: promises(rounds),
      tables: tablesOf(rounds),
      left,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function round(bench, folder, program) {
  const redis = await bench.startRedis({ appendonly: true });
  try {
    const queue = queueCpu(program, redis.url);
    const bare = await orders(
      await startBare({ port: await bench.freePort(), redis: redis.url }),
      async (server) => ({
        usual: await intake(server, usual),
        high: await intake(server, high),
      }),
    );
    const shared = sharedBy(redis.url, randomBytes(32).toString('hex'));
    const server = await startServer({ port: await bench.freePort(), folder, ...shared });
    const ours = await orders(server, async () => ({
      usual: await intake(server, usual),
      high: await intake(server, high),
      page: median(await turned(server)),
    }));
    return { queue, bare, ours };
  } finally {
    await redis[Symbol.asyncDispose]();
  }
}

/** Milliseconds of processor time for each task. */
function queueCpu(program, url) {
  const { status, stdout } = spawnSync(process.execPath, [program, url, String(tasks)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`the process of the queue ended with ${status}`);
  return Number(stdout);
}

async function orders(server, work) {
  try {
    await intake(server, warmUp);
    return await work(server);
  } finally {
    await server.end();
  }
}

let last = 0;

/** Sends orders at fixed times. */
async function intake({ ask }, { perSecond, seconds }) {
  const times = [];
  let refused = 0;
  const begun = performance.now();
  const post = async (at) => {
    const json = { names: [`n${(last += 1)}.bench.test`] };
    const { status } = await ask('/api/orders', { method: 'POST', json });
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
  times.sort((a, b) => a - b);
  const [p50, p99] = [0.5, 0.99].map((part) => times[Math.floor(times.length * part)]);
  console.error(
    `  ${rate.toFixed(0)} a second, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, ${refused} refused`,
  );
  return { rate, refused, p50, p99 };
}

/** Milliseconds of each page. */
async function turned({ ask }) {
  const times = [];
  let next = '';
  do {
    const cursor = next && `&cursor=${encodeURIComponent(next)}`;
    const { text, took } = await ask(`/api/certificates?limit=100${cursor}`);
    times.push(took);
    next = JSON.parse(text).next;
  } while (next !== undefined);
  return times;
}

function promises(rounds) {
  const of = (get) => rounds.map(get);
  const bare = (get) => ({ name: "bare Fastify's with one SET", figures: of(get) });
  return [
    {
      figure: `p99 of an order, ${usual.perSecond} a second`,
      unit: 'ms',
      ours: of(({ ours }) => ours.usual.p99),
      limit: bare((round) => round.bare.usual.p99),
      goals: [{ atMost: 50 }],
    },
    {
      figure: `orders accepted of ${high.perSecond} a second`,
      unit: 'a second',
      ours: of(({ ours }) => ours.high.rate),
      limit: bare((round) => round.bare.high.rate),
      goals: [{ atLeast: 0.99 * high.perSecond }],
    },
    {
      figure: 'p50 of a page',
      unit: 'ms',
      ours: of(({ ours }) => ours.page),
      goals: [{ atMost: 5 }],
    },
    {
      figure: 'processor time of the queue by task',
      unit: 'ms',
      ours: of(({ queue }) => queue),
      goals: [{ atMost: 3 }],
    },
  ];
}

function tablesOf(rounds) {
  const columns = (name, get) => [
    { name, unit: 'accepted a second', figures: rounds.map((round) => get(round).rate) },
    { name, unit: 'p50 in ms', figures: rounds.map((round) => get(round).p50) },
    { name, unit: 'p99 in ms', figures: rounds.map((round) => get(round).p99) },
    { name, unit: 'refused', figures: rounds.map((round) => get(round).refused) },
  ];
  return [
    tableOf(columns(`ours, ${usual.perSecond} a second`, ({ ours }) => ours.usual)),
    tableOf(columns(`ours, ${high.perSecond} a second`, ({ ours }) => ours.high)),
    tableOf(columns(`bare Fastify, ${usual.perSecond} a second`, ({ bare }) => bare.usual)),
    tableOf(columns(`bare Fastify, ${high.perSecond} a second`, ({ bare }) => bare.high)),
  ];
}
