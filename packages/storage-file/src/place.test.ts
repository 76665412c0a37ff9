import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { virtualClock } from '@acmex/clock';
import { canMount, readOnlyFolder, removeFolder, smallDisk } from '@acmex/services';
import type { Storage } from '@acmex/storage';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { nodeDisk } from './disk.ts';
import { fileStorageOn } from './file-storage.ts';
import { fileStorage } from './index.ts';
import { journalBytes } from './journal.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-storage-'));
  path = join(folder, 'data');
});
afterEach(() => removeFolder(folder));
const bytes = (text: string) => new TextEncoder().encode(text);
const refusal = (code: string, words: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(words) });

async function listed<T>(entries: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const entry of entries) all.push(entry);
  return all;
}

async function write(changes: Parameters<Storage['write']>[0], at = path) {
  await using storage = fileStorage({ path: at });
  await storage.write(changes);
}

async function keys(onCorrupt?: (error: Error) => void) {
  const all: string[] = [];
  for await (const { key } of fileStorage({ path }).list('', { onCorrupt })) all.push(key);
  return all;
}

describe('the files of fileStorage', () => {
  it('can be read by a person, and by their owner alone', async () => {
    const before = process.umask(0);
    try {
      await write([
        { set: 'a/b', value: bytes('hello\n') },
        { set: 'a', value: bytes('key'), secret: true },
      ]);
    } finally {
      process.umask(before);
    }
    expect(await readFile(join(path, 'a/b='), 'utf8')).toMatch(/^acmex1 [\w-]+\nhello\n$/);
    expect(await readFile(join(path, 'a='), 'utf8')).toMatch(/^acmex1 [\w-]+ secret\nkey$/);
    expect(await readFile(join(path, 'FORMAT'), 'utf8')).toMatch(/^acmex storage 1\n/);
    for (const [name, mode] of [
      ['', 0o700],
      ['a', 0o700],
      ['.acmex', 0o700],
      ['a=', 0o600],
      ['a/b=', 0o600],
      ['FORMAT', 0o600],
    ] as const)
      expect([name, (await stat(join(path, name))).mode & 0o777]).toEqual([name, mode]);
  });

  it('leave no empty folders, and nothing of a write behind', async () => {
    await using storage = fileStorage({ path });
    await storage.write([
      { set: 'a/b/c/d', value: bytes('1') },
      { set: 'a/e', value: bytes('1') },
    ]);
    await storage.write([{ remove: 'a/b/c/d' }]);
    expect((await readdir(join(path, 'a'))).sort()).toEqual(['e=']);
    await storage.write([{ remove: 'a/e' }, { remove: 'a/never' }]);
    expect((await readdir(path)).sort()).toEqual(['.acmex', 'FORMAT']);
    expect(await readdir(join(path, '.acmex/new'))).toEqual([]);
    expect(await readdir(join(path, '.acmex/snapshot'))).toEqual([]);
    expect((await readdir(join(path, '.acmex/commit'))).length).toBe(1);
  });

  it('that were truncated or are foreign are named, and do not stop the rest', async () => {
    await using storage = fileStorage({ path });
    for (const key of ['a', 'b/1', 'b/2', 'c'])
      await storage.write([{ set: key, value: bytes(key) }]);
    await truncate(join(path, 'b/1='), 3);
    await writeFile(join(path, 'notes.txt'), 'mine');
    await writeFile(join(folder, 'elsewhere'), 'acmex1 x\nsecret of another');
    await symlink(join(folder, 'elsewhere'), join(path, 'd='));
    const named: string[] = [];
    expect(await keys((error) => named.push(error.message))).toEqual(['a', 'b/2', 'c']);
    expect(named.sort()).toEqual([
      expect.stringContaining('b/1'),
      expect.stringContaining('d= '),
      expect.stringContaining('notes.txt'),
    ]);
    await expect(storage.get('b/1')).rejects.toEqual(refusal('ERR_STORAGE_CORRUPT', 'b/1='));
    await expect(storage.get('d')).rejects.toEqual(
      refusal('ERR_STORAGE_UNAVAILABLE', 'it is a symbolic link'),
    );
  });
});

describe('what version 1 wrote', () => {
  it('opens', async () => {
    // As it was released: never changed, only added to.
    for (const [name, text] of [
      ['FORMAT', 'acmex storage 1\nEach file name= holds one value'],
      ['a=', 'acmex1 p3Yb-x\none'],
      ['a/b=', 'acmex1 q_7 secret\ntwo\nlines'],
      ['.acmex/commit/12.free', '{"pid":7,"start":"1","boot":"x","host":"y"}'],
    ] as const) {
      await mkdir(join(path, name, '..'), { recursive: true });
      await writeFile(join(path, name), text);
    }
    await using storage = fileStorage({ path });
    expect(await storage.get('a')).toEqual({
      key: 'a',
      value: bytes('one'),
      version: 'p3Yb-x',
      secret: false,
    });
    expect(await storage.get('a/b')).toEqual({
      key: 'a/b',
      value: bytes('two\nlines'),
      version: 'q_7',
      secret: true,
    });
    await storage.write([{ set: 'a', value: bytes('new'), ifVersion: 'p3Yb-x' }]);
  });
});

describe('the place of fileStorage', () => {
  it('is not over a network', async () => {
    for (const type of [0x6969, 0xff534d42, 0xfe534d42])
      await expect(fileStorageOn(nodeDisk, { path }, async () => type).get('a')).rejects.toEqual(
        refusal('ERR_STORAGE_PLACE', 'redis://'),
      );
  });

  it('is made by the first write, and not by reading', async () => {
    await using storage = fileStorage({ path: join(path, 'deep') });
    const snapshot = async () => await listed(storage.snapshot());
    for (const place of ['absent', 'empty'] as const) {
      if (place === 'empty') await mkdir(join(path, 'deep'), { recursive: true });
      await expect(storage.get('a')).resolves.toBeUndefined();
      await expect(listed(storage.list(''))).resolves.toEqual([]);
      await expect(snapshot()).resolves.toEqual([]);
      expect(await readdir(folder, { recursive: true })).toEqual(
        place === 'absent' ? [] : ['data', 'data/deep'],
      );
    }
    await write([{ set: 'a', value: bytes('1') }], join(path, 'deep'));
    expect((await storage.get('a'))?.value).toEqual(bytes('1'));
    await expect(snapshot()).resolves.toHaveLength(1);
  });

  it('is not changed by one that is opened to be read only', async () => {
    await using writer = fileStorage({ path });
    await writer.write([{ set: 'a/b', value: bytes('1') }]);
    await writer[Symbol.asyncDispose]();
    const state = async () => {
      const names = await readdir(path, { recursive: true });
      return await Promise.all(
        [...names, '.'].map(async (name) => [name, (await stat(join(path, name))).mtimeMs]),
      );
    };
    const before = await state();
    await using storage = fileStorage({ path, readOnly: true });
    expect((await storage.get('a/b'))?.value).toEqual(bytes('1'));
    await expect(listed(storage.list(''))).resolves.toHaveLength(1);
    await expect(storage.write([{ remove: 'a/b' }])).rejects.toEqual(
      refusal('ERR_STORAGE_UNAVAILABLE', 'read only'),
    );
    await expect(listed(storage.snapshot())).rejects.toEqual(
      refusal('ERR_STORAGE_UNAVAILABLE', 'read only'),
    );
    expect(await state()).toEqual(before);
    await writeFile(join(path, '.acmex/journal'), journalBytes([[{ to: 'a/b=' }]], { seed: 7 }));
    await expect(storage.get('a/b')).rejects.toEqual(
      refusal('ERR_STORAGE_UNAVAILABLE', 'half done'),
    );
    await expect(writer.get('a/b')).resolves.toEqual(expect.objectContaining({ key: 'a/b' }));
  });

  it('is not a folder with other things in it', async () => {
    await mkdir(path);
    await writeFile(join(path, 'photo.jpg'), '');
    await expect(fileStorage({ path }).get('a')).rejects.toEqual(
      refusal('ERR_STORAGE_PLACE', 'photo.jpg'),
    );
    expect(await readdir(path)).toEqual(['photo.jpg']);
  });

  it('can be the home of a user, where programs leave hidden files and folders', async () => {
    await mkdir(join(path, '.cache/acmex'), { recursive: true });
    await writeFile(join(path, '.bashrc'), '');
    await write([{ set: 'a', value: bytes('1') }]);
    const named: unknown[] = [];
    await expect(keys((error) => named.push(error))).resolves.toEqual(['a']);
    expect(named).toEqual([]);
    expect((await readdir(path)).sort()).toEqual(['.acmex', '.bashrc', '.cache', 'FORMAT', 'a=']);
  });

  it('is a storage that another process makes and writes to at the same moment', async () => {
    const disk = {
      ...nodeDisk,
      read: async (file: string) => {
        const before = await nodeDisk.read(file);
        if (file.endsWith('FORMAT') && before === undefined)
          await write([{ set: 'a', value: bytes('1') }]);
        return before;
      },
    };
    const { value } = (await fileStorageOn(disk, { path }).get('a')) ?? {};
    expect(value).toEqual(bytes('1'));
  });

  it('is not a storage of a newer version, nor of another program', async () => {
    await mkdir(path);
    await writeFile(join(path, 'FORMAT'), 'acmex storage 2\n');
    await expect(fileStorage({ path }).get('a')).rejects.toEqual(
      refusal('ERR_STORAGE_NEWER', 'version 2'),
    );
    await writeFile(join(path, 'FORMAT'), 'something else');
    await expect(fileStorage({ path }).get('a')).rejects.toEqual(
      refusal('ERR_STORAGE_PLACE', 'not a storage'),
    );
  });

  it('is not shared with another machine', async () => {
    await using storage = fileStorage({ path });
    await storage.write([{ set: 'a', value: bytes('1') }]);
    await storage[Symbol.asyncDispose]();
    await writeFile(
      join(path, '.acmex/commit/999'),
      JSON.stringify({ pid: 1, start: '1', boot: 'x', host: 'another' }),
    );
    await expect(storage.write([{ set: 'a', value: bytes('2') }])).rejects.toEqual(
      refusal('ERR_STORAGE_PLACE', 'redis://'),
    );
  });

  it('is taken over from a process that died, and from one of before the machine was started', async () => {
    await using storage = fileStorage({ path });
    await storage.write([{ set: 'a', value: bytes('1') }]);
    const { thisProcess } = await import('./process-identity.ts');
    const holders = [
      { ...thisProcess(), pid: 2 ** 22 - 1 },
      { ...thisProcess(), start: '1' },
      { ...thisProcess(), boot: 'before' },
    ];
    for (const [at, holder] of holders.entries()) {
      await storage[Symbol.asyncDispose]();
      await writeFile(join(path, `.acmex/commit/${1000 * (at + 1)}`), JSON.stringify(holder));
      await storage.write([{ set: 'a', value: bytes('2') }]);
    }
    await storage[Symbol.asyncDispose]();
    await writeFile(join(path, '.acmex/commit/9999'), '');
    await storage.write([{ set: 'a', value: bytes('3') }]);
  });

  it('waits for a living process for as long as it takes', async () => {
    const clock = virtualClock();
    await using storage = fileStorage({ path, clock });
    await storage.write([{ set: 'a', value: bytes('1') }]);
    await storage[Symbol.asyncDispose]();
    const { thisProcess } = await import('./process-identity.ts');
    await writeFile(join(path, '.acmex/commit/999'), JSON.stringify(thisProcess()));
    const giveUp = new AbortController();
    const waiting = storage.write([{ set: 'a', value: bytes('2') }], { signal: giveUp.signal });
    setImmediate(() => giveUp.abort(new Error('enough')));
    await expect(clock.run(waiting)).rejects.toThrow('enough');
  });

  it('says what is wrong when it cannot be written, and works again afterwards', async () => {
    const full = { on: false };
    const disk: typeof nodeDisk = {
      ...nodeDisk,
      jot: async (file, content) =>
        full.on && file.includes('/new/')
          ? await Promise.reject(Object.assign(new Error('no'), { code: 'ENOSPC' }))
          : await nodeDisk.jot(file, content),
    };
    await using storage = fileStorageOn(disk, { path });
    await storage.write([
      { set: 'a', value: bytes('1') },
      { set: 'b', value: bytes('1') },
    ]);
    full.on = true;
    await expect(
      storage.write([
        { set: 'a', value: bytes('2') },
        { set: 'b', value: bytes('2') },
      ]),
    ).rejects.toThrow();
    full.on = false;
    expect(await keys()).toEqual(['a', 'b']);
    expect(new TextDecoder().decode((await storage.get('a'))?.value)).toBe('1');
    await storage.write([
      { set: 'a', value: bytes('3') },
      { set: 'b', value: bytes('3') },
    ]);
  });

  (canMount ? it : it.skip)(
    `keeps what it has when the disk is full${canMount ? '' : ' (skipped: mounting a small disk needs root)'}`,
    async () => {
      await mkdir(path);
      await using disk = smallDisk(path, '600k');
      await using storage = fileStorage({ path: join(path, 'data') });
      const value = new Uint8Array(40_000);
      let written = 0;
      const fill = async () => {
        for (; written < 100; written += 1)
          await storage.write([
            { set: `k/${written}/a`, value },
            { set: `k/${written}/b`, value },
          ]);
      };
      await expect(fill()).rejects.toEqual(
        refusal('ERR_STORAGE_UNAVAILABLE', 'the disk is full: free some space'),
      );
      expect(written).toBeGreaterThan(2);
      const all: string[] = [];
      for await (const { key } of storage.list('k')) all.push(key);
      expect(all).toHaveLength(written * 2);
      await disk.fill(true);
      // Another process, which opens it now.
      const { value: first } = (await fileStorage({ path: join(path, 'data') }).get('k/0/a')) ?? {};
      expect(first).toEqual(value);
      await disk.fill(false);
      await storage.write([{ remove: 'k/0/a' }, { remove: 'k/0/b' }]);
      await storage.write([{ set: 'k/0/a', value }]);
    },
  );

  it('is read where nothing may be written, and says so when it shall be written', async () => {
    await write([
      { set: 'a', value: bytes('1') },
      { set: 'b/c', value: bytes('2') },
    ]);
    // Before a process died in the middle of a commit, it has left a file there.
    await writeFile(join(path, '.acmex/new/left'), 'x');
    await using mount = await readOnlyFolder(path);
    expect(mount).toBeDefined();
    await using storage = fileStorage({ path });
    expect((await storage.get('a'))?.value).toEqual(bytes('1'));
    expect(await storage.get('d')).toBeUndefined();
    expect(await keys()).toEqual(['a', 'b/c']);
    await expect(storage.write([{ set: 'a', value: bytes('2') }])).rejects.toEqual(
      refusal('ERR_STORAGE_UNAVAILABLE', path),
    );
    expect((await storage.get('a'))?.value).toEqual(bytes('1'));
  });

  it('is not read where nothing may be written while a commit is half done', async () => {
    await write([{ set: 'a', value: bytes('1') }]);
    await writeFile(join(path, '.acmex/journal'), journalBytes([[{ to: 'a=' }]], { seed: 7 }));
    await using mount = await readOnlyFolder(path);
    expect(mount).toBeDefined();
    await expect(fileStorage({ path }).get('a')).rejects.toEqual(
      refusal('ERR_STORAGE_UNAVAILABLE', path),
    );
  });

  it('names the folder that may not be written', async () => {
    if (process.getuid?.() === 0) return; // root may write everywhere
    await mkdir(path);
    await chmod(path, 0o500);
    await expect(write([{ set: 'a', value: bytes('1') }])).rejects.toEqual(
      refusal('ERR_STORAGE_UNAVAILABLE', 'permission'),
    );
  });
});
