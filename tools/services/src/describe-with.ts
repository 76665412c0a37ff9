import type * as jest from '@jest/globals';
// eslint-disable-next-line @nx/enforce-module-boundaries -- one table for the tests and for the scripts that run before anything is installed
import { whyUnusable } from '../../programs.mjs';

/**
 * Tests that need programs. Where a program is missing, or may not be started, they are skipped and
 * say why; with CI=true that is a failure. `describe` is Jest's global one: an import of
 * @jest/globals would keep scripts from loading this package.
 */
export function describeWith(programs: readonly string[], title: string, tests: () => void): void {
  const { describe, it } = globalThis as unknown as typeof jest;
  const reason = programs.map(whyUnusable).find((text) => text !== undefined);
  if (reason === undefined) return describe(title, tests);
  if (process.env.CI === 'true')
    return describe(title, () => {
      it('has what it needs', () => {
        throw new Error(reason);
      });
    });
  return describe.skip(`${title} (skipped: ${reason})`, tests);
}
