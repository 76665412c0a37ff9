import { describe, expect, it } from '@jest/globals';
import { acquireLock, memoryStorage, type Storage } from '@acmex/storage';
import {
  backup,
  type BackupSource,
  encryptedStorage,
  newEncryptionKey,
  readBackup,
  restore,
} from './index.ts';

const { key } = newEncryptionKey();
const bytes = (text: string) => new TextEncoder().encode(text);

async function filled(count = 20): Promise<Storage> {
  const storage = memoryStorage();
  for (let at = 0; at < count; at += 1)
    await storage.write([
      {
        set: `k/${String(at).padStart(3, '0')}`,
        value: bytes(`value ${at}`),
        secret: at % 2 === 0,
      },
    ]);
  return storage;
}

async function taken(
  storage: Storage,
  input: Parameters<typeof backup>[1] = { key },
): Promise<Buffer> {
  const frames: Uint8Array[] = [];
  for await (const frame of backup(storage, input)) frames.push(frame);
  return Buffer.concat(frames);
}

/** Streams a file in chunks of the given size. */
const from = (file: Uint8Array, size = 17): BackupSource =>
  async function* () {
    for (let at = 0; at < file.length; at += size) yield file.subarray(at, at + size);
  };

async function content(storage: Storage) {
  const all: unknown[] = [];
  for await (const { key: name, value, secret } of storage.list(''))
    all.push([name, Buffer.from(value).toString(), secret]);
  return all;
}

describe('backup and restore', () => {
  it('restores every entry with its bytes and its secret mark into a different storage', async () => {
    const storage = await filled();
    await storage.write([{ set: 'big', value: new Uint8Array(1024 * 1024).fill(1) }]);
    const file = await taken(storage);
    const inner = memoryStorage();
    const summary = await restore(
      from(file, 50_000),
      await encryptedStorage(inner, { keys: [key] }),
      { keys: [key] },
    );
    expect(summary).toMatchObject({ entries: 21, skipped: [] });
    expect(await content(await encryptedStorage(inner, { keys: [key] }))).toEqual(
      await content(storage),
    );
  });

  it('leaves out locks and queues, and later locks have greater tokens', async () => {
    const storage = await filled(1);
    await using held = await acquireLock(storage, 'task');
    await storage.write([{ set: 'queue/waiting', value: bytes('') }]);
    const target = memoryStorage();
    await restore(from(await taken(storage)), target, { keys: [key] });
    expect(await content(target)).toHaveLength(1);
    await using after = await acquireLock(target, 'task');
    expect(after.token).toBeGreaterThan(held.token);
  });

  it('contains a single moment, while others write', async () => {
    const storage = await filled(0);
    await storage.write([
      { set: 'a', value: bytes('0') },
      { set: 'b', value: bytes('0') },
    ]);
    let over = false;
    const writing = (async () => {
      for (let at = 1; !over; at += 1) {
        await storage.write([
          { set: 'a', value: bytes(`${at}`) },
          { set: 'b', value: bytes(`${at}`) },
        ]);
        await new Promise(setImmediate);
      }
    })();
    for (let round = 0; round < 20; round += 1) {
      const target = memoryStorage();
      await restore(from(await taken(storage)), target, { keys: [key] });
      const [[, a], [, b]] = (await content(target)) as [string, string][] as [
        [string, string],
        [string, string],
      ];
      expect(a).toBe(b);
    }
    over = true;
    await writing;
  });

  it('is encrypted, and only its key opens it', async () => {
    const file = await taken(await filled());
    expect(file.includes('value 1')).toBe(false);
    expect(file.includes('k/001')).toBe(false);
    await expect(readBackup(from(file), { keys: [newEncryptionKey().key] })).rejects.toMatchObject({
      code: 'ERR_STORAGE_ENCRYPTION',
      message: expect.stringContaining(key.id),
    });
    const withPassphrase = await taken(await filled(), {
      key: { passphrase: 'correct horse battery' },
    });
    expect(
      await readBackup(from(withPassphrase), { keys: [{ passphrase: 'correct horse battery' }] }),
    ).toMatchObject({ entries: 20 });
  });

  it('restores only into an empty storage', async () => {
    const target = await filled(1);
    await expect(
      restore(from(await taken(await filled())), target, { keys: [key] }),
    ).rejects.toMatchObject({
      code: 'ERR_STORAGE_INPUT',
      message: expect.stringContaining('k/000'),
    });
    expect(await content(target)).toHaveLength(1);
  });

  it('detects every cut, every altered byte and every moved frame before it writes anything', async () => {
    const file = await taken(await filled(3));
    const target = memoryStorage();
    for (let length = 0; length < file.length; length += 1) {
      await expect(
        restore(from(file.subarray(0, length)), target, { keys: [key] }),
      ).rejects.toMatchObject({ code: 'ERR_STORAGE_CORRUPT' });
    }
    for (let at = 0; at < file.length; at += 1) {
      const altered = Buffer.from(file);
      altered[at]! ^= 1;
      await expect(restore(from(altered), target, { keys: [key] })).rejects.toMatchObject({
        code: expect.stringMatching(/^ERR_STORAGE_(CORRUPT|ENCRYPTION|NEWER)$/),
      });
    }
    expect(await content(target)).toEqual([]);
    const frames = framesOf(file);
    for (const order of [
      [0, 2, 1, 3, 4],
      [0, 1, 2, 4],
      [0, 1, 2, 3, 4, 4],
      [0, 1, 1, 2, 3, 4],
    ]) {
      await expect(
        readBackup(from(Buffer.concat(order.map((at) => frames[at]!))), { keys: [key] }),
      ).rejects.toMatchObject({ code: 'ERR_STORAGE_CORRUPT' });
    }
    const foreignFrames = framesOf(await taken(await filled(3)));
    await expect(
      readBackup(from(Buffer.concat([frames[0]!, foreignFrames[1]!, ...frames.slice(2)])), {
        keys: [key],
      }),
    ).rejects.toMatchObject({ code: 'ERR_STORAGE_CORRUPT' });
  });

  it('lists entries that could not be read', async () => {
    const inner = memoryStorage();
    const storage = await encryptedStorage(inner, { keys: [key] });
    await storage.write([
      { set: 'a', value: bytes('a') },
      { set: 'b', value: bytes('b') },
    ]);
    await inner.write([{ set: 'b', value: bytes('in clear') }]);
    expect(await readBackup(from(await taken(storage)), { keys: [key] })).toMatchObject({
      entries: 1,
      skipped: [{ key: 'b' }],
    });
  });

  it('refuses a file that is not a backup', async () => {
    for (const file of [
      Buffer.alloc(0),
      Buffer.from('hello'),
      Buffer.from('{"v":1}'),
      Buffer.from('\0\0\0\x02{}'),
      Buffer.from('\0\0\0\x07{"v":1}'),
    ]) {
      await expect(readBackup(from(file), { keys: [key] })).rejects.toMatchObject({
        code: expect.stringMatching(/^ERR_STORAGE_(CORRUPT|ENCRYPTION)$/),
      });
    }
  });
});

function framesOf(file: Buffer): readonly Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < file.length; at += 4 + file.readUInt32BE(at))
    frames.push(file.subarray(at, at + 4 + file.readUInt32BE(at)));
  return frames;
}
