import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryStorage, type Storage } from '@acmex/storage';
import { removeFolder } from '@acmex/services';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { initialKey } from './initial-key.ts';
import { KeyStore } from './key-store.ts';

/** A storage for each of several processes, none of which writes before all of them want to. */
function processesWith(storage: Storage, count: number): readonly Storage[] {
  let waiting = 0;
  let release = () => {
    /* no one waits yet */
  };
  const allWaiting = new Promise<void>((resolve) => {
    release = resolve;
  });
  return Array.from({ length: count }, () => ({
    ...storage,
    write: async (...call: Parameters<Storage['write']>) => {
      waiting += 1;
      if (waiting === count) release();
      await allWaiting;
      return await storage.write(...call);
    },
  }));
}

describe('the first key of servers that start at the same moment', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'acmex-first-key-'));
  });
  afterEach(async () => {
    await removeFolder(folder);
  });
  const keysIn = (storage: Storage) => new KeyStore({ storage, tenant: 'default' });
  const listed = async (storage: Storage) => {
    const all = [];
    for await (const { id, revokedAt } of keysIn(storage).list()) all.push({ id, revokedAt });
    return all;
  };

  it.each([
    ['the same file', () => 'key'],
    ['files of their own', (index: number) => `key-${index}`],
  ])('is made by one of them, with %s', async (_, nameOf) => {
    const storage = memoryStorage();
    const fileOf = (index: number) => join(folder, nameOf(index));
    const firsts = await Promise.all(
      processesWith(storage, 5).map(
        async (each, index) => await initialKey(keysIn(each), fileOf(index)),
      ),
    );
    const [{ id } = { id: '' }, ...more] = await listed(storage);
    expect(more).toEqual([]);
    const winner = firsts.findIndex(({ state }) => state === 'created');
    const { text } = firsts[winner] as Extract<(typeof firsts)[number], { state: 'created' }>;
    await expect(readFile(fileOf(winner), 'utf8')).resolves.toBe(`${text}\n`);
    expect(firsts.filter((_first, index) => index !== winner)).toEqual(
      Array.from({ length: 4 }, () => ({ state: 'created-elsewhere', id })),
    );
  });

  it('is made again by one of them when every key was revoked', async () => {
    const storage = memoryStorage();
    const first = await initialKey(keysIn(storage), join(folder, 'key'));
    await expect(initialKey(keysIn(storage), join(folder, 'key'))).resolves.toMatchObject({
      state: 'existing',
    });
    if (first.state === 'created') await keysIn(storage).revoke(first.key.id, 'test');
    const again = await Promise.all(
      processesWith(storage, 3).map(
        async (each) => await initialKey(keysIn(each), join(folder, 'key')),
      ),
    );
    expect(again.map(({ state }) => state).sort()).toEqual([
      'created',
      'created-elsewhere',
      'created-elsewhere',
    ]);
    expect(await listed(storage)).toHaveLength(2);
  });

  it('is not left without its file when that cannot be written', async () => {
    const storage = memoryStorage();
    const file = join(folder, 'missing', 'key');
    await expect(initialKey(keysIn(storage), file)).rejects.toMatchObject({
      code: 'ERR_SERVER_API_KEY',
    });
    await expect(listed(storage)).resolves.toEqual([]);
  });
});
