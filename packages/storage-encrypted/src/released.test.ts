import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { memoryStorage, type Storage } from '@acmex/storage';
import { encryptedStorage, parseEncryptionKey, readBackup, restore } from './index.ts';

/**
 * Data written by released versions. Each new format adds a file; existing files are never changed.
 */
const released = ['version-1'];
const key = parseEncryptionKey('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f');

async function written(name: string) {
  const { entries, backup } = JSON.parse(
    await readFile(join(import.meta.dirname, 'released', `${name}.json`), 'utf8'),
  ) as { entries: Readonly<Record<string, string>>; backup: string };
  const storage = memoryStorage();
  await storage.write(
    Object.entries(entries).map(([set, value]) => ({ set, value: Buffer.from(value, 'base64') })),
  );
  return {
    storage,
    source: async function* () {
      yield Buffer.from(backup, 'base64');
    },
  };
}

async function content(storage: Storage) {
  const all: unknown[] = [];
  for await (const { key: name, value, secret } of storage.list(''))
    all.push([name, new TextDecoder().decode(value), secret]);
  return all;
}
const expected = [
  ['account/one', 'a key', true],
  ['plain', 'text', false],
];

describe.each(released)('data written by %s', (name) => {
  it('opens as an encrypted storage', async () => {
    const { storage } = await written(name);
    expect(await content(await encryptedStorage(storage, { keys: [key] }))).toEqual(expected);
  });

  it('restores as a backup', async () => {
    const { source } = await written(name);
    expect(await readBackup(source, { keys: [key] })).toMatchObject({ entries: 2, skipped: [] });
    const target = memoryStorage();
    await restore(source, target, { keys: [key] });
    expect(await content(target)).toEqual(expected);
  });
});
