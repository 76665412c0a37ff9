import assert from 'node:assert/strict';
import { type Clock, systemClock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { acquireLock } from './lock.ts';
import { untilWritten } from './records.ts';
import type { Change, Entry, Storage } from './storage.ts';

export { type History, historyFrom, holdsConcurrently, holdsLikeModel } from './history.ts';

/**
 * A storage under test. Everything that a clause writes is under `place`, and is removed again.
 */
export interface StorageSubject {
  readonly storage: Storage;
  /**
   * The same data by a way of its own: another connection, another process's view; the same object
   * where there is none.
   */
  readonly secondStorage: Storage;
  /** A prefix that has nothing below it: one part. */
  readonly place: string;
}

export interface Clause {
  readonly title: string;
  readonly check: (subject: StorageSubject) => Promise<void>;
}

/** Runs a clause against a subject and removes what it left under `place`, also after a failure. */
export async function checkClause({ check }: Clause, subject: StorageSubject): Promise<void> {
  try {
    await check(subject);
  } finally {
    const keys = [
      ...(await keysBelow(subject, subject.place)),
      ...(await keysBelow(subject, `lock/${subject.place}`)),
    ];
    for (let at = 0; at < keys.length; at += 100)
      await subject.storage.write(keys.slice(at, at + 100).map((remove) => ({ remove })));
  }
}

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (entry: Entry | undefined) => entry && new TextDecoder().decode(entry.value);
const set = (
  key: string,
  value = key,
  more: { ifVersion?: string | null; secret?: boolean } = {},
): Change => ({ set: key, value: bytes(value), ...more });
const collect = async <T>(from: AsyncIterable<T>) => {
  const all: T[] = [];
  for await (const value of from) all.push(value);
  return all;
};
const keysBelow = async (
  { storage }: StorageSubject,
  prefix: string,
  options?: Parameters<Storage['list']>[1],
) => (await collect(storage.list(prefix, options))).map(({ key }) => key);
const rejectsWith = (code: string, key?: string) => (error: unknown) => {
  assert.equal(errorCode(error), code);
  if (key !== undefined) assert.equal((error as { key?: unknown }).key, key);
  return true;
};

/** What every driver does. Runner-neutral: throws where a clause does not hold. */
export const storageContract: readonly Clause[] = [
  {
    title: 'gives back what was written, byte by byte, and knows nothing of what was not',
    async check({ storage, secondStorage, place }) {
      const value = Uint8Array.from({ length: 512 }, (_, at) => at % 256);
      const [version] = await storage.write([{ set: `${place}/a`, value }]);
      for (const reader of [storage, secondStorage]) {
        const entry = await reader.get(`${place}/a`);
        assert.deepEqual(
          { ...entry, value: [...(entry?.value ?? [])] },
          { key: `${place}/a`, value: [...value], version, secret: false },
        );
      }
      assert.equal(await storage.get(`${place}/b`), undefined);
      await storage.write([{ set: `${place}/empty`, value: new Uint8Array() }]);
      assert.equal((await storage.get(`${place}/empty`))?.value.length, 0);
    },
  },
  {
    title: 'keeps its own copy: bytes that a caller changes later change nothing',
    async check({ storage, place }) {
      for (const value of [bytes('before'), Buffer.from('before')]) {
        await storage.write([{ set: `${place}/a`, value }]);
        value.fill(0);
        (await storage.get(`${place}/a`))?.value.fill(0);
        assert.equal(text(await storage.get(`${place}/a`)), 'before');
      }
    },
  },
  {
    title: 'keeps a mark of secrecy',
    async check({ storage, secondStorage, place }) {
      await storage.write([set(`${place}/a`, 'key', { secret: true }), set(`${place}/b`)]);
      assert.deepEqual(
        (await collect(secondStorage.list(place))).map(({ secret }) => secret),
        [true, false],
      );
      assert.equal((await secondStorage.get(`${place}/a`))?.secret, true);
    },
  },
  {
    title:
      'lists in the byte order of the keys, a key before those below it, and only what is below the prefix',
    async check(subject) {
      const { storage, place } = subject;
      const keys = ['a', 'a-', 'a.b', 'a/b', 'a/b/c', 'a/~', 'a0', 'aa/a', 'a_', 'b', 'z~/z'].map(
        (key) => `${place}/${key}`,
      );
      await storage.write([...keys].reverse().map((key) => set(key)));
      assert.deepEqual(await keysBelow(subject, place), [...keys].sort());
      assert.deepEqual(await keysBelow(subject, `${place}/a`), [
        `${place}/a/b`,
        `${place}/a/b/c`,
        `${place}/a/~`,
      ]);
      assert.deepEqual(await keysBelow(subject, `${place}/c`), []);
      assert.deepEqual(
        (await keysBelow(subject, '')).filter((key) => key.startsWith(`${place}/`)),
        [...keys].sort(),
      );
    },
  },
  {
    title: 'lists on behind any key, as many as wanted',
    async check(subject) {
      const { storage, place } = subject;
      const keys = Array.from(
        { length: 30 },
        (_, at) => `${place}/${Math.floor(at / 10)}/${String(at).padStart(2, '0')}`,
      );
      await storage.write(keys.map((key) => set(key)));
      assert.deepEqual(await keysBelow(subject, place, { limit: 12 }), keys.slice(0, 12));
      assert.deepEqual(
        await keysBelow(subject, place, { after: `${place}/1/10`, limit: 3 }),
        keys.slice(11, 14),
      );
      assert.deepEqual(
        await keysBelow(subject, place, { after: `${place}/1/105` }),
        keys.slice(11),
      );
      assert.deepEqual(await keysBelow(subject, place, { after: `${place}/1` }), keys.slice(10));
      assert.deepEqual(await keysBelow(subject, `${place}/2`, { after: place }), keys.slice(20));
      assert.deepEqual(await keysBelow(subject, `${place}/0`, { after: `${place}/2/25` }), []);
      assert.deepEqual(await keysBelow(subject, place, { limit: 0 }), []);
    },
  },
  {
    title:
      'gives each write a version of its own, never one that the key had before, not even after a removal',
    async check({ storage, place }) {
      const seen = new Set<string>();
      for (let round = 0; round < 5; round += 1) {
        const [version = ''] = await storage.write([set(`${place}/a`, 'same')]);
        assert.equal((await storage.get(`${place}/a`))?.version, version);
        assert.ok(!seen.has(version), `version ${version} was used twice`);
        seen.add(version);
        if (round % 2) await storage.write([{ remove: `${place}/a` }]);
      }
    },
  },
  {
    title: 'returns the new versions in the order of what was set',
    async check({ storage, place }) {
      const versions = await storage.write([
        set(`${place}/b`),
        { remove: `${place}/c` },
        set(`${place}/a`),
        { check: `${place}/d`, ifVersion: null },
      ]);
      assert.deepEqual(versions, [
        (await storage.get(`${place}/b`))?.version,
        (await storage.get(`${place}/a`))?.version,
      ]);
      assert.deepEqual(await storage.write([]), []);
    },
  },
  {
    title: 'writes where the version is the one asked for, and else says which key has another',
    async check({ storage, secondStorage, place }) {
      const [first = ''] = await storage.write([set(`${place}/a`, '1', { ifVersion: null })]);
      await assert.rejects(
        secondStorage.write([set(`${place}/a`, '2', { ifVersion: null })]),
        rejectsWith('ERR_STORAGE_CONFLICT', `${place}/a`),
      );
      const [second = ''] = await secondStorage.write([
        set(`${place}/a`, '2', { ifVersion: first }),
      ]);
      await assert.rejects(
        storage.write([set(`${place}/a`, '3', { ifVersion: first })]),
        rejectsWith('ERR_STORAGE_CONFLICT', `${place}/a`),
      );
      await assert.rejects(
        storage.write([{ remove: `${place}/a`, ifVersion: first }]),
        rejectsWith('ERR_STORAGE_CONFLICT', `${place}/a`),
      );
      await assert.rejects(
        storage.write([{ check: `${place}/none`, ifVersion: first }]),
        rejectsWith('ERR_STORAGE_CONFLICT', `${place}/none`),
      );
      assert.equal(text(await storage.get(`${place}/a`)), '2');
      await storage.write([
        { check: `${place}/a`, ifVersion: second },
        { remove: `${place}/b` },
        { remove: `${place}/c`, ifVersion: null },
      ]);
      await storage.write([{ remove: `${place}/a`, ifVersion: second }]);
      assert.equal(await secondStorage.get(`${place}/a`), undefined);
    },
  },
  {
    title: 'writes all changes or none',
    async check(subject) {
      const { storage, place } = subject;
      await storage.write([set(`${place}/a`, 'old'), set(`${place}/b`, 'old')]);
      const changes = [
        set(`${place}/a`, 'new'),
        { remove: `${place}/b` },
        set(`${place}/c`, 'new'),
      ];
      await assert.rejects(
        storage.write([...changes, { check: `${place}/d`, ifVersion: 'x' }]),
        rejectsWith('ERR_STORAGE_CONFLICT', `${place}/d`),
      );
      assert.deepEqual(
        (await collect(storage.list(place))).map((entry) => [entry.key, text(entry)]),
        [
          [`${place}/a`, 'old'],
          [`${place}/b`, 'old'],
        ],
      );
      await storage.write(changes);
      assert.deepEqual(
        (await collect(storage.list(place))).map((entry) => [entry.key, text(entry)]),
        [
          [`${place}/a`, 'new'],
          [`${place}/c`, 'new'],
        ],
      );
    },
  },
  {
    title: 'takes 100 changes in one write, values of 1 MiB and keys of 500 bytes',
    async check(subject) {
      const { storage, place } = subject;
      await storage.write(Array.from({ length: 100 }, (_, at) => set(`${place}/many/${at}`)));
      assert.equal((await keysBelow(subject, `${place}/many`)).length, 100);
      const long = [place, ...Array.from({ length: 4 }, () => 'x'.repeat(119)), 'y'.repeat(120)]
        .join('/')
        .slice(0, 500);
      const value = new Uint8Array(1024 * 1024).fill(7);
      await storage.write([{ set: long, value }]);
      const back = await storage.get(long);
      assert.ok(
        back && back.value.length === value.length && back.value.every((byte) => byte === 7),
      );
      assert.deepEqual((await keysBelow(subject, place)).at(-1), long);
    },
  },
  {
    title:
      'refuses keys, values and lists of changes out of their bounds, and writes nothing of them',
    async check(subject) {
      const { storage, place } = subject;
      const bad = [
        '',
        '/',
        'a/',
        '/a',
        'a//b',
        'A',
        'ä',
        'a b',
        '*.example.com',
        '..',
        'a/../b',
        '.hidden',
        'a\0',
        'a\n',
        'a=',
        'a\\b',
        'x'.repeat(121),
        Array.from({ length: 9 }, () => 'x'.repeat(60)).join('/'),
      ];
      for (const key of bad) {
        await assert.rejects(
          storage.write([set(`${place}/good`), set(key)]),
          rejectsWith('ERR_STORAGE_INPUT'),
          key,
        );
        await assert.rejects(storage.get(key), rejectsWith('ERR_STORAGE_INPUT'), key);
        if (key !== '')
          await assert.rejects(collect(storage.list(key)), rejectsWith('ERR_STORAGE_INPUT'), key);
      }
      await assert.rejects(
        storage.write([{ set: `${place}/a`, value: new Uint8Array(1024 * 1024 + 1025) }]),
        rejectsWith('ERR_STORAGE_INPUT', `${place}/a`),
      );
      await assert.rejects(
        storage.write(Array.from({ length: 101 }, (_, at) => set(`${place}/${at}`))),
        rejectsWith('ERR_STORAGE_INPUT'),
      );
      await assert.rejects(
        storage.write([set(`${place}/a`), { remove: `${place}/a` }]),
        rejectsWith('ERR_STORAGE_INPUT'),
      );
      assert.deepEqual(await keysBelow(subject, place), []);
    },
  },
  {
    title: 'does nothing under a signal that is aborted',
    async check(subject) {
      const { storage, place } = subject;
      const reason = new Error('enough');
      const options = { signal: AbortSignal.abort(reason) };
      for (const call of [
        () => storage.write([set(`${place}/a`)], options),
        () => storage.get(`${place}/a`, options),
        () => collect(storage.list(place, options)),
        () => collect(storage.snapshot(options)),
      ])
        await assert.rejects(call(), (error) => error === reason);
      assert.deepEqual(await keysBelow(subject, place), []);
    },
  },
  {
    title: 'loses no update of several writers that read, decide and write',
    async check({ storage, secondStorage, place }) {
      const key = `${place}/counter`;
      const count = async (through: Storage) => {
        for (let done = 0; done < 10;) {
          const entry = await through.get(key);
          try {
            await through.write([
              set(key, String(Number(text(entry) ?? 0) + 1), { ifVersion: entry?.version ?? null }),
            ]);
            done += 1;
          } catch (error) {
            rejectsWith('ERR_STORAGE_CONFLICT', key)(error);
          }
        }
      };
      await Promise.all([storage, secondStorage, storage, secondStorage].map(count));
      assert.equal(text(await storage.get(key)), '40');
    },
  },
  {
    title: 'lets a hundred writers of one record at once all succeed by untilWritten',
    async check({ storage, secondStorage, place }) {
      const key = `${place}/counter`;
      // The limit of untilWritten is left out: on a slow machine a hundred writes take longer.
      const clock: Clock = { ...systemClock, monotonic: () => 0 };
      const increment = async (through: Storage) =>
        await untilWritten(
          async () => {
            const entry = await through.get(key);
            const next = String(Number(text(entry) ?? 0) + 1);
            await through.write([set(key, next, { ifVersion: entry?.version ?? null })]);
          },
          { clock },
        );
      const writers = Array.from({ length: 100 }, (_, at) =>
        increment(at % 2 === 0 ? storage : secondStorage),
      );
      await Promise.all(writers);
      assert.equal(text(await storage.get(key)), '100');
    },
  },
  {
    title: 'lists an entry that stays unchanged exactly once, while others come and go around it',
    async check(subject) {
      const { storage, secondStorage, place } = subject;
      const keys = Array.from({ length: 60 }, (_, at) => `${place}/${String(at).padStart(2, '0')}`);
      await storage.write(keys.map((key) => set(key)));
      const staying = keys.filter((_, at) => at % 2 === 0);
      const moving = keys.filter((_, at) => at % 2 === 1);
      const seen: string[] = [];
      for await (const { key } of storage.list(place)) {
        seen.push(key);
        const at = seen.length % moving.length;
        await secondStorage.write([
          { remove: moving[at] ?? '' },
          set(`${moving[(at + 7) % moving.length]}x`),
        ]);
      }
      assert.deepEqual(
        seen.filter((key) => staying.includes(key)),
        staying,
      );
      assert.deepEqual(seen, [...new Set(seen)].sort());
    },
  },
  {
    title: 'takes a snapshot of one moment, while others write',
    async check({ storage, secondStorage, place }) {
      const accounts = ['a', 'm/1', 'z'].map((name) => `${place}/${name}`);
      await storage.write(accounts.map((key) => set(key, '0')));
      let over = false;
      const writing = (async () => {
        for (let round = 1; !over; round += 1)
          await secondStorage.write(accounts.map((key) => set(key, String(round))));
      })();
      try {
        for (let attempt = 0; attempt < 5; attempt += 1) {
          const values = (await collect(storage.snapshot()))
            .filter(({ key }) => accounts.includes(key))
            .map(text);
          assert.equal(values.length, 3);
          assert.equal(
            new Set(values).size,
            1,
            `values of different moments: ${values.join(', ')}`,
          );
        }
      } finally {
        over = true;
        await writing;
      }
    },
  },
  {
    title: 'keeps to the moment of a snapshot, though its reader pauses while everything changes',
    async check({ storage, secondStorage, place }) {
      const keys = Array.from(
        { length: 300 },
        (_, at) => `${place}/${String(at).padStart(3, '0')}`,
      );
      const inHundreds = async (changeOf: (key: string) => Change) => {
        for (let at = 0; at < keys.length; at += 100)
          await secondStorage.write(keys.slice(at, at + 100).map(changeOf));
      };
      await inHundreds((key) => set(key, 'before'));
      const seen: string[] = [];
      for await (const entry of storage.snapshot()) {
        if (!keys.includes(entry.key)) continue;
        seen.push(`${entry.key} ${text(entry)}`);
        if (seen.length !== 10) continue;
        await inHundreds((key) => set(key, 'after'));
        await inHundreds((remove) => ({ remove }));
      }
      assert.deepEqual(
        seen,
        keys.map((key) => `${key} before`),
      );
    },
  },
  {
    title: 'lets one holder have a lock at a time, and the next when it is given back',
    async check({ storage, secondStorage, place }) {
      let holders = 0;
      const tokens: number[] = [];
      await Promise.all(
        [storage, secondStorage, storage, secondStorage].map(async (through) => {
          const lock = await acquireLock(through, `${place}/one`);
          holders += 1;
          tokens.push(lock.token);
          assert.equal(holders, 1);
          await lock.write([set(`${place}/held`)]);
          holders -= 1;
          await lock.release();
        }),
      );
      assert.deepEqual(
        tokens,
        [...tokens].sort((a, b) => a - b),
      );
      assert.equal(new Set(tokens).size, 4);
    },
  },
  {
    title: 'keeps a holder that was taken for dead from writing',
    async check({ storage, secondStorage, place }) {
      const asleep: Clock = {
        ...systemClock,
        sleep: () =>
          new Promise(() => {
            /* a process that hangs */
          }),
      };
      const first = await acquireLock(storage, `${place}/one`, { clock: asleep });
      const second = await acquireLock(secondStorage, `${place}/one`, {
        lease: { milliseconds: 200 },
      });
      assert.ok(second.token > first.token);
      await assert.rejects(
        first.write([set(`${place}/a`, 'late')]),
        rejectsWith('ERR_STORAGE_LOCK_LOST'),
      );
      assert.ok(first.signal.aborted);
      await assert.rejects(
        storage.write([set(`${place}/a`, 'late'), first.check]),
        rejectsWith('ERR_STORAGE_CONFLICT', `lock/${place}/one`),
      );
      await second.write([set(`${place}/a`, 'in time')]);
      assert.equal(text(await storage.get(`${place}/a`)), 'in time');
      await second.release();
    },
  },
];
