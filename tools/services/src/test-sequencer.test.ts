import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '../../..');
const { default: SlowFirstSequencer, slowFiles } = await import(
  new URL('../../test-sequencer.mjs', import.meta.url).href
);

describe('the order of the test files', () => {
  const testOf = (path: string, size: number) => ({
    path: join(root, path),
    context: { config: { cache: false, id: 'x' }, hasteFS: { getSize: () => size } },
  });

  it('starts the files that take longest first, and the others by their size', () => {
    const [slowest, second] = slowFiles as readonly [string, string];
    const sequencer = new SlowFirstSequencer({});
    const tests = [
      testOf('packages/a/src/small.test.ts', 1),
      testOf(second, 2),
      testOf('packages/a/src/large.test.ts', 3),
      testOf(slowest, 4),
    ];
    expect((sequencer.sort(tests) as typeof tests).map(({ path }) => path)).toEqual(
      [slowest, second, 'packages/a/src/large.test.ts', 'packages/a/src/small.test.ts'].map(
        (path) => join(root, path),
      ),
    );
  });

  it('names files that exist', () => {
    expect(
      (slowFiles as readonly string[]).filter((path) => !existsSync(join(root, path))),
    ).toEqual([]);
  });
});
