// What it costs to keep many certificates current: finding what is due, and renewing.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { byTurns, median } from './figures.mjs';
import { bundle, inRounds, root } from './prepare.mjs';
import { withPebble } from './proxy.mjs';

export const title = 'Keeping certificates current';
const many = 1_000_000;
const few = 1_000;
const due = 10;
const scans = 200;
const renewals = 1_000;
const lanes = 20;
const left = {};

export async function measure(bench) {
  const modules = await import(await bundle('ticks'));
  const folder = await mkdtemp(join(root, 'tmp', 'bench-ticks-'));
  try {
    const figures = await measureScans(bench, modules, folder);
    const rounds = await inRounds(bench.rounds, async () => await renewalRound(bench));
    return {
      title,
      text: describeMeasurement(),
      rows: [...scanRows(figures), ...renewalRows(rounds)],
      tables: [renewalTable(rounds)],
      left,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Measures scans of few and of many certificates in each storage, which is filled once. */
async function measureScans(bench, modules, folder) {
  const storages = {
    memory: async (count) => ({ storage: await filled(modules.memoryStorage(), count) }),
    Redis: async (count) => {
      const redis = await bench.startRedis();
      return { storage: await filled(modules.redisStorage({ url: redis.url }), count), redis };
    },
    files: async (count) => ({
      storage: await laidOut(modules, join(folder, String(count)), count),
    }),
  };
  const figures = [];
  for (const [place, open] of Object.entries(storages)) {
    const opened = { small: await open(few), large: await open(many) };
    try {
      const rounds = await inRounds(bench.rounds, async () => await scanRound(modules, opened));
      figures.push({ place, rounds });
      const last = rounds.at(-1);
      console.error(
        `  ${place}: ${last.small.time.toFixed(2)} and ${last.large.time.toFixed(2)} ms`,
      );
    } finally {
      for (const { storage, redis } of Object.values(opened)) {
        await storage[Symbol.asyncDispose]();
        await redis?.[Symbol.asyncDispose]();
      }
    }
  }
  return figures;
}

/** Scans the two storages by turns. */
async function scanRound(modules, opened) {
  return await byTurns(opened, async ({ storage }) => await ticks(modules, storage));
}

/** Measures renewals, and issuances of acme-client and the bare loop beside them. */
async function renewalRound(bench) {
  const clients = {
    ours: { client: 'renewals', managed: lanes, issuances: renewals / 2 },
    peer: { client: 'acme-client', issuances: 120 },
    bare: { client: 'bare-client', issuances: 120 },
  };
  const round = await byTurns(clients, async (task) => {
    const { cpu, wall } = await withPebble(bench, (ca) =>
      bench.run({ ...task, ...ca, warmUp: 100, lanes }),
    );
    return { cpu, rate: task.issuances / wall };
  });
  const [ours, peer, bare] = Object.values(round).map(({ cpu }) => cpu.toFixed(1));
  console.error(
    `  a renewal ${ours} ms, acme-client's issuance ${peer} ms, the bare loop's ${bare} ms`,
  );
  return round;
}

function describeMeasurement() {
  return `A scan by the dispatcher for what is due, ${due} of ${written(many)} managed certificates and of ${written(few)}: the index of due certificates is read up to the present moment, and for the next moment after it. The storages hold that index alone. The median of ${2 * scans} scans, by turns with those of ${written(few)}; the heap after a collection that follows them, in the process that scans. A renewal is \`CertificateMaintenance.maintain\` with the storage in memory: ${written(renewals)} renewals of ${lanes} certificates, ${lanes} at once, at Pebble, in two turns, with new keys, requests, every record and event, and the check of what came; beside it an issuance of acme-client's and of the bare loop as above, in the same round.`;
}

function scanRows(figures) {
  const of = (rounds, count, figure) => rounds.map(({ [count]: scan }) => scan[figure]);
  return figures.flatMap(({ place, rounds }) => [
    {
      figure: `a scan at ${written(many)}, ${place}`,
      unit: 'ms',
      ours: of(rounds, 'large', 'time'),
      limit: { name: `that at ${written(few)}`, figures: of(rounds, 'small', 'time') },
      goals: [{ of: 'limit', atMost: 1.1 }],
    },
    ...(place === 'memory' ? [] : [heapRow(place, rounds)]),
  ]);
}

function heapRow(place, rounds) {
  return {
    figure: `heap at ${written(many)} beyond that at ${written(few)}, ${place}`,
    unit: 'MiB',
    ours: rounds.map(({ small, large }) => large.heap - small.heap),
    goals: [{ atMost: 1 }],
  };
}

function renewalRows(rounds) {
  const of = (client) => rounds.map(({ [client]: { cpu } }) => cpu);
  return [
    {
      figure: 'processor time of a renewal',
      unit: 'ms',
      ours: of('ours'),
      peer: { name: "acme-client's issuance", figures: of('peer') },
      limit: { name: "the bare loop's issuance", figures: of('bare') },
      goals: [{ of: 'peer', atMost: 0.45 }],
    },
  ];
}

function renewalTable(rounds) {
  return [
    ['round', 'renewals per second', "acme-client's issuances per second"],
    ...rounds.map(({ ours, peer }, round) => [
      round + 1,
      ...[ours, peer].map(({ rate }) => rate.toFixed(0)),
    ]),
  ];
}

function written(count) {
  return count.toLocaleString('en');
}

const origin = Date.UTC(2030, 0, 1);
const value = new TextEncoder().encode(
  JSON.stringify({
    v: 1,
    issuer: 'letsencrypt',
    notBefore: '2029-12-01T00:00:00Z',
    notAfter: '2030-03-01T00:00:00Z',
  }),
);

/**
 * Ten in the hour before, the others over the 60 days after it: as the orchestrator writes them.
 */
function dueKey(at, count) {
  const seconds = at < due ? (at - due) * 60 : 60 + Math.floor(((at - due) * 60 * 86_400) / count);
  const [day, time] = new Date(origin + seconds * 1000).toISOString().split('T');
  return `due/${day}/${time.slice(0, 2)}/${time.slice(3, 5)}/${time.slice(6, 8)}-crt_${String(at).padStart(26, '0')}`;
}

async function filled(storage, count) {
  for (let at = 0; at < count; at += 100)
    await storage.write(
      Array.from({ length: 100 }, (_, index) => ({ set: dueKey(at + index, count), value })),
    );
  return storage;
}

/** Put there as the driver lays them out, because a million flushed writes take half an hour. */
async function laidOut({ fileStorage }, path, count) {
  const storage = fileStorage({ path });
  await storage.write([{ set: dueKey(0, count), value }]);
  const folders = new Set();
  for (let at = 1; at < count; at += 1) {
    const file = join(path, `${dueKey(at, count)}=`);
    const parent = join(file, '..');
    if (!folders.has(parent)) await mkdir(parent, { recursive: true, mode: 0o700 });
    folders.add(parent);
    await writeFile(file, Buffer.concat([Buffer.from(`acmex1 bench.${at}\n`), value]), {
      mode: 0o600,
    });
  }
  return storage;
}

async function ticks({ CertificateStore, dueSource }, storage) {
  const source = dueSource(new CertificateStore({ storage }));
  const now = { epochMilliseconds: origin };
  const { signal } = new AbortController();
  const times = [];
  for (let scan = 0; scan < scans; scan += 1) {
    const start = performance.now();
    let count = 0;
    for await (const { id } of source.due(now, { limit: 256, signal }))
      count += id.length > 0 ? 1 : 0;
    await source.next({ signal });
    times.push(performance.now() - start);
    if (count !== due) throw new Error(`${count} were due, not ${due}`);
  }
  return { time: median(times), heap: heapUsed() };
}

function heapUsed() {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed / 2 ** 20;
}
