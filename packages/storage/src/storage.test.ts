import { describe, expect, it } from '@jest/globals';
import { virtualClock } from '@acmex/clock';
import fc from 'fast-check';
import {
  checkClause,
  historyFrom,
  holdsConcurrently,
  holdsLikeModel,
  storageContract,
} from './contract.ts';
import {
  acquireLock,
  CorruptEntryError,
  firstId,
  idOf,
  jsonRecord,
  memoryStorage,
  migrate,
  newId,
  records,
  scopedStorage,
  type Storage,
  untilWritten,
} from './index.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const histories = fc.array(fc.array(fc.nat(200), { minLength: 1, maxLength: 4 }), {
  maxLength: 30,
});

describe('untilWritten', () => {
  it('ends after half a minute with the error of the key that always changes', async () => {
    const storage = memoryStorage();
    const clock = virtualClock();
    let attempts = 0;
    const writing = untilWritten(
      async () => {
        attempts += 1;
        await storage.write([{ set: 'a', value: bytes('x'), ifVersion: 'never' }]);
      },
      { clock, random: () => 0.5 },
    );
    const outcome = expect(writing).rejects.toMatchObject({
      code: 'ERR_STORAGE_CONFLICT',
      key: 'a',
      message: 'a was changed in the meantime: read it again',
    });
    await clock.advance({ seconds: 31 });
    await outcome;
    expect(attempts).toBeGreaterThan(100);
    expect(attempts).toBeLessThan(200);
  });

  it('passes on every other error at once', async () => {
    let attempts = 0;
    const writing = untilWritten(async () => {
      attempts += 1;
      throw new Error('disk full');
    });
    await expect(writing).rejects.toThrow('disk full');
    expect(attempts).toBe(1);
  });
});

describe('memoryStorage', () => {
  for (const clause of storageContract) {
    it(clause.title, async () => {
      const storage = memoryStorage();
      await checkClause(clause, { storage, secondStorage: storage, place: 'contract' });
      expect(await keys(storage)).toEqual([]);
    });
  }

  it('behaves like a plain map, whatever is written', async () => {
    await fc.assert(
      fc.asyncProperty(histories, (numbers) =>
        holdsLikeModel(memoryStorage(), 'p', historyFrom('p', numbers)),
      ),
    );
  });

  it('explains every outcome of writers at once by some order', async () => {
    await fc.assert(
      fc.asyncProperty(histories, histories, (first, second) =>
        holdsConcurrently([memoryStorage()], 'p', [
          historyFrom('p', first),
          historyFrom('p', second),
        ]),
      ),
    );
  });
});

describe('scopedStorage', () => {
  // Its keys are shorter by those of the scope: that alone is another bound.
  for (const clause of storageContract.filter(
    ({ title }) => !title.includes('keys of 500 bytes'),
  )) {
    it(clause.title, async () => {
      const whole = memoryStorage();
      const storage = scopedStorage(whole, 'tenant/one');
      await checkClause(clause, {
        storage,
        secondStorage: scopedStorage(whole, 'tenant/one'),
        place: 'contract',
      });
      expect(await keys(storage)).toEqual([]);
    });
  }

  it('names nothing outside of itself', async () => {
    const whole = memoryStorage();
    const [first, second] = [
      scopedStorage(whole, 'tenant/one'),
      scopedStorage(whole, 'tenant/one2'),
    ];
    await second.write([{ set: 'a', value: bytes('other') }]);
    await whole.write([{ set: 'a', value: bytes('whole') }]);
    await first.write([{ set: 'b/c', value: bytes('one') }]);
    expect([await keys(first), await keys(second), await first.get('a')]).toEqual([
      ['b/c'],
      ['a'],
      undefined,
    ]);
    expect(await keys(whole)).toEqual(['a', 'tenant/one/b/c', 'tenant/one2/a']);
    for (const key of ['../one2/a', '..', '/a', ''])
      await expect(first.get(key)).rejects.toMatchObject({ code: 'ERR_STORAGE_INPUT' });
    await expect(
      first.write([
        {
          set: [
            'a'.repeat(120),
            'b'.repeat(120),
            'c'.repeat(120),
            'd'.repeat(120),
            'e'.repeat(16),
          ].join('/'),
          value: bytes(''),
        },
      ]),
    ).rejects.toMatchObject({ code: 'ERR_STORAGE_INPUT' });
    await using lock = await acquireLock(first, 'x');
    await expect(second.write([lock.check])).rejects.toMatchObject({
      code: 'ERR_STORAGE_CONFLICT',
      key: 'lock/x',
    });
  });
});

describe('the contract', () => {
  it('catches a driver that writes what comes before a conflict', async () => {
    const storage = memoryStorage();
    const torn: Storage = {
      ...storage,
      write: async (changes, options) =>
        (await Promise.all(changes.map((change) => storage.write([change], options)))).flat(),
    };
    const failures = await Promise.all(
      storageContract.map(async (clause, at) =>
        checkClause(clause, { storage: torn, secondStorage: torn, place: `c${at}` }).then(
          () => [],
          () => [clause.title],
        ),
      ),
    );
    expect(failures.flat()).toContain('writes all changes or none');
  });
});

describe('acquireLock', () => {
  it('takes over after a whole lease of silence, and not before', async () => {
    const clock = virtualClock();
    const storage = memoryStorage();
    let second: unknown;
    const silent: Storage = {
      ...storage,
      write: (changes, options) =>
        changes.some((change) => 'check' in change)
          ? Promise.reject(new Error('paused'))
          : storage.write(changes, options),
    };
    const holder = await acquireLock(silent, 'one', { clock });
    const waiting = acquireLock(storage, 'one', { clock }).then((lock) => {
      second = lock;
      return lock;
    });
    await clock.advance({ seconds: 9 });
    expect(second).toBeUndefined();
    await clock.advance({ seconds: 2 });
    expect(second).toBeDefined();
    await expect(
      storage.write([{ set: 'a', value: bytes('late') }, holder.check]),
    ).rejects.toMatchObject({ code: 'ERR_STORAGE_CONFLICT', key: 'lock/one' });
    await (await waiting).release();
  });

  it('is kept for as long as its holder lives', async () => {
    const clock = virtualClock();
    const storage = memoryStorage();
    const lock = await acquireLock(storage, 'one', { clock });
    let second = false;
    const giveUp = new AbortController();
    const waiting = acquireLock(storage, 'one', { clock, signal: giveUp.signal }).then(
      () => {
        second = true;
      },
      () => undefined,
    );
    await clock.advance({ minutes: 1 });
    expect([second, lock.signal.aborted]).toEqual([false, false]);
    giveUp.abort();
    await waiting;
    await lock.write([{ set: 'a', value: bytes('1') }]);
    await lock.release();
    await lock.release();
  });

  it('grows its token when the wall clock goes back', async () => {
    const storage = memoryStorage();
    const before = await acquireLock(storage, 'one', {
      clock: virtualClock({ now: '2030-01-01T00:00:00Z' }),
    });
    await before.release();
    const after = await acquireLock(storage, 'one', {
      clock: virtualClock({ now: '2020-01-01T00:00:00Z' }),
    });
    expect(after.token).toBeGreaterThan(before.token);
    await after.release();
  });

  it('leaves other conflicts to the caller', async () => {
    const storage = memoryStorage();
    const lock = await acquireLock(storage, 'one');
    await expect(
      lock.write([{ set: 'a', value: bytes('1'), ifVersion: 'x' }]),
    ).rejects.toMatchObject({ code: 'ERR_STORAGE_CONFLICT', key: 'a' });
    expect(lock.signal.aborted).toBe(false);
    await lock.release();
  });
});

describe('jsonRecord', () => {
  const record = jsonRecord<{ names: string[] }>({
    kind: 'list',
    version: 3,
    check: (read) => {
      const { names } = read as { readonly names?: unknown };
      if (!Array.isArray(names)) throw new TypeError('it has no names');
      return { names: names.map(String) };
    },
    upgrades: { 1: ({ name }) => ({ all: [name] }), 2: ({ all }) => ({ names: all }) },
  });
  const read = (text: string) => record.read({ key: 'a/b', value: bytes(text) });

  it('reads what it wrote, and every older shape', () => {
    expect(record.read({ key: 'a', value: record.bytes({ names: ['x'] }) })).toEqual({
      names: ['x'],
    });
    expect(read('{"v":1,"name":"x"}')).toEqual({ names: ['x'] });
    expect(read('{"v":2,"all":["x"]}')).toEqual({ names: ['x'] });
  });

  it('refuses newer shapes with both versions, and what is not a record', () => {
    expect(() => read('{"v":4}')).toThrow(
      expect.objectContaining({
        code: 'ERR_STORAGE_NEWER',
        message: 'a/b is a list of version 4, and this program reads up to 3: update it',
      }),
    );
    for (const text of [
      '',
      '{',
      '[]',
      'null',
      '{}',
      '{"v":"1"}',
      '{"v":0}',
      '{"v":3}',
      '{"v":2}',
      '\u0000',
    ])
      expect(() => read(text)).toThrow(
        expect.objectContaining({ code: 'ERR_STORAGE_CORRUPT', key: 'a/b' }),
      );
  });
});

describe('records', () => {
  const counted = (secret: boolean) => {
    const checked: unknown[] = [];
    const kind = records<{ at: number }>({
      kind: 'thing',
      version: 1,
      check: (record) => {
        checked.push(record);
        if (typeof (record as { at?: unknown }).at !== 'number') throw new TypeError('at');
        return record as { at: number };
      },
      under: 'thing',
      secret,
    });
    return { checked, kind };
  };
  it('are checked again only if they have changed, in any storage', async () => {
    const { checked, kind } = counted(false);
    const [storage, second] = [memoryStorage(), memoryStorage()];
    await storage.write([kind.put('a', { at: 1 })]);
    await second.write([kind.put('a', { at: 2 })]);
    const read = async (from: Storage) => (await kind.read(from, 'a'))?.record.at;
    expect([await read(storage), await read(storage)]).toEqual([1, 1]);
    expect(checked).toHaveLength(1);
    expect([await read(second), await read(storage)]).toEqual([2, 1]);
    await storage.write([{ set: kind.key('a'), value: bytes('{"v":1,"at":"1"}') }]);
    await expect(read(storage)).rejects.toMatchObject({ code: 'ERR_STORAGE_CORRUPT' });
    await expect(read(storage)).rejects.toMatchObject({ code: 'ERR_STORAGE_CORRUPT' });
  });
  it('have the version of the storage, also where their text is the same as before', async () => {
    const { kind } = counted(false);
    const storage = memoryStorage();
    const versions = [];
    for (let write = 0; write < 2; write += 1) {
      await storage.write([kind.put('a', { at: 1 })]);
      versions.push((await kind.read(storage, 'a'))?.version);
    }
    expect(new Set(versions).size).toBe(2);
  });
  it('that are secret are not kept in memory', async () => {
    const { checked, kind } = counted(true);
    const storage = memoryStorage();
    await storage.write([kind.put('a', { at: 1 })]);
    for (let count = 0; count < 3; count += 1) await kind.read(storage, 'a');
    expect(checked).toHaveLength(3);
  });

  it('that are many are stored below parts of their time, in the order of their ids', async () => {
    const storage = memoryStorage();
    const kind = records<{ at: number }>({
      kind: 'thing',
      version: 1,
      check: (record) => record as { at: number },
      under: 'thing',
      many: true,
    });
    const times = [1_700_000_000_000, 1_700_000_000_001, 1_700_000_040_000, 1_790_000_000_000];
    const ids = times.map((at) => newId('thg', virtualClock({ now: new Date(at).toISOString() })));
    await storage.write(ids.map((id, index) => kind.added(id, { at: times[index]! })));
    const listed: string[] = [];
    for await (const stored of kind.list(storage)) listed.push(idOf(stored));
    expect([...listed].sort()).toEqual(listed);
    expect(listed).toHaveLength(4);
    expect(kind.key(ids[0]!)).toMatch(/^thing\/01hf7\/ya\/thg_01hf7ya[0-9a-z]{19}$/);
    await expect(kind.read(storage, ids[2]!)).resolves.toMatchObject({ record: { at: times[2] } });
    const behind: string[] = [];
    for await (const stored of kind.list(storage, { after: kind.key(firstId('thg', times[2]!)) }))
      behind.push(idOf(stored));
    expect(behind).toEqual(listed.slice(2));
    expect(kind.key('thg_') < kind.key(ids[0]!)).toBe(true);
  });
});

describe('migrate', () => {
  it('copies in order, reads back, leaves locks and what differs, and continues where it ended', async () => {
    const [from, to] = [memoryStorage(), memoryStorage()];
    for (const key of ['a', 'b/1', 'b/2', 'c', 'd'])
      await from.write([{ set: key, value: bytes(key), secret: key === 'c' }]);
    const lock = await acquireLock(from, 'x');
    await to.write([
      { set: 'a', value: bytes('a') },
      { set: 'b/1', value: bytes('other') },
    ]);
    for (let at = 0; at < 250; at += 1) await from.write([{ set: `e/${at}`, value: bytes('e') }]);
    const cut = new AbortController();
    await expect(
      migrate(from, to, { signal: cut.signal, onProgress: () => cut.abort() }),
    ).rejects.toThrow();
    expect((await keys(to)).length).toBe(100);
    expect(await migrate(from, to)).toMatchObject({
      copied: 155,
      present: 99,
      skipped: [{ key: 'b/1' }, { key: 'lock/x' }, { key: 'lock/x/beat' }],
    });
    expect((await keys(to)).filter((key) => !key.startsWith('e'))).toEqual([
      'a',
      'b/1',
      'b/2',
      'c',
      'd',
    ]);
    expect((await to.get('c'))?.secret).toBe(true);
    await lock.release();
  });

  it('says which entries cannot be read, and copies the others', async () => {
    const from = memoryStorage();
    await from.write([{ set: 'a', value: bytes('a') }]);
    const broken: Storage = {
      ...from,
      async *list(prefix, options) {
        options?.onCorrupt?.(new CorruptEntryError('0', 'it was truncated'));
        yield* from.list(prefix, options);
      },
    };
    expect(await migrate(broken, memoryStorage())).toMatchObject({
      copied: 1,
      skipped: [{ key: '0', reason: '0 cannot be read: it was truncated' }],
    });
  });

  it('ends when the target gives back something else', async () => {
    const from = memoryStorage();
    await from.write([{ set: 'a', value: bytes('a') }]);
    const to = memoryStorage();
    const altering: Storage = {
      ...to,
      write: (changes, options) =>
        to.write(
          changes.map((change) => ('set' in change ? { ...change, value: bytes('?') } : change)),
          options,
        ),
    };
    await expect(migrate(from, altering)).rejects.toMatchObject({
      code: 'ERR_STORAGE_CORRUPT',
      key: 'a',
    });
  });
});

async function keys(storage: Storage): Promise<string[]> {
  const all: string[] = [];
  for await (const { key } of storage.list('')) all.push(key);
  return all;
}
