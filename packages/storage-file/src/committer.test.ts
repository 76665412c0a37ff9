import { mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { removeFolder } from '@acmex/services';
import { ConflictError } from '@acmex/storage';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Disk, nodeDisk } from './disk.ts';
import { fileStorageOn } from './file-storage.ts';
import { thisProcess } from './process-identity.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-storage-'));
  path = join(folder, 'data');
});
afterEach(() => removeFolder(folder));
const bytes = (text: string) => new TextEncoder().encode(text);

/** A disk that counts its flushes. */
function counting() {
  const flushes = { files: 0, folders: 0 };
  const disk: Disk = {
    ...nodeDisk,
    async write(file, content) {
      flushes.files += 1;
      await nodeDisk.write(file, content);
    },
    async append(file, content, length) {
      flushes.files += 1;
      return await nodeDisk.append(file, content, length);
    },
    async flush(file) {
      flushes.files += 1;
      await nodeDisk.flush(file);
    },
    async sync(place) {
      flushes.folders += 1;
      await nodeDisk.sync(place);
    },
  };
  return { disk, flushes };
}

describe('writes at the same moment', () => {
  it('share their flushes', async () => {
    const { disk, flushes } = counting();
    await using storage = fileStorageOn(disk, { path });
    await storage.write([{ set: 'a/first', value: bytes('1') }]);
    Object.assign(flushes, { files: 0, folders: 0 });
    await Promise.all(
      Array.from({ length: 20 }, async (_, index) =>
        storage.write([{ set: `a/${index}`, value: bytes('1') }]),
      ),
    );
    // The record in the journal is the commit of all.
    expect(flushes).toEqual({ files: 1, folders: 0 });
    expect(await readdir(join(path, 'a'))).toHaveLength(21);
    await storage[Symbol.asyncDispose]();
    expect(flushes).toEqual({ files: 22, folders: 2 });
    expect(await readdir(join(path, '.acmex'))).not.toContain('journal');
  });

  it('see what those before them have done', async () => {
    await using storage = fileStorageOn(nodeDisk, { path });
    const outcomes = await Promise.allSettled([
      storage.write([{ set: 'a', value: bytes('1'), ifVersion: null }]),
      storage.write([{ set: 'a', value: bytes('2'), ifVersion: null }]),
      storage.write([{ remove: 'a' }]),
      storage.write([{ set: 'a', value: bytes('3'), ifVersion: null }]),
      storage.write([{ set: 'b', value: bytes('3') }]),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      ...['fulfilled', 'fulfilled', 'fulfilled'],
    ]);
    expect(outcomes[1]).toMatchObject({ reason: expect.any(ConflictError) });
    const [, , , last] = outcomes;
    const { value, version } = (await storage.get('a')) ?? {};
    expect(value).toEqual(bytes('3'));
    expect(last).toMatchObject({ value: [version] });
  });

  it('are seen in the order of their changes by those who read meanwhile', async () => {
    const steps: string[] = [];
    const nameOf = (place: string) => place.slice(path.length + 1, -1);
    const disk: Disk = {
      ...nodeDisk,
      async move(from, to) {
        const isMoved = await nodeDisk.move(from, to);
        if (isMoved) steps.push(nameOf(to));
        return isMoved;
      },
      async rename(from, to) {
        if (to.endsWith('=')) steps.push(nameOf(to));
        await nodeDisk.rename(from, to);
      },
      async remove(place) {
        if (place.endsWith('=')) steps.push(`-${nameOf(place)}`);
        await nodeDisk.remove(place);
      },
    };
    await using storage = fileStorageOn(disk, { path });
    const set = (key: string) => ({ set: key, value: bytes('1') });
    await storage.write([set('z'), set('deep/er/a'), { remove: 'gone' }, set('deep/b'), set('a')]);
    await Promise.all([
      storage.write([set('one'), set('two')]),
      storage.write([set('three'), set('one')]),
    ]);
    expect(steps).toEqual([
      ...['z', 'deep/er/a', '-gone', 'deep/b', 'a'],
      ...['one', 'two', 'three', 'one'],
    ]);
  });

  it('are done where the disk has no room for another', async () => {
    const disk: Disk = {
      ...nodeDisk,
      jot: async (file, content) =>
        content.length > 1000
          ? await Promise.reject(Object.assign(new Error('no'), { code: 'ENOSPC' }))
          : await nodeDisk.jot(file, content),
    };
    await using storage = fileStorageOn(disk, { path });
    const outcomes = await Promise.allSettled([
      storage.write([{ set: 'a', value: bytes('1') }]),
      storage.write([{ set: 'b', value: new Uint8Array(2000) }]),
      storage.write([{ set: 'c', value: bytes('1') }]),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((await readdir(path)).sort()).toEqual(['.acmex', 'FORMAT', 'a=', 'c=']);
    expect(await readdir(join(path, '.acmex/new'))).toEqual([]);
  });

  it('are all refused where the disk fails in the middle, and ended before the next', async () => {
    let isBroken = true;
    const disk: Disk = {
      ...nodeDisk,
      move: async (from, to) =>
        isBroken && basename(to) === 'b='
          ? await Promise.reject(Object.assign(new Error('no'), { code: 'EIO' }))
          : await nodeDisk.move(from, to),
    };
    await using storage = fileStorageOn(disk, { path });
    const outcomes = await Promise.allSettled(
      ['a', 'b', 'c'].map((set) => storage.write([{ set, value: bytes('1') }])),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    isBroken = false;
    // The next write carries out the journal first: the key exists.
    await expect(
      storage.write([{ set: 'b', value: bytes('2'), ifVersion: null }]),
    ).rejects.toBeInstanceOf(ConflictError);
    for (const key of ['a', 'b', 'c']) expect((await storage.get(key))?.value).toEqual(bytes('1'));
  });

  it('are not acknowledged where a new file has gone before it came to its place', async () => {
    let times = 0;
    const disk: Disk = {
      ...nodeDisk,
      async jot(file, content) {
        await nodeDisk.jot(file, content);
        if (content.length < 1000) return;
        times += 1;
        if (times === 1) await nodeDisk.remove(file);
      },
    };
    await using storage = fileStorageOn(disk, { path });
    await expect(
      storage.write([{ set: 'a/b', value: new Uint8Array(2000) }]),
    ).rejects.toMatchObject({ code: 'ERR_STORAGE_UNAVAILABLE' });
    // It was committed: what comes next sees it.
    await storage.write([{ set: 'a/c', value: bytes('1') }]);
    expect((await storage.get('a/b'))?.value).toHaveLength(2000);
  });

  it('wait for another process, and each can give up', async () => {
    await using storage = fileStorageOn(nodeDisk, { path });
    await storage.write([{ set: 'a', value: bytes('1') }]);
    await storage[Symbol.asyncDispose]();
    const holder = join(path, '.acmex/commit/999');
    await writeFile(holder, JSON.stringify(thisProcess()));
    const giveUp = new AbortController();
    const [first, second] = [
      storage.write([{ set: 'a', value: bytes('2') }], { signal: giveUp.signal }),
      storage.write([{ set: 'b', value: bytes('2') }]),
    ];
    giveUp.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
    await nodeDisk.rename(holder, `${holder}.free`);
    await second;
    expect((await storage.get('a'))?.value).toEqual(bytes('1'));
    expect((await storage.get('b'))?.value).toEqual(bytes('2'));
  });
});
