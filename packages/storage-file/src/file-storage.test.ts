import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolder } from '@acmex/services';
import { afterEach, beforeEach, describe, it } from '@jest/globals';
import {
  checkClause,
  historyFrom,
  holdsConcurrently,
  holdsLikeModel,
  storageContract,
} from '@acmex/storage/contract';
import fc from 'fast-check';
import { fileStorage } from './index.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-storage-'));
});
afterEach(() => removeFolder(folder));
const opened = () => fileStorage({ path: join(folder, 'data') });

describe('fileStorage', () => {
  for (const clause of storageContract) {
    it(clause.title, async () => {
      await using storage = opened();
      await using second = opened();
      await checkClause(clause, { storage, secondStorage: second, place: 'contract' });
    });
  }

  const histories = fc.array(fc.array(fc.nat(200), { minLength: 1, maxLength: 4 }), {
    maxLength: 12,
  });
  let run = 0;

  it('behaves like a plain map, and explains every outcome of writers at once', async () => {
    await using storage = opened();
    await using second = opened();
    await fc.assert(
      fc.asyncProperty(histories, async (numbers) => {
        const place = `model-${run++}`;
        await holdsLikeModel(storage, place, historyFrom(place, numbers));
      }),
      { numRuns: 20 },
    );
    await fc.assert(
      fc.asyncProperty(fc.tuple(histories, histories, histories), async (numbers) => {
        const place = `writers-${run++}`;
        // The first two write by the same opening, and are committed together.
        await holdsConcurrently(
          [storage, storage, second],
          place,
          numbers.map((history) => historyFrom(place, history)),
        );
      }),
      { numRuns: 20 },
    );
  }, 120_000);
});
