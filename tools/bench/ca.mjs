// What our CA costs, beside Pebble, with the same client.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { get } from 'node:https';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { bundleWhole, inRounds, median, root } from './prepare.mjs';
import { withPebble } from './proxy.mjs';

export const title = 'The CA';
const issuances = 300;
const ticksPerSecond = 100;

export async function measure(bench) {
  const program = await bundleWhole('ca-server');
  const folder = await mkdtemp(join(root, 'tmp', 'bench-ca-'));
  try {
    const rounds = await inRounds(bench.rounds, async () => ({
      ours: await ours(bench, program, folder),
      pebble: await pebbles(bench),
    }));
    const cpu = median(rounds.map(({ ours, pebble }) => ours.cpu / pebble.cpu));
    const memory = await afterMany(bench, program, folder);
    const start = median(await inRounds(5, () => firstAnswer(folder)));
    const nothing = median(await inRounds(5, async () => await timed(['-e', '0'])));
    return {
      title,
      text: `The processor time of the whole server process for one issuance of one name by http-01, after 50 that do not count: ${issuances} issuances, 20 at once, by our client over https; our CA with its storage in memory, Pebble by /proc. The web server that both ask is pebble-challtestsrv, a process of its own. The quotient within one round, the median of ${bench.rounds}. Memory: the heap after a collection, with the storage in Redis. Start: from the start of \`acmex ca serve --development\` to the first answer of its directory, beyond \`node -e 0\`.`,
      rows: [
        {
          promise: 'processor time per issuance',
          limit: "2 of Pebble's",
          figure: cpu.toFixed(2),
          met: cpu <= 2,
        },
        {
          promise: 'heap after 10,000 issuances',
          limit: '1.5 of that after 1,000',
          figure: (memory.many / memory.few).toFixed(2),
          met: memory.many / memory.few <= 1.5,
        },
        {
          promise: 'start to first answer',
          limit: "300 ms beyond Node's start",
          figure: `${Math.round(start - nothing)} ms`,
          met: start - nothing <= 300,
        },
      ],
      tables: [
        [
          ['round', 'our CPU', "Pebble's CPU", 'our issuances', "Pebble's issuances"],
          ...rounds.map((figures, round) => [
            round + 1,
            ...[figures.ours, figures.pebble].map(({ cpu: ms }) => `${ms.toFixed(1)} ms`),
            ...[figures.ours, figures.pebble].map(
              ({ wall }) => `${(issuances / wall).toFixed(1)} per second`,
            ),
          ]),
        ],
        [
          ['issuances', 'heap'],
          ['1,000', `${memory.few.toFixed(1)} MiB`],
          ['10,000', `${memory.many.toFixed(1)} MiB`],
        ],
      ],
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Our CA, and a way to ask it what it has cost. */
async function serving(bench, program, folder, redis) {
  const httpPort = await bench.freePort();
  const web = await bench.startChallengeServer({ httpPort });
  const child = spawn(
    process.execPath,
    ['--expose-gc', program, String(httpPort), ...(redis === undefined ? [] : [redis])],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value);
  const { directory, root: pem } = await next();
  const ca = join(folder, 'root.pem');
  await writeFile(ca, pem);
  const cost = async () => {
    child.stdin.write('\n');
    return await next();
  };
  return {
    ca: { directory, managementUrl: web.managementUrl, ca },
    cost,
    end: async () => {
      child.stdin.end();
      await once(child, 'close');
      await web[Symbol.asyncDispose]();
    },
  };
}

async function ours(bench, program, folder) {
  const { ca, cost, end } = await serving(bench, program, folder);
  await bench.run({ client: 'acmex', ...ca, warmUp: 50, issuances: 1, lanes: 20 });
  const before = await cost();
  const { wall } = await bench.run({ client: 'acmex', ...ca, warmUp: 0, issuances, lanes: 20 });
  const after = await cost();
  await end();
  return { cpu: (after.cpu - before.cpu) / issuances, wall };
}

async function pebbles(bench) {
  return await withPebble(bench, async (ca, { pid }) => {
    await bench.run({ client: 'acmex', ...ca, warmUp: 50, issuances: 1, lanes: 20 });
    const before = await cpuOf(pid);
    const { wall } = await bench.run({ client: 'acmex', ...ca, warmUp: 0, issuances, lanes: 20 });
    return { cpu: ((await cpuOf(pid)) - before) / issuances, wall };
  });
}

/** Milliseconds. proc(5) */
async function cpuOf(pid) {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /s, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) * (1000 / ticksPerSecond);
}

async function afterMany(bench, program, folder) {
  const redis = await bench.startRedis();
  try {
    const { ca, cost, end } = await serving(bench, program, folder, redis.url);
    const issue = async () =>
      bench.run({ client: 'acmex', ...ca, warmUp: 0, issuances: 1000, lanes: 20 });
    await issue();
    const few = (await cost()).heap;
    for (let part = 0; part < 9; part += 1) await issue();
    const many = (await cost()).heap;
    await end();
    return { few, many };
  } finally {
    await redis[Symbol.asyncDispose]();
  }
}

/** Milliseconds from the start of the program to the first answer over its port. */
async function firstAnswer(folder) {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  const pem = join(folder, `start-${port}.pem`);
  const start = performance.now();
  const child = spawn(
    process.execPath,
    [
      join(root, 'apps/cli/bin/acmex.mjs'),
      'ca',
      'serve',
      '--development',
      '--listen',
      `127.0.0.1:${port}`,
      '--root-certificate',
      pem,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(child.stdout, 'data');
  const ca = await readFile(pem);
  await new Promise((resolve, reject) =>
    get(`https://127.0.0.1:${port}/acme/directory`, { ca }, (answer) =>
      answer.resume().once('end', resolve),
    ).once('error', reject),
  );
  const took = performance.now() - start;
  child.kill();
  await once(child, 'close');
  return took;
}

async function timed(args) {
  const start = performance.now();
  await once(spawn(process.execPath, args, { stdio: 'ignore' }), 'close');
  return performance.now() - start;
}
