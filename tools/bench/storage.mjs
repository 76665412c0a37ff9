// What storage costs: the head of a long list, and writes that last.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundle, inRounds, median, root } from './prepare.mjs';
import { tableOf } from './tables.mjs';
import { writers, writesPerSecond } from './storage-writes.mjs';

export const title = 'Storage';
const many = 1_000_000;
const few = 1_000;
const left = {
  'single-key writes, files':
    'one fdatasync of the journal for each write takes 56 % of the time in system calls, putting its file in place (rename) 27 %, and the flushes of the checkpoints 4 %.',
  'single-key writes, files, 20 writers':
    'twenty writes share one fdatasync of the journal, but the checkpoints flush each file: 0.97 fsync for each key, 56 % of the time in system calls.',
};

export async function measure({ rounds, startRedis }) {
  const { memoryStorage, fileStorage, redisStorage } = await import(
    await bundle('storage-drivers')
  );
  await mkdir(join(root, 'tmp'), { recursive: true });
  const folder = await mkdtemp(join(root, 'tmp', 'bench-storage-'));
  try {
    const memory = await heads(rounds, async (count) => await filled(memoryStorage(), count));
    const redis = await startRedis();
    const overRedis = await heads(rounds, async (count) =>
      filled(redisStorage({ url: redis.url, prefix: `bench-${count}` }), count),
    ).finally(() => redis[Symbol.asyncDispose]());
    const files = await heads(rounds, async (count) =>
      laidOut(fileStorage({ path: join(folder, `${count}`) }), join(folder, `${count}`), count),
    );
    const writes = await inRounds(rounds, async (round) =>
      writesPerSecond(fileStorage, join(folder, `writes-${round}`)),
    );
    return {
      title,
      text: `A due index of ${many.toLocaleString('en')} keys, \`due/<day>/<hour>/<minute and second>-<id>\` over 90 days, and one of ${few.toLocaleString('en')}: the first 10 of it, the median of 200 readings in each round. Writes of 2 KiB to a local disk, each lasting when it is acknowledged. Beside them the plain loop, written with \`fs/promises\`: write, fsync, rename, fsync of the folder, for each key. A change of three keys is three plain loops in sequence. The barest journal appends the bytes of all that wait to one file, with one fdatasync for them; it keeps no file for a key. All take turns within a round, and a storage's turn ends when it is closed.`,
      rows: [...firstTenRows({ memory, Redis: overRedis, files }), ...writeRows(writes)],
      tables: writeTables(writes),
      left,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function firstTenRows(places) {
  const goals = {
    memory: [{ atMost: 2 }],
    Redis: [{ atMost: 2 }],
    files: [{ atMost: 20 }, { of: 'peer', atMost: 1.5 }],
  };
  return Object.entries(places).map(([place, heads]) => ({
    figure: `first 10 of ${many.toLocaleString('en')}, ${place}`,
    unit: 'ms',
    ours: heads.map((head) => head.many),
    peer: {
      name: `the same of ${few.toLocaleString('en')}`,
      figures: heads.map((head) => head.few),
    },
    goals: goals[place],
  }));
}

function writeRows(writes) {
  const of = (kind, keys = 1) => writes.map((write) => keys * write[kind]);
  const plain = { name: 'the plain loop', figures: of('plain') };
  const row = (figure, ours, standards) => ({
    figure,
    unit: 'a second',
    ours,
    ...standards,
  });
  return [
    row('single-key writes, files', of('single'), {
      limit: plain,
      goals: [{ of: 'limit', atLeast: 0.8 }],
    }),
    row(`single-key writes, files, ${writers} writers`, of('singleAtOnce'), {
      peer: plain,
      limit: { name: 'the barest journal', figures: of('appendOfWriters') },
      goals: [{ of: 'peer', atLeast: 3 }],
    }),
    row('three-key writes, files', of('three'), {
      peer: { name: 'three plain loops', figures: of('plainThree') },
      limit: { name: 'the barest journal', figures: of('append') },
      goals: [{ atLeast: 400 }],
    }),
    row(`keys in three-key writes, files, ${writers} writers`, of('threeAtOnce', 3), {
      peer: { name: 'three plain loops', figures: of('plainThree', 3) },
      limit: { name: 'the barest journal', figures: of('appendOfWritersThree', 3) },
      goals: [{ atLeast: 2000 }],
    }),
  ];
}

function writeTables(writes) {
  const column = (name, kind) => ({
    name,
    unit: 'a second',
    figures: writes.map((write) => write[kind]),
  });
  return [
    tableOf([
      column('one key: plain loop', 'plain'),
      column('ours', 'single'),
      column(`ours, ${writers} writers`, 'singleAtOnce'),
      column(`barest journal, ${writers} writers`, 'appendOfWriters'),
    ]),
    tableOf([
      column('three keys: plain loops', 'plainThree'),
      column('barest journal', 'append'),
      column('ours', 'three'),
      column(`ours, ${writers} writers`, 'threeAtOnce'),
      column(`barest journal, ${writers} writers`, 'appendOfWritersThree'),
    ]),
  ];
}

/** 90 days of 24 hours each. */
function dueKey(at, count) {
  const hour = Math.floor((at * 90 * 24) / count);
  const date = new Date(Date.UTC(2030, 0, 1, hour)).toISOString();
  const minutes = String(at % 60).padStart(2, '0');
  return `due/${date.slice(0, 10)}/${date.slice(11, 13)}/${minutes}00-renew-${String(at).padStart(7, '0')}`;
}

/** Milliseconds for the first ten of few and of many, in each round. */
async function heads(rounds, filledWith) {
  const [ofFew, ofMany] = [await filledWith(few), await filledWith(many)];
  try {
    return await inRounds(rounds, async () => ({
      few: await firstTen(ofFew),
      many: await firstTen(ofMany),
    }));
  } finally {
    await ofFew[Symbol.asyncDispose]();
    await ofMany[Symbol.asyncDispose]();
  }
}

async function filled(storage, count) {
  for (let at = 0; at < count; at += 100)
    await storage.write(
      Array.from({ length: 100 }, (_, index) => ({
        set: dueKey(at + index, count),
        value: new Uint8Array(),
      })),
    );
  return storage;
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
 * A storage of files: those after the first are put there as the driver lays them out, because a
 * million flushed writes take half an hour.
 */
async function laidOut(storage, path, count) {
  await storage.write([{ set: dueKey(0, count), value: new Uint8Array() }]);
  const folders = new Set();
  for (let at = 1; at < count; at += 1) {
    const file = join(path, `${dueKey(at, count)}=`);
    const folder = join(file, '..');
    if (!folders.has(folder)) await mkdir(folder, { recursive: true, mode: 0o700 });
    folders.add(folder);
    await writeFile(file, `acmex1 bench.${at}\n`, { mode: 0o600 });
  }
  return storage;
}
