import type * as jest from '@jest/globals';
// eslint-disable-next-line @nx/enforce-module-boundaries -- one table for the tests and for the scripts that run before anything is installed
import { howToInstall, isInstalled } from '../../programs.mjs';

/**
 * Tests that need programs. Where one is missing they are skipped and say why; with CI=true that is
 * a failure. `describe` is Jest's global one: an import of @jest/globals would keep scripts from
 * loading this package.
 */
export function describeWith(programs: readonly string[], title: string, tests: () => void): void {
  const { describe, it } = globalThis as unknown as typeof jest;
  const absent = programs.find((name) => !isInstalled(name));
  if (absent === undefined) return describe(title, tests);
  if (process.env.CI === 'true')
    return describe(title, () => {
      it('has what it needs', () => {
        throw new Error(howToInstall(absent));
      });
    });
  return describe.skip(`${title} (skipped: ${howToInstall(absent)})`, tests);
}
