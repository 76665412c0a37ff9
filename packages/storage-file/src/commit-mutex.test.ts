import type { Dirent } from 'node:fs';
import { basename } from 'node:path';
import { type Clock, systemClock, virtualClock } from '@acmex/clock';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { commitMutex } from './commit-mutex.ts';
import type { Disk } from './disk.ts';

const folder = '/commit';

/** One folder, in which each step is whole, and takes place when it is its turn. */
function folderOf(turn: () => Promise<unknown>, failing: (step: string) => boolean = () => false) {
  const files = new Map<string, Buffer>();
  const step =
    <A extends readonly string[], R>(name: string, work: (...names: A) => R) =>
    async (...paths: A): Promise<R> => {
      await turn();
      if (failing(name)) throw new Error(`${name} fails`);
      return work(...(paths.map((path) => basename(path)) as unknown as A));
    };
  const put = step('jot', (name: string) => name);
  const disk = {
    read: step('read', (name) => files.get(name)),
    readNow: (path: string) => files.get(basename(path)),
    list: step('list', () => [...files.keys()].map((name) => ({ name }) as Dirent)),
    jot: async (path: string, bytes: Uint8Array) => {
      files.set(await put(path), Buffer.from(bytes));
    },
    rename: step('rename', (from, to) => {
      const bytes = files.get(from);
      if (!bytes) throw new Error(`${from} has gone`);
      files.delete(from);
      files.set(to, bytes);
    }),
    link: step('link', (from, to) => {
      const bytes = files.get(from);
      if (!bytes) throw new Error(`${from} has gone`);
      if (files.has(to)) return false;
      files.set(to, bytes);
      return true;
    }),
    remove: step('remove', (name) => {
      files.delete(name);
    }),
  } as Partial<Disk> as Disk;
  return { disk, files };
}

const sleepless: Clock = { ...virtualClock(), sleep: async () => undefined };

describe('commitMutex', () => {
  it('lets one at a time commit, whatever comes between any two steps of each', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        let [holders, highest, tenures] = [0, 0, 0];
        const turn = () => scheduler.schedule(Promise.resolve());
        const { disk } = folderOf(turn);
        const commits = [1, 2, 3].map(async () => {
          const mutex = commitMutex(folder, {
            disk,
            clock: {
              ...sleepless,
              sleep: async () => {
                await turn();
              },
            },
          });
          for (let n = 0; n < 3; n += 1) {
            const release = await mutex.acquire();
            holders += 1;
            highest = Math.max(highest, holders);
            await turn();
            holders -= 1;
            tenures += 1;
            await release();
          }
        });
        await scheduler.waitFor(Promise.all(commits));
        expect([highest, tenures]).toEqual([1, 9]);
      }),
      { numRuns: 200 },
    );
  });

  it('lets those go first who wait, where one has much to write', async () => {
    const { disk, files } = folderOf(async () => undefined);
    const [busy, seldom] = [
      commitMutex(folder, { disk, clock: systemClock }),
      commitMutex(folder, { disk, clock: systemClock }),
    ];
    let [came, waits, times] = [0, false, 0];
    const waiting = (async () => {
      for (; came < 10; came += 1) {
        waits = true;
        const release = await seldom.acquire();
        waits = false;
        await release();
        await systemClock.sleep({ milliseconds: 5 });
      }
    })();
    while (came < 10 && times < 200) {
      const release = await busy.acquire();
      if (waits) times += 1;
      await systemClock.sleep({ milliseconds: 25 });
      await release();
    }
    await waiting;
    // One at most goes before it each time, and a few by chance.
    expect(times).toBeLessThan(20);
    expect([...files.keys()].map((name) => name.replace(/\d+/, 'N'))).toEqual(['N.free']);
  });

  for (const [fault, step, time] of [
    ['when it is given back', 'rename', 1],
    ['behind the link', 'remove', 1],
    ['when it looks whether it came too late', 'list', 2],
  ] as const) {
    it(`is free again after a fault of the disk ${fault}`, async () => {
      let times = 0;
      const { disk, files } = folderOf(
        async () => undefined,
        (name) => name === step && ++times === time,
      );
      const mutex = commitMutex(folder, { disk, clock: sleepless });
      await expect(mutex.acquire().then((release) => release())).rejects.toThrow(`${step} fails`);
      for (const candidate of [mutex, commitMutex(folder, { disk, clock: sleepless })])
        await (
          await candidate.acquire()
        )();
      expect(
        [...files.keys()]
          .filter((name) => !name.startsWith('making-'))
          .map((name) => name.replace(/\d+/, 'N')),
      ).toEqual(['N.free']);
    });
  }
});
