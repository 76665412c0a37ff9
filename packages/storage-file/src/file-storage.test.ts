import { mkdtemp, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@acmex/clock';
import { removeFolder } from '@acmex/services';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  checkClause,
  historyFrom,
  holdsConcurrently,
  holdsLikeModel,
  storageContract,
} from '@acmex/storage/contract';
import fc from 'fast-check';
import { type Disk, nodeDisk } from './disk.ts';
import { fileStorageOn } from './file-storage.ts';
import { fileStorage } from './index.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-storage-'));
});
afterEach(() => removeFolder(folder));
const opened = () => fileStorage({ path: join(folder, 'data') });

describe('a list of many files', () => {
  it('has them in their order, from memory and from a disk that has to work', async () => {
    const keys = Array.from({ length: 300 }, (_, at) => `many/${String(at).padStart(3, '0')}`);
    const filled = opened();
    for (let at = 0; at < keys.length; at += 100)
      await filled.write(
        keys.slice(at, at + 100).map((key) => ({ set: key, value: Buffer.from(key) })),
      );
    await filled[Symbol.asyncDispose]();
    const damaged = keys[150] ?? '';
    await writeFile(join(folder, 'data', `${damaged}=`), 'another program wrote this');
    const from = { now: 0, later: 0 };
    let workMs = 0;
    const disk: Disk = {
      ...nodeDisk,
      readNow(path) {
        from.now += 1;
        const end = systemClock.monotonic() + workMs;
        while (systemClock.monotonic() < end);
        return nodeDisk.readNow(path);
      },
      async read(path) {
        if (path.includes('many')) from.later += 1;
        return await nodeDisk.read(path);
      },
    };
    const listed = async () => {
      const seen: string[] = [];
      const options = { onCorrupt: (error: Error) => seen.push(error.message.slice(0, 8)) };
      for await (const { key, value } of fileStorageOn(disk, { path: join(folder, 'data') }).list(
        'many',
        options,
      ))
        seen.push(key === Buffer.from(value).toString() ? key : 'another value');
      return seen.toSorted();
    };
    const expected = [...keys.filter((key) => key !== damaged), 'many/150'].toSorted();
    await expect(listed()).resolves.toEqual(expected);
    expect(from.now + from.later).toBe(300);
    expect(from.now).toBeGreaterThan(0);
    Object.assign(from, { now: 0, later: 0 });
    workMs = 2;
    await expect(listed()).resolves.toEqual(expected);
    expect(from.now + from.later).toBe(300);
    // One in every eighth group of 16.
    expect(from.now).toBe(3);
  });
});

describe('a list of a large folder', () => {
  it('reads the names in it again when one came or went, and in the first seconds after that', async () => {
    const path = join(folder, 'data');
    const large = join(path, 'large');
    const keys = Array.from({ length: 300 }, (_, at) => `large/${String(at).padStart(3, '0')}`);
    const value = Buffer.from('value');
    let reads = 0;
    const disk: Disk = {
      ...nodeDisk,
      async list(place) {
        if (place === large) reads += 1;
        return await nodeDisk.list(place);
      },
    };
    await using storage = fileStorageOn(disk, { path });
    await using second = opened();
    const listed = async (after: string) => {
      const page: string[] = [];
      for await (const { key } of storage.list('large', { after, limit: 2 })) page.push(key);
      return page;
    };
    const asOfLongAgo = async () => await utimes(large, 1, 1);
    for (let at = 0; at < keys.length; at += 100)
      await second.write(keys.slice(at, at + 100).map((set) => ({ set, value })));
    // Nothing is certain of a folder that has just changed, and less of one that changes in 2096.
    await utimes(large, 4e9, 4e9);
    await expect(listed('large/100')).resolves.toEqual(['large/101', 'large/102']);
    await expect(listed('large/100')).resolves.toEqual(['large/101', 'large/102']);
    expect(reads).toBe(2);
    await asOfLongAgo();
    for (let at = 100; at < 110; at += 1)
      await expect(listed(`large/${at}`)).resolves.toEqual([`large/${at + 1}`, `large/${at + 2}`]);
    expect(reads).toBe(3);
    await second.write([{ set: 'large/100a', value }, { remove: 'large/101' }]);
    await expect(listed('large/100')).resolves.toEqual(['large/100a', 'large/102']);
    await asOfLongAgo();
    await listed('large/100');
    await storage.write([
      { set: 'large/100a', value },
      { set: 'large/100b', value },
    ]);
    await expect(listed('large/100')).resolves.toEqual(['large/100a', 'large/100b']);
  });
});

describe('fileStorage', () => {
  for (const clause of storageContract) {
    it(clause.title, async () => {
      await using storage = opened();
      await using second = opened();
      await checkClause(clause, { storage, secondStorage: second, place: 'contract' });
    });
  }

  const histories = fc.array(fc.array(fc.nat(200), { minLength: 1, maxLength: 4 }), {
    maxLength: 12,
  });
  let run = 0;

  it('behaves like a plain map, and explains every outcome of writers at once', async () => {
    await using storage = opened();
    await using second = opened();
    await fc.assert(
      fc.asyncProperty(histories, async (numbers) => {
        const place = `model-${run++}`;
        await holdsLikeModel(storage, place, historyFrom(place, numbers));
      }),
      { numRuns: 20 },
    );
    await fc.assert(
      fc.asyncProperty(fc.tuple(histories, histories, histories), async (numbers) => {
        const place = `writers-${run++}`;
        // The first two write by the same opening, and are committed together.
        await holdsConcurrently(
          [storage, storage, second],
          place,
          numbers.map((history) => historyFrom(place, history)),
        );
      }),
      { numRuns: 20 },
    );
  }, 120_000);
});
