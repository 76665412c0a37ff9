import { describe, it } from '@jest/globals';
import { howToInstall, isInstalled } from '../../programs.mjs';

/**
 * Tests that need programs. Where one is missing they are skipped and say why; with CI=true that is a failure.
 */
export function describeWith(programs: readonly string[], title: string, tests: () => void): void {
  const absent = programs.find((name) => !isInstalled(name));
  if (absent === undefined) return describe(title, tests);
  if (process.env.CI === 'true') return describe(title, () => { it('has what it needs', () => { throw new Error(howToInstall(absent)); }); });
  return describe.skip(`${title} (skipped: ${absent} is not installed)`, tests);
}
