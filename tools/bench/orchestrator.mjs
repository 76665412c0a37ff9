// What it costs to keep many certificates current: finding what is due, and renewing.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { bundle, inRounds, median, root } from './prepare.mjs';
import { withPebble } from './proxy.mjs';

export const title = 'Keeping certificates current';
const many = 1_000_000;
const few = 1_000;
const due = 10;
const scans = 400;
const renewals = 1_000;
const lanes = 20;

export async function measure(bench) {
  const modules = await import(await bundle('ticks'));
  const folder = await mkdtemp(join(root, 'tmp', 'bench-ticks-'));
  try {
    const figures = await measureScans(bench, modules, folder);
    const rounds = await inRounds(bench.rounds, async () => await renewalRound(bench));
    return {
      title,
      text: describeMeasurement(bench),
      rows: promises(figures, rounds),
      tables: [scanTable(figures), renewalTable(rounds)],
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Measures a scan of few and of many certificates in each storage. */
async function measureScans(bench, modules, folder) {
  const storages = {
    memory: async (count) =>
      await ticks(modules, await filled(modules, modules.memoryStorage(), count)),
    Redis: async (count) => {
      const redis = await bench.startRedis();
      return await ticks(
        modules,
        await filled(modules, modules.redisStorage({ url: redis.url }), count),
      ).finally(() => redis[Symbol.asyncDispose]());
    },
    files: async (count) =>
      await ticks(modules, await laidOut(modules, join(folder, String(count)), count)),
  };
  const figures = [];
  for (const [place, measureScan] of Object.entries(storages)) {
    const [small, large] = [await measureScan(few), await measureScan(many)];
    console.error(`  ${place}: ${small.time.toFixed(2)} ms, ${large.time.toFixed(2)} ms`);
    figures.push({ place, small, large });
  }
  return figures;
}

/** Measures renewals, and an issuance of acme-client's beside them. */
async function renewalRound(bench) {
  const ours = await withPebble(bench, (ca) =>
    bench.run({
      client: 'renewals',
      ...ca,
      managed: lanes,
      warmUp: 50,
      issuances: renewals,
      lanes,
    }),
  );
  const peer = await withPebble(bench, (ca) =>
    bench.run({ client: 'acme-client', ...ca, warmUp: 50, issuances: 200, lanes }),
  );
  console.error(
    `  ${ours.cpu.toFixed(1)} ms a renewal, acme-client's issuance ${peer.cpu.toFixed(1)} ms`,
  );
  return { ours, peer };
}

function describeMeasurement({ rounds }) {
  return `A scan by the dispatcher for what is due, ${due} of ${written(many)} managed certificates and of ${written(few)}: the index of due certificates is read up to the present moment, and for the next moment after it. The storages hold that index alone. The median of ${scans} scans; the heap after a collection behind them, in the process that scans. A renewal is \`CertificateMaintenance.maintain\` with the storage in memory: ${written(renewals)} renewals of ${lanes} certificates, ${lanes} at once, at Pebble, with new keys, requests, every record and event, and the check of what came; beside it an issuance of acme-client's as above, in the same round; the median of ${rounds}.`;
}

function promises(figures, rounds) {
  const cpu = median(rounds.map(({ ours, peer }) => ours.cpu / peer.cpu));
  const growth = Math.max(
    ...figures
      .filter(({ place }) => place !== 'memory')
      .map(({ small, large }) => large.heap - small.heap),
  );
  return [
    ...figures.map(({ place, small, large }) => ({
      promise: `a scan at ${written(many)}, ${place}`,
      limit: `1.5 of that at ${written(few)}`,
      figure: (large.time / small.time).toFixed(2),
      met: large.time / small.time <= 1.5,
    })),
    {
      promise: `heap at ${written(many)}, Redis and files`,
      limit: `1 MiB more than at ${written(few)}`,
      figure: `${growth.toFixed(2)} MiB`,
      met: growth <= 1,
    },
    {
      promise: 'processor time of a renewal',
      limit: "0.7 of acme-client's issuance",
      figure: cpu.toFixed(2),
      met: cpu <= 0.7,
    },
  ];
}

function scanTable(figures) {
  return [
    ['storage', `a scan at ${written(few)}`, `at ${written(many)}`],
    ...figures.map(({ place, small, large }) => [
      place,
      `${small.time.toFixed(2)} ms`,
      `${large.time.toFixed(2)} ms`,
    ]),
  ];
}

function renewalTable(rounds) {
  return [
    ['round', 'a renewal', "acme-client's issuance", 'renewals'],
    ...rounds.map(({ ours, peer }, round) => [
      round + 1,
      `${ours.cpu.toFixed(1)} ms`,
      `${peer.cpu.toFixed(1)} ms`,
      `${(renewals / ours.wall).toFixed(0)} per second`,
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

async function filled(_, storage, count) {
  for (let at = 0; at < count; at += 100)
    await storage.write(
      Array.from({ length: 100 }, (__, index) => ({ set: dueKey(at + index, count), value })),
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
  try {
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
  } finally {
    await storage[Symbol.asyncDispose]();
  }
}

function heapUsed() {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed / 2 ** 20;
}
