// What storage costs: the head of a long list, and writes that last.
import { mkdir, mkdtemp, open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundle, inRounds, median, root } from './prepare.mjs';

export const title = 'Storage';
const many = 1_000_000;
const few = 1_000;
const writers = 20;
const value = new Uint8Array(2048).fill(0x61);

export async function measure({ rounds, startRedis }) {
  const { memoryStorage, fileStorage, redisStorage } = await import(
    await bundle('storage-drivers')
  );
  await mkdir(join(root, 'tmp'), { recursive: true });
  const folder = await mkdtemp(join(root, 'tmp', 'bench-storage-'));
  try {
    const memory = await headOf(memoryStorage(), many);
    const redis = await startRedis();
    const overRedis = await headOf(redisStorage({ url: redis.url }), many).finally(() =>
      redis[Symbol.asyncDispose](),
    );
    const [small, large] = [
      await laidOut(fileStorage, join(folder, 'small'), few),
      await laidOut(fileStorage, join(folder, 'large'), many),
    ];
    const writes = await inRounds(rounds, async (round) =>
      writing(fileStorage, join(folder, `writes-${round}`)),
    );
    return {
      title,
      text: `A due index of ${many.toLocaleString('en')} keys, \`due/<day>/<hour>/<minute and second>-<id>\` over 90 days: the first 10 of it, the median of 200 readings. Writes of 2 KiB in sequence to a local disk, each flushed with its directory before it is acknowledged; beside it the same loop written with \`fs/promises\`: write, fsync, rename, fsync of the directory. The median of ${rounds}.`,
      rows: promises({ memory, overRedis, small, large, writes }),
      tables: [
        [
          [
            'round',
            'plain loop',
            'single-key writes',
            `${writers} at once`,
            'three-key writes',
            `${writers} at once`,
          ],
          ...writes.map(({ plain, ours, atOnce, three, threeAtOnce }, round) => [
            round + 1,
            ...[plain, ours, atOnce, three, threeAtOnce].map(
              (figure) => `${Math.round(figure)} per second`,
            ),
          ]),
        ],
      ],
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function promises({ memory, overRedis, small, large, writes }) {
  const single = median(writes.map(({ ours, plain }) => ours / plain));
  const atOnce = median(writes.map((write) => write.atOnce / write.plain));
  const three = median(writes.map((write) => write.three));
  const threeAtOnce = median(writes.map((write) => write.threeAtOnce));
  const row = (promise, limit, figure, met) => ({ promise, limit, figure, met });
  return [
    row('first 10 of 1,000,000, memory', '2 ms', `${memory.toFixed(2)} ms`, memory <= 2),
    row('first 10 of 1,000,000, Redis', '2 ms', `${overRedis.toFixed(2)} ms`, overRedis <= 2),
    row('first 10 of 1,000,000, file', '20 ms', `${large.toFixed(2)} ms`, large <= 20),
    row(
      'first 10 of 1,000,000, file',
      '1.5 of the same of 1,000',
      (large / small).toFixed(2),
      large / small <= 1.5,
    ),
    row(
      'single-key writes, file',
      "least 0.8 of the plain loop's speed",
      single.toFixed(2),
      single >= 0.8,
    ),
    row(
      `single-key writes, file, ${writers} at once`,
      "least 3 of the plain loop's speed",
      atOnce.toFixed(2),
      atOnce >= 3,
    ),
    row(
      'three-key writes, file',
      'least 400 per second',
      `${Math.round(three)} per second`,
      three >= 400,
    ),
    row(
      `three-key writes, file, ${writers} at once`,
      'least 667 per second',
      `${Math.round(threeAtOnce)} per second`,
      threeAtOnce >= 667,
    ),
  ];
}

/** 90 days of 24 hours each. */
function dueKey(at, count) {
  const hour = Math.floor((at * 90 * 24) / count);
  const date = new Date(Date.UTC(2030, 0, 1, hour)).toISOString();
  const minutes = String(at % 60).padStart(2, '0');
  return `due/${date.slice(0, 10)}/${date.slice(11, 13)}/${minutes}00-renew-${String(at).padStart(7, '0')}`;
}

/** Milliseconds for the first ten, in a storage that is filled by writing. */
async function headOf(storage, count) {
  for (let at = 0; at < count; at += 100)
    await storage.write(
      Array.from({ length: 100 }, (_, index) => ({
        set: dueKey(at + index, count),
        value: new Uint8Array(),
      })),
    );
  try {
    return await firstTen(storage);
  } finally {
    await storage[Symbol.asyncDispose]();
  }
}

async function firstTen(storage) {
  const times = [];
  for (let scan = 0; scan < 200; scan += 1) {
    const start = performance.now();
    let count = 0;
    for await (const { key } of storage.list('due', { limit: 10 })) count += key.length > 0 ? 1 : 0;
    times.push(performance.now() - start);
    if (count !== 10) throw new Error(`${count} entries came, not 10`);
  }
  return median(times);
}

/**
 * The same for files: those after the first are put there as the driver lays them out, because a
 * million flushed writes take half an hour.
 */
async function laidOut(fileStorage, path, count) {
  const storage = fileStorage({ path });
  await storage.write([{ set: dueKey(0, count), value: new Uint8Array() }]);
  const folders = new Set();
  for (let at = 1; at < count; at += 1) {
    const file = join(path, `${dueKey(at, count)}=`);
    const folder = join(file, '..');
    if (!folders.has(folder)) await mkdir(folder, { recursive: true, mode: 0o700 });
    folders.add(folder);
    await writeFile(file, `acmex1 bench.${at}\n`, { mode: 0o600 });
  }
  return await firstTen(storage);
}

async function writing(fileStorage, path) {
  await mkdir(path, { recursive: true });
  const plain = await perSecond(500, async (at) => plainWrite(join(path, 'plain'), `${at % 50}`));
  const storage = fileStorage({ path: join(path, 'ours') });
  const ours = await perSecond(500, (at) => storage.write([{ set: `k/${at % 50}`, value }]));
  const three = await perSecond(300, (at) =>
    storage.write(['a', 'b', 'c'].map((part) => ({ set: `${part}/${at % 50}`, value }))),
  );
  const atOnce = await perSecond(50, (at) =>
    Promise.all(
      Array.from({ length: writers }, (_, writer) =>
        storage.write([{ set: `k/${writer}-${at % 50}`, value }]),
      ),
    ),
  );
  const threeAtOnce = await perSecond(30, (at) =>
    Promise.all(
      Array.from({ length: writers }, (_, writer) =>
        storage.write(
          ['a', 'b', 'c'].map((part) => ({ set: `${part}/${writer}-${at % 50}`, value })),
        ),
      ),
    ),
  );
  await storage[Symbol.asyncDispose]();
  return { plain, ours, three, atOnce: writers * atOnce, threeAtOnce: writers * threeAtOnce };
}

async function plainWrite(folder, name) {
  await mkdir(folder, { recursive: true });
  const path = join(folder, name);
  const file = await open(`${path}.new`, 'w', 0o600);
  try {
    await file.writeFile(value);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  const directory = await open(folder);
  await directory.sync().finally(() => directory.close());
}

async function perSecond(count, work) {
  for (let at = 0; at < 20; at += 1) await work(at);
  const start = performance.now();
  for (let at = 0; at < count; at += 1) await work(at);
  return (count * 1000) / (performance.now() - start);
}
