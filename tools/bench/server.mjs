// What the REST server costs, with many certificates in its storage.
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inRounds, median, root } from './prepare.mjs';
import { memoryOf, startOfNode } from './processes.mjs';
import { tableOf } from './tables.mjs';
import { healthOf, sharedBy, startBare, startServer } from './serving.mjs';
import { storedCertificates } from './stored-certificates.mjs';

export const title = 'The REST server';
const certificates = 100_000;
const encryptionKey = randomBytes(32).toString('hex');
const pagePath = '/api/certificates?limit=100';
const ofHealth =
  'the write to the socket takes 36 % of the samples, routing with its hooks 11 %, and the two counters of the metrics up to 8 of 58 µs.';
const ofRedis =
  'the collector takes 28 % of the main thread, writing to Redis and to the reader 14 %, decrypting each record 7 %, and reading the answers of Redis 6 %; an index with whole rows would save most of it.';
const left = {
  'GET /health, a second': ofHealth,
  'GET /health, processor time': ofHealth,
  'the first pages, files':
    'reading 100 files takes 13 % of the samples, checking each record 11 %, the collector 16 %, and making the answer 7 %; an index with whole rows would save the reads.',
  'the first pages, Redis': ofRedis,
  'the last pages, Redis': ofRedis,
  'resident memory, files':
    'after the pages, 39 MB are used of a heap of 50 MB; the rest is Node.js itself, which Fastify alone has too.',
};

export async function measure(bench, { program } = {}) {
  await mkdir(join(root, 'tmp'), { recursive: true });
  const folder = await mkdtemp(join(root, 'tmp', 'bench-server-'));
  const onFiles = async (data) =>
    await startServer({
      port: await bench.freePort(),
      folder,
      args: ['--storage', data],
      env: {},
      program,
    });
  try {
    // A server that cannot start fails here, and not after minutes of preparation.
    await (await onFiles(join(folder, 'empty'))).end();
    return await withRedis(bench, { folder, onFiles });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function withRedis(bench, { folder, onFiles }) {
  const redis = await bench.startRedis();
  try {
    const stored = await storedCertificates(certificates);
    await stored.intoFiles(join(folder, 'data'));
    await stored.intoRedis(redis.url, encryptionKey);
    console.error(`  ${certificates.toLocaleString('en')} certificates are in the storages`);
    const rounds = await inRounds(bench.rounds, async () => ({
      node: await startOfNode(),
      ...(await besideBare(bench, folder, await onFiles(join(folder, 'data')))),
      redis: await ofServer(
        await startServer({
          port: await bench.freePort(),
          folder,
          ...sharedBy(redis.url, encryptionKey),
        }),
        turned,
      ),
    }));
    return {
      title,
      text: `\`acmex serve\` with ${certificates.toLocaleString('en')} certificates in its storage, that were made at 200 a second: in files, and \`acmex serve --role api\` with them in Redis, encrypted. The limit is Fastify alone: a route of health that answers the same, and one that answers the bytes of the first page from memory. Start: from the start of the process to the first answer, of \`/health/ready\` where it is ours. Health: 32 connections that are always busy, three times two seconds for each by turns; the answers a second, and the CPU of the process for one. Pages: \`GET ${pagePath}\`, all of them one after the other; the median of the first and of the last 50, and of 50 of Fastify's. Memory: resident, after that.`,
      rows: promises(rounds),
      tables: tablesOf(rounds),
      left,
    };
  } finally {
    await redis[Symbol.asyncDispose]();
  }
}

async function ofServer(server, work) {
  return await work(server).finally(server.end);
}

/** One round of a server on files and of Fastify alone. */
async function besideBare(bench, folder, server) {
  return await ofServer(server, async () => {
    const page = join(folder, 'page.json');
    await writeFile(page, (await server.ask(pagePath)).text);
    const bare = await startBare({ port: await bench.freePort(), page });
    return await ofServer(bare, async () => {
      const [health, bareHealth] = await healthOf([server, bare]);
      const pages = await turned(server);
      const barePages = await inRounds(100, async () => (await bare.ask(pagePath)).took);
      return {
        files: {
          took: server.took,
          health,
          ...pages,
          scanned: await scanned(server),
          memory: await memoryOf(server.child.pid),
        },
        bare: {
          took: bare.took,
          health: bareHealth,
          page: median(barePages.slice(50)),
          memory: await memoryOf(bare.child.pid),
        },
      };
    });
  });
}

/** Turns all pages. @returns the median of the milliseconds of the first 50 and of the last 50 */
async function turned({ ask }) {
  const times = [];
  let [next, count] = ['', 0];
  do {
    const { text, took } = await ask(`${pagePath}${next && `&cursor=${encodeURIComponent(next)}`}`);
    const page = JSON.parse(text);
    times.push(took);
    count += page.items.length;
    next = page.next;
  } while (next !== undefined);
  if (count !== certificates) throw new Error(`${count} were listed`);
  return { first: median(times.slice(0, 50)), last: median(times.slice(-50)) };
}

/** How many a page looks at for a filter without an index, which nothing matches. */
async function scanned({ ask }) {
  const page = JSON.parse((await ask('/api/certificates?issuer=unknown&limit=100')).text);
  if (page.items.length > 0 || page.next === undefined)
    throw new Error('the filter found something, or all were looked at for one page');
  return page.scanned;
}

function promises(rounds) {
  const of = (get) => rounds.map(get);
  const bare = (get) => ({ name: "bare Fastify's", figures: of(get) });
  const page = (place, part) => ({
    figure: `the ${part} pages, ${place === 'files' ? 'files' : 'Redis'}`,
    unit: 'ms',
    ours: of((round) => round[place][part]),
    limit: bare((round) => round.bare.page),
    goals: [{ atMost: 5 }],
  });
  return [
    {
      figure: 'start to ready, files',
      unit: 'ms',
      ours: of((round) => round.files.took),
      limit: bare((round) => round.bare.took),
      goals: [{ atMost: 600 }],
    },
    {
      figure: 'GET /health, a second',
      unit: 'a second',
      ours: of((round) => round.files.health.rate),
      limit: bare((round) => round.bare.health.rate),
      goals: [{ of: 'limit', atLeast: 0.75 }],
    },
    {
      figure: 'GET /health, processor time',
      unit: 'µs',
      ours: of((round) => round.files.health.cpu),
      limit: bare((round) => round.bare.health.cpu),
      goals: [{ of: 'limit', atMost: 1.33 }],
    },
    ...['files', 'redis'].flatMap((place) => ['first', 'last'].map((part) => page(place, part))),
    {
      figure: 'scanned for a filter without an index',
      unit: 'certificates',
      ours: of((round) => round.files.scanned),
      goals: [{ atMost: 2000 }],
    },
    {
      figure: 'resident memory, files',
      unit: 'MB',
      ours: of((round) => round.files.memory),
      limit: bare((round) => round.bare.memory),
      goals: [{ atMost: 110 }],
    },
  ];
}

function tablesOf(rounds) {
  const column = (name, unit, get) => ({
    name,
    unit,
    figures: rounds.map(get),
  });
  return [
    tableOf([
      column('start to ready', 'ms', ({ files }) => files.took),
      column('bare Fastify', 'ms', ({ bare }) => bare.took),
      column('`node -e 0`', 'ms', ({ node }) => node),
    ]),
    tableOf([
      column('GET /health', 'a second', ({ files }) => files.health.rate),
      column('bare Fastify', 'a second', ({ bare }) => bare.health.rate),
      column('GET /health', 'µs of CPU', ({ files }) => files.health.cpu),
      column('bare Fastify', 'µs of CPU', ({ bare }) => bare.health.cpu),
    ]),
    tableOf([
      column('first pages, files', 'ms', ({ files }) => files.first),
      column('last pages, files', 'ms', ({ files }) => files.last),
      column('first pages, Redis', 'ms', ({ redis }) => redis.first),
      column('last pages, Redis', 'ms', ({ redis }) => redis.last),
      column('bare Fastify', 'ms', ({ bare }) => bare.page),
    ]),
  ];
}
