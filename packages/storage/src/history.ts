import assert from 'node:assert/strict';
import { errorCode } from '@acmex/errors';
import { keyOf } from './bounds.ts';
import type { Change, Entry, Storage } from './storage.ts';

/**
 * One write of a random history: keys out of a small set, and for each key whether its version is
 * asked for.
 */
export type History = readonly (readonly Step[])[];
interface Step {
  readonly verb: 'set' | 'remove' | 'check';
  readonly key: string;
  readonly condition: 'none' | 'current' | 'absent';
}

const names = ['a', 'a/b', 'a/b/c', 'a.b', 'b', 'b/a', 'c~/x', 'd'];
const verbs = ['set', 'set', 'set', 'remove', 'check'] as const;
const conditions = ['none', 'current', 'absent'] as const;

/**
 * A history out of natural numbers, such as fast-check makes and shrinks: each write of up to four
 * changes.
 */
export function historyFrom(place: string, numbers: readonly (readonly number[])[]): History {
  return numbers.map((write) => {
    const steps = write.slice(0, 4).map((number): Step => ({
      key: `${place}/${names[number % names.length]}`,
      verb: verbs[Math.floor(number / 8) % verbs.length] ?? 'set',
      condition: conditions[Math.floor(number / 64) % conditions.length] ?? 'none',
    }));
    return steps.filter(
      ({ key }, at) => steps.findIndex((previous) => previous.key === key) === at,
    );
  });
}

/**
 * Holds a storage against a plain map: every write has the outcome that the map foretells, and
 * every list shows what the map holds.
 */
export async function holdsLikeModel(
  storage: Storage,
  place: string,
  history: History,
): Promise<void> {
  const model = new Map<string, { readonly value: string; readonly version: string }>();
  for (const [at, steps] of history.entries()) {
    const changes = steps.map((step) =>
      changeOf(step, model.get(step.key)?.version ?? null, `${at}`),
    );
    const foretold = changes.some(
      (change) =>
        change.ifVersion !== undefined &&
        change.ifVersion !== (model.get(keyOf(change))?.version ?? null),
    );
    const versions = await attempt(storage, changes);
    assert.equal(versions === undefined, foretold, `write ${at} of ${JSON.stringify(steps)}`);
    if (versions) {
      let next = 0;
      for (const change of changes) {
        if ('remove' in change) model.delete(change.remove);
        if ('set' in change)
          model.set(change.set, { value: `${at}`, version: versions[next++] ?? '' });
      }
    }
    const expected = [...model]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, { value, version }]) => ({ key, value, version }));
    assert.deepEqual(await entriesOf(storage, place), expected);
  }
}

/**
 * Lets several writers, each by its own way to the same data, run their histories at once; every
 * `current` asks for the version just read. Holds when each version was replaced by one writer at
 * most, and what remains was written by the last of each chain.
 */
export async function holdsConcurrently(
  writers: readonly Storage[],
  place: string,
  histories: readonly History[],
): Promise<void> {
  const replaced = new Map<string, string>();
  const written = new Map<string, string>();
  await Promise.all(
    histories.map(async (history, writer) => {
      const storage = writers[writer % writers.length];
      assert.ok(storage);
      for (const [at, steps] of history.entries()) {
        const changes: readonly Change[] = await Promise.all(
          steps.map(async (step) =>
            changeOf(step, (await storage.get(step.key))?.version ?? null, `${writer}:${at}`),
          ),
        );
        const versions = await attempt(storage, changes);
        if (!versions) continue;
        let next = 0;
        for (const change of changes) {
          const key = keyOf(change);
          const by = `${writer}:${at}`;
          if (!('check' in change) && typeof change.ifVersion === 'string') {
            const before = `${key} ${change.ifVersion}`;
            assert.equal(
              replaced.get(before),
              undefined,
              `${before} was replaced by ${replaced.get(before)} and by ${by}`,
            );
            replaced.set(before, by);
          }
          if ('set' in change) written.set(`${key} ${versions[next++]}`, by);
        }
      }
    }),
  );
  for (const { key, value, version } of await entriesOf(writers[0], place)) {
    assert.equal(
      written.get(`${key} ${version}`),
      value,
      `${key} holds a value that no write acknowledged`,
    );
    assert.equal(
      replaced.get(`${key} ${version}`),
      undefined,
      `${key} still holds what was replaced`,
    );
  }
}

function changeOf({ verb, key, condition }: Step, current: string | null, value: string): Change {
  const ifVersion = { none: undefined, current, absent: null }[condition];
  switch (verb) {
    case 'set':
      return { set: key, value: new TextEncoder().encode(value), ifVersion };
    case 'remove':
      return { remove: key, ifVersion };
    case 'check':
      return { check: key, ifVersion: ifVersion ?? null };
  }
}

async function attempt(
  storage: Storage,
  changes: readonly Change[],
): Promise<readonly string[] | undefined> {
  try {
    return await storage.write(changes);
  } catch (error) {
    if (errorCode(error) === 'ERR_STORAGE_CONFLICT') return undefined;
    throw error;
  }
}

async function entriesOf(
  storage: Storage | undefined,
  place: string,
): Promise<{ key: string; value: string; version: string }[]> {
  const all: Entry[] = [];
  if (storage) for await (const entry of storage.list(place)) all.push(entry);
  return all.map(({ key, value, version }) => ({
    key,
    value: new TextDecoder().decode(value),
    version,
  }));
}
