// What our CA costs, beside Pebble and the barest CA, with the same client.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { bundleWhole, inRounds, root } from './prepare.mjs';
import { cpuOf, end, startOfNode } from './processes.mjs';
import { withPebble } from './proxy.mjs';
import { tableOf } from './tables.mjs';

export const title = 'The CA';
const issuances = 300;
const [few, many] = [1000, 3000];
const left = {
  'processor time per issuance':
    'our own code with zod and the ASN.1 library takes 40 % of the main thread, no function of it more than 1.3 %; verifying signatures takes 8 %, the rest of cryptography 8 %, the connection to the web server that is validated, which the bare server does not ask, 8 %, and writing to sockets 10 %.',
  'issuances, 20 at once, storage in files':
    'the eleven writes of an issuance take over half of the main thread: opening their files takes 28 %, closing, renaming and linking them 10 %, and reading and listing 12 %.',
  "start to first answer, beyond Node's":
    'loading the kept compiled code takes 14 % of the start, making the schemas of zod 13 %, those of ASN.1 12 %, the collector 9 %, and the keys of the development CA 5 %.',
};
const bareCa = join(import.meta.dirname, 'bare-ca.mjs');

export async function measure(bench) {
  const program = await bundleWhole('ca-server');
  await mkdir(join(root, 'tmp'), { recursive: true });
  const folder = await mkdtemp(join(root, 'tmp', 'bench-ca-'));
  const issued = async (place) =>
    await withServer(bench, { folder, args: ['--expose-gc', program], place }, issuing);
  try {
    const rounds = await inRounds(bench.rounds, async (round) => ({
      memory: await issued(),
      pebble: await withPebble(bench, async (ca, { pid }) => await issuing(bench, ca, pid)),
      bare: await withServer(bench, { folder, args: [bareCa] }, issuing),
      files: await issued(join(folder, `storage-${round}`)),
    }));
    const heap = await afterMany(bench, { folder, args: ['--expose-gc', program] });
    const starts = await inRounds(bench.rounds, async () => ({
      ours: await startOfOurs(bench, folder),
      node: await startOfNode(),
      bare: await withServer(
        bench,
        { folder, args: [bareCa] },
        async (_, __, ___, { took }) => took,
      ),
    }));
    return {
      title,
      text: `The processor time of the whole server process, by /proc, for one issuance of one name by http-01, after 50 that do not count: ${issuances} issuances, 20 at once, by our client over https. Our CA has its storage in memory, and then in files of a local disk; Pebble has it in memory. The limit is a bare https server of Node that answers the same requests from memory: it verifies each signature, eight for an issuance, and signs the certificate, and does nothing else, so it asks no web server. What the others ask is pebble-challtestsrv, a process of its own. Issuances a second count the client too, which shares the machine. Heap: after a collection, with the storage in Redis. Start: from the start of the process to its first answer, beyond \`node -e 0\`, of \`acmex ca serve --development\` and of the bare server.`,
      rows: promises({ rounds, heap, starts }),
      tables: tablesOf({ rounds, heap, starts }),
      left,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function promises({ rounds, heap, starts }) {
  const of = (server, figure) => rounds.map((round) => round[server][figure]);
  const beyondNode = (program) => starts.map((start) => start[program] - start.node);
  return [
    {
      figure: 'processor time per issuance',
      unit: 'ms',
      ours: of('memory', 'cpu'),
      peer: { name: "Pebble's", figures: of('pebble', 'cpu') },
      limit: { name: "the bare server's", figures: of('bare', 'cpu') },
      goals: [
        { of: 'peer', atMost: 1.5 },
        { of: 'limit', atMost: 2 },
      ],
    },
    ...['files', 'memory'].map((place) => ({
      figure: `issuances, 20 at once, storage in ${place}`,
      unit: 'a second',
      ours: of(place, 'rate'),
      peer: { name: "Pebble's", figures: of('pebble', 'rate') },
      limit: { name: "the bare server's", figures: of('bare', 'rate') },
      goals: [{ atLeast: 60 }],
    })),
    {
      figure: `heap after ${many.toLocaleString('en')} issuances`,
      unit: 'MiB',
      ours: [heap.many],
      peer: { name: `that after ${few.toLocaleString('en')}`, figures: [heap.few] },
      goals: [{ of: 'peer', atMost: 1.5 }],
    },
    {
      figure: "start to first answer, beyond Node's",
      unit: 'ms',
      ours: beyondNode('ours'),
      limit: { name: "the bare server's", figures: beyondNode('bare') },
      goals: [{ atMost: 200 }],
    },
  ];
}

function tablesOf({ rounds, heap, starts }) {
  const servers = {
    memory: 'ours, memory',
    files: 'ours, files',
    pebble: 'Pebble',
    bare: 'the bare server',
  };
  const columns = (figure, unit) =>
    Object.entries(servers).map(([server, name]) => ({
      name,
      unit,
      figures: rounds.map((round) => round[server][figure]),
    }));
  return [
    tableOf(columns('cpu', 'ms of CPU')),
    tableOf(columns('rate', 'a second')),
    tableOf(
      [
        ['`acmex ca serve`', 'ours'],
        ['the bare server', 'bare'],
        ['`node -e 0`', 'node'],
      ].map(([name, program]) => ({
        name,
        unit: 'ms to its first answer or end',
        figures: starts.map((start) => start[program]),
      })),
    ),
    [
      ['issuances', 'heap'],
      [few.toLocaleString('en'), `${heap.few.toFixed(1)} MiB`],
      [many.toLocaleString('en'), `${heap.many.toFixed(1)} MiB`],
    ],
  ];
}

/** Issues with a server that runs, and returns what that cost it, and how many were issued a second. */
async function issuing(bench, ca, pid) {
  const issue = async (task) => await bench.run({ client: 'acmex', ...ca, lanes: 20, ...task });
  await issue({ warmUp: 50, issuances: 1 });
  const before = await cpuOf(pid);
  const { wall } = await issue({ warmUp: 0, issuances });
  return { cpu: ((await cpuOf(pid)) - before) / issuances, rate: issuances / wall };
}

/**
 * Runs a program that prints its directory and its root, with a web server for http-01.
 *
 * @param work gets the benchmark, the CA, and the process
 */
async function withServer(bench, { folder, args, place }, work) {
  const httpPort = await bench.freePort();
  const web = await bench.startChallengeServer({ httpPort });
  const begun = performance.now();
  const child = spawn(
    process.execPath,
    [...args, String(httpPort), ...(place === undefined ? [] : [place])],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  try {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async () => JSON.parse((await lines.next()).value);
    const { directory, root: pem } = await next();
    await firstAnswer(directory, pem);
    const took = performance.now() - begun;
    const ca = join(folder, `root-${httpPort}.pem`);
    await writeFile(ca, pem);
    const heap = async () => {
      child.stdin.write('\n');
      return (await next()).heap;
    };
    const served = { directory, managementUrl: web.managementUrl, ca };
    return await work(bench, served, child.pid, { took, heap });
  } finally {
    child.stdin.end();
    if (child.exitCode === null) await once(child, 'close');
    await web[Symbol.asyncDispose]();
  }
}

/** The heap after few issuances and after many, of a CA whose storage is another process. */
async function afterMany(bench, { folder, args }) {
  const redis = await bench.startRedis();
  try {
    return await withServer(
      bench,
      { folder, args, place: redis.url },
      async (_, ca, __, { heap }) => {
        const issue = async () =>
          await bench.run({ client: 'acmex', ...ca, warmUp: 0, issuances: few, lanes: 20 });
        await issue();
        const first = await heap();
        for (let count = few; count < many; count += few) await issue();
        return { few: first, many: await heap() };
      },
    );
  } finally {
    await redis[Symbol.asyncDispose]();
  }
}

/** Milliseconds from the start of the program to the first answer over its port. */
async function startOfOurs(bench, folder) {
  const port = await bench.freePort();
  const pem = join(folder, `start-${port}.pem`);
  const listen = ['--listen', `127.0.0.1:${port}`, '--root-certificate', pem];
  const begun = performance.now();
  const child = spawn(
    process.execPath,
    [join(root, 'apps/cli/bin/acmex.mjs'), 'ca', 'serve', '--development', ...listen],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  try {
    await once(child.stdout, 'data');
    await firstAnswer(`https://127.0.0.1:${port}/acme/directory`, await readFile(pem));
    return performance.now() - begun;
  } finally {
    await end(child);
  }
}

async function firstAnswer(url, ca) {
  await new Promise((resolve, reject) => {
    get(url, { ca, agent: false }, (answer) => answer.resume().once('end', resolve)).once(
      'error',
      reject,
    );
  });
}
