import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import {
  bundledProgram,
  describeWith,
  reportSoak,
  startRedis,
  temporaryFolder,
} from '@acmex/services';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { LimitedResult, LimitedWork } from './limited-process.testing.ts';

// A soak has 20 processes, `npm test` has 4.
const isSoak = process.env.ACMEX_SOAK === 'fleet';
const count = isSoak ? 20 : 4;
const ordersEach = isSoak ? 20 : 5;
const capacity = isSoak ? 30 : 7;

describeWith(['redis-server'], `${count} processes that share a storage`, () => {
  let processes: readonly ChildProcess[] = [];
  beforeAll(async () => {
    const program = await bundledProgram(join(import.meta.dirname, 'limited-process.testing.ts'));
    processes = Array.from({ length: count }, () => fork(program));
    await Promise.all(processes.map(async (child) => await once(child, 'message')));
  }, 120_000);
  afterAll(async () => {
    await Promise.all(
      processes.map(async (child) => {
        const ended = once(child, 'exit');
        child.kill();
        await ended;
      }),
    );
  });

  /** Lets all processes order at once. */
  async function orderAll(place: string): Promise<readonly LimitedResult[]> {
    return await Promise.all(
      processes.map(async (child, index) => {
        const names = Array.from({ length: ordersEach }, (_, order) => `n${order}.d${index}.test`);
        const answer = once(child, 'message') as Promise<[LimitedResult]>;
        child.send({ place, names, capacity } satisfies LimitedWork);
        return (await answer)[0];
      }),
    );
  }

  it.each(['file', 'redis'] as const)(
    'never make more orders than the limit allows, with a storage of the type %s',
    async (type) => {
      await using redis = type === 'redis' ? await startRedis() : undefined;
      await using folder = await temporaryFolder('acmex-limits-');
      const results = await orderAll(redis?.url ?? join(folder.path, 'data'));
      const ordered = results.map((result) => result.ordered);
      reportSoak(`${type}: ${count} processes made ${ordered.join(', ')} orders of ${capacity}`);
      expect(ordered.reduce((sum, orders) => sum + orders)).toBe(capacity);
      const times = results.flatMap((result) => result.times);
      expect(times).toHaveLength(count * ordersEach - capacity);
      // Each that waits has a time of its own.
      expect(new Set(times).size).toBe(times.length);
    },
    120_000,
  );
});
