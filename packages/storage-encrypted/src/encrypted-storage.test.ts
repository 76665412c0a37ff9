import { describe, expect, it } from '@jest/globals';
import { acquireLock, type Entry, memoryStorage, type Storage } from '@acmex/storage';
import {
  checkClause,
  historyFrom,
  holdsConcurrently,
  holdsLikeModel,
  storageContract,
} from '@acmex/storage/contract';
import fc from 'fast-check';
import {
  encryptedStorage,
  encryptInPlace,
  newEncryptionKey,
  parseEncryptionKey,
  rotate,
} from './index.ts';

const { key: oldKey } = newEncryptionKey();
const { key: newKey } = newEncryptionKey();
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (entry: Entry | undefined) => entry && new TextDecoder().decode(entry.value);
const collect = async (from: AsyncIterable<Entry>) => {
  const all: Entry[] = [];
  for await (const entry of from) all.push(entry);
  return all;
};
const opened = async (keys = [oldKey]) => {
  const inner = memoryStorage();
  return { inner, storage: await encryptedStorage(inner, { keys }) };
};
const refusal = (code: string, key?: string) =>
  expect.objectContaining(key === undefined ? { code } : { code, key });
const histories = fc.array(fc.array(fc.nat(200), { minLength: 1, maxLength: 4 }), {
  maxLength: 20,
});

describe('encryptedStorage', () => {
  for (const clause of storageContract) {
    it(clause.title, async () => {
      const { inner, storage } = await opened();
      await checkClause(clause, {
        storage,
        secondStorage: await encryptedStorage(inner, { keys: [oldKey] }),
        place: 'contract',
      });
    });
  }

  it('behaves like a plain map, and concurrent writers see a consistent history', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (numbers) =>
        holdsLikeModel((await opened()).storage, 'p', historyFrom('p', numbers)),
      ),
      { numRuns: 50 },
    );
    await fc.assert(
      fc.asyncProperty(histories, histories, async (a, b) =>
        holdsConcurrently([(await opened()).storage], 'p', [
          historyFrom('p', a),
          historyFrom('p', b),
        ]),
      ),
      { numRuns: 50 },
    );
  });

  it('writes only encrypted and unmarked values to the inner storage', async () => {
    const { inner, storage } = await opened();
    await storage.write([{ set: 'a', value: bytes('-----BEGIN PRIVATE KEY-----'), secret: true }]);
    await storage.write([{ set: 'b', value: bytes('-----BEGIN PRIVATE KEY-----') }]);
    for (const { key, value, secret } of await collect(inner.list(''))) {
      expect([key, Buffer.from(value).includes('PRIVATE'), secret]).toEqual([key, false, false]);
    }
    const [a, b] = [await inner.get('a'), await inner.get('b')];
    expect(Buffer.from(a!.value.subarray(16)).equals(b!.value.subarray(16))).toBe(false);
  });

  it('never uses a nonce twice, not even for the same value', async () => {
    const { inner, storage } = await opened();
    const nonces = new Set<string>();
    for (let round = 0; round < 100; round += 1) {
      await storage.write([{ set: 'a', value: bytes('same') }]);
      nonces.add(Buffer.from((await inner.get('a'))!.value.subarray(16, 28)).toString('hex'));
    }
    expect(nonces.size).toBe(100);
  });

  it('refuses a value that was altered in any byte, or moved to a different key', async () => {
    const { inner, storage } = await opened();
    await storage.write([{ set: 'a', value: bytes('value') }]);
    const { value } = (await inner.get('a'))!;
    await inner.write([{ set: 'moved', value }]);
    await expect(storage.get('moved')).rejects.toEqual(refusal('ERR_STORAGE_CORRUPT', 'moved'));
    for (let at = 0; at < value.length; at += 1) {
      const altered = value.slice();
      altered[at]! ^= 1;
      await inner.write([{ set: 'a', value: altered }]);
      await expect(storage.get('a')).rejects.toEqual(
        refusal(
          at < 7 || (at >= 8 && at < 16) ? 'ERR_STORAGE_ENCRYPTION' : 'ERR_STORAGE_CORRUPT',
          'a',
        ),
      );
    }
    await inner.write([{ set: 'a', value: value.subarray(0, -1) }]);
    await expect(storage.get('a')).rejects.toEqual(refusal('ERR_STORAGE_CORRUPT', 'a'));
  });

  it('refuses entries that were altered, swapped or renamed; a removed one is absent, and an older value is read (L19)', async () => {
    const { inner, storage } = await opened();
    const written = async (value: string) => {
      await storage.write(
        ['a', 'b'].map((key) => ({ set: key, value: bytes(`${value} of ${key}`) })),
      );
      return [(await inner.get('a'))!.value, (await inner.get('b'))!.value] as const;
    };
    const [older] = await written('older');
    const [a, b] = await written('value');
    const refused = refusal('ERR_STORAGE_CORRUPT');
    const read = async (key: string) => text(await storage.get(key));

    await inner.write([
      { set: 'a', value: Uint8Array.from([...a.subarray(0, -1), a.at(-1)! ^ 1]) },
    ]);
    await expect(read('a')).rejects.toEqual(refused);
    await inner.write([
      { set: 'a', value: b },
      { set: 'b', value: a },
    ]);
    for (const key of ['a', 'b']) await expect(read(key)).rejects.toEqual(refused);
    await inner.write([{ remove: 'a' }, { remove: 'b' }, { set: 'renamed', value: a }]);
    await expect(read('renamed')).rejects.toEqual(refused);
    await inner.write([{ remove: 'renamed' }, { set: 'b', value: b }]);

    await expect(read('a')).resolves.toBeUndefined();
    expect((await collect(storage.list(''))).map(text)).toEqual(['value of b']);
    await inner.write([{ set: 'a', value: older }]);
    await expect(read('a')).resolves.toBe('older of a');
  });

  it('refuses an unencrypted entry, and lists the rest if onCorrupt is set', async () => {
    const { inner, storage } = await opened();
    for (const key of ['a', 'b', 'c']) await storage.write([{ set: key, value: bytes(key) }]);
    await inner.write([{ set: 'b', value: bytes('in clear') }]);
    await expect(storage.get('b')).rejects.toEqual(refusal('ERR_STORAGE_ENCRYPTION', 'b'));
    await expect(collect(storage.list(''))).rejects.toEqual(refusal('ERR_STORAGE_ENCRYPTION', 'b'));
    const corrupt: string[] = [];
    expect(
      (await collect(storage.list('', { onCorrupt: ({ message }) => corrupt.push(message) }))).map(
        text,
      ),
    ).toEqual(['a', 'c']);
    expect(corrupt).toEqual([expect.stringContaining('b is not encrypted')]);
  });

  it('opens only with a key of the storage, and names that key', async () => {
    const { inner, storage } = await opened();
    await storage.write([{ set: 'a', value: bytes('a') }]);
    await expect(encryptedStorage(inner, { keys: [newKey] })).rejects.toThrow(
      `encrypted with the key ${oldKey.id}, not with ${newKey.id}`,
    );
    await expect(encryptedStorage(inner, { keys: [] })).rejects.toEqual(
      refusal('ERR_STORAGE_ENCRYPTION'),
    );
    const both = await encryptedStorage(inner, { keys: [newKey, oldKey] });
    await both.write([{ set: 'b', value: bytes('b') }]);
    expect((await collect(both.list(''))).map(text)).toEqual(['a', 'b']);
    await expect(storage.get('b')).rejects.toThrow(
      `b is encrypted with the key ${newKey.id}, which is not configured`,
    );
  });

  it('refuses a storage with unencrypted entries until it is encrypted in place', async () => {
    const inner = memoryStorage();
    await inner.write([
      { set: 'a', value: bytes('a'), secret: true },
      { set: 'lock/x', value: bytes('{"v":1}') },
    ]);
    await expect(encryptedStorage(inner, { keys: [oldKey] })).rejects.toThrow(
      '`acmex storage encrypt`',
    );
    expect(await encryptInPlace(inner, { keys: [oldKey] })).toEqual({
      encrypted: 1,
      current: 0,
      skipped: [],
    });
    expect(await (await encryptedStorage(inner, { keys: [oldKey] })).get('a')).toMatchObject({
      secret: true,
      value: bytes('a'),
    });
  });

  it('opens an empty storage that another process opens and fills at the same moment', async () => {
    const inner = memoryStorage();
    let isOpened = false;
    const slow: Storage = {
      ...inner,
      async get(key, options) {
        const entry = await inner.get(key, options);
        if (isOpened) return entry;
        isOpened = true;
        const first = await encryptedStorage(inner, { keys: [oldKey] });
        await first.write([{ set: 'a', value: bytes('1') }]);
        return entry;
      },
    };
    const second = await encryptedStorage(slow, { keys: [oldKey] });
    expect(text(await second.get('a'))).toBe('1');
  });

  it('hides its reserved keys, and refuses access to them', async () => {
    const { storage } = await opened();
    for (const call of [
      () => storage.get('encryption'),
      () => storage.write([{ remove: 'encryption/writes/x' }]),
      () => collect(storage.list('encryption')),
    ]) {
      await expect(call()).rejects.toEqual(refusal('ERR_STORAGE_INPUT'));
    }
    await storage.write([{ set: 'a', value: bytes('a') }]);
    expect(
      [await collect(storage.list('')), await collect(storage.snapshot())].map((all) =>
        all.map(({ key }) => key),
      ),
    ).toEqual([['a'], ['a']]);
  });

  it('derives the same key from a passphrase each time it opens', async () => {
    const inner = memoryStorage();
    const storage = await encryptedStorage(inner, {
      keys: [{ passphrase: 'correct horse battery' }],
    });
    await storage.write([{ set: 'a', value: bytes('a') }]);
    expect(
      text(
        await (
          await encryptedStorage(inner, { keys: [{ passphrase: 'correct horse battery' }] })
        ).get('a'),
      ),
    ).toBe('a');
    await expect(
      encryptedStorage(inner, { keys: [{ passphrase: 'wrong horse battery' }] }),
    ).rejects.toEqual(refusal('ERR_STORAGE_ENCRYPTION'));
    await expect(encryptedStorage(inner, { keys: [{ passphrase: 'short' }] })).rejects.toThrow(
      '5 characters, and needs at least 12',
    );
  });

  it('counts the writes of each key, and refuses more before nonces could repeat', async () => {
    const { inner, storage } = await opened();
    await storage.write([{ set: 'a', value: bytes('a') }]);
    const counter = await inner.get(`encryption/writes/${oldKey.id}`);
    expect(JSON.parse(text(counter)!)).toEqual({ v: 1, writes: 65536 });
    await inner.write([
      {
        set: `encryption/writes/${oldKey.id}`,
        value: bytes(JSON.stringify({ v: 1, writes: 2 ** 32 })),
      },
    ]);
    await expect(
      (await encryptedStorage(inner, { keys: [oldKey] })).write([{ set: 'b', value: bytes('b') }]),
    ).rejects.toThrow('may encrypt no more');
  });
});

describe('rotate', () => {
  it('encrypts everything with the new key while others read and write, and retires the old key', async () => {
    const { inner, storage: old } = await opened();
    for (let at = 0; at < 200; at += 1)
      await old.write([{ set: `k/${at}`, value: bytes(String(at)) }]);
    const lock = await acquireLock(old, 'held');
    const both = await encryptedStorage(inner, { keys: [oldKey, newKey] });
    let over = false;
    const working = (async () => {
      for (let at = 0; !over; at = (at + 1) % 200) {
        expect(text(await both.get(`k/${at}`))).toMatch(new RegExp(`^${at}!*$`));
        await both.write([{ set: `k/${at}`, value: bytes(`${at}!`) }]);
      }
    })();
    const progress: number[] = [];
    const result = await rotate(inner, {
      keys: [newKey, oldKey],
      onProgress: ({ encrypted, current }) => progress.push(encrypted + current),
    });
    over = true;
    await working;
    expect(result).toMatchObject({ skipped: [] });
    expect(progress.at(-1)).toBe(200);
    expect(await rotate(inner, { keys: [newKey, oldKey] })).toMatchObject({ skipped: [] });
    const rotated = await encryptedStorage(inner, { keys: [newKey] });
    expect(await collect(rotated.list('k'))).toHaveLength(200);
    await expect(encryptedStorage(inner, { keys: [oldKey] })).rejects.toEqual(
      refusal('ERR_STORAGE_ENCRYPTION'),
    );
    await lock.write([{ set: 'a', value: bytes('still held') }]);
    await lock.release();
  });

  it('lists the entries that it could not encrypt, and then does not retire the old key', async () => {
    const { inner, storage } = await opened();
    await storage.write([
      { set: 'a', value: bytes('a') },
      { set: 'b', value: bytes('b') },
    ]);
    await inner.write([{ set: 'b', value: bytes('in clear') }]);
    expect(await rotate(inner, { keys: [newKey, oldKey] })).toMatchObject({
      encrypted: 1,
      skipped: [{ key: 'b' }],
    });
    await expect(encryptedStorage(inner, { keys: [oldKey] })).resolves.toBeDefined();
  });

  it('does not overwrite a concurrent write', async () => {
    const { inner, storage } = await opened();
    await storage.write([{ set: 'a', value: bytes('before') }]);
    let raced = false;
    const racing: Storage = {
      ...inner,
      async write(changes, options) {
        if (!raced && changes.some((change) => 'set' in change && change.set === 'a')) {
          raced = true;
          await storage.write([{ set: 'a', value: bytes('after') }]);
        }
        return await inner.write(changes, options);
      },
    };
    expect(await rotate(racing, { keys: [newKey, oldKey] })).toMatchObject({ encrypted: 1 });
    expect(text(await (await encryptedStorage(inner, { keys: [newKey] })).get('a'))).toBe('after');
  });
});

describe('parseEncryptionKey', () => {
  it('parses the text of newEncryptionKey, and hexadecimal', () => {
    const { key, text: base64 } = newEncryptionKey();
    expect(parseEncryptionKey(`${base64}\n`)).toEqual(key);
    expect(parseEncryptionKey(Buffer.from(key.bytes).toString('hex'))).toEqual(key);
  });

  it('refuses anything else without quoting it', () => {
    for (const wrong of [
      '',
      'secret-phrase-of-mine',
      '00'.repeat(32),
      'A'.repeat(43),
      `${'a'.repeat(63)}g`,
    ]) {
      expect(() => parseEncryptionKey(wrong)).toThrow(refusal('ERR_STORAGE_ENCRYPTION'));
      expect(() => parseEncryptionKey(wrong)).not.toThrow(/secret-phrase/);
    }
  });
});
