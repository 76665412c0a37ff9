import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Costs, type Counts, limits, notLoaded, toleranceOf } from './limits.testing.ts';
import { builtPrograms, loadedModules, type Programs } from './loaded-modules.testing.ts';

/** With these, nothing is collected and no code is optimized: the same work allocates the same. */
const steadyHeap = [
  ...['--expose-gc', '--min-semi-space-size=128', '--max-semi-space-size=128'],
  ...['--no-opt', '--no-maglev'],
];

let costs: Costs;
let modules: Costs;
beforeAll(async () => {
  await using programs = await builtPrograms();
  const [counted, loaded] = await Promise.all([countedIn(programs), loadedModules(programs)]);
  modules = loaded;
  const summed = Object.entries(loaded).map(([title, files]) => [title, sumOf(files)]);
  costs = { ...counted, ...(Object.fromEntries(summed) as Costs) };
});

async function countedIn({ folder }: Programs): Promise<Costs> {
  const program = join(folder, 'counted.mjs');
  const { stdout } = await promisify(execFile)(process.execPath, [...steadyHeap, program]);
  return JSON.parse(stdout) as Costs;
}

function sumOf({ '@acmex': sources = 0, ...packages }: Counts): Counts {
  const files = Object.values(packages).reduce((sum, count) => sum + count, 0);
  return {
    '@acmex': sources,
    packages: Object.keys(packages).length,
    'files of packages': files,
  };
}

/** Returns what costs more than its limit, in words. */
function excess(title: string, counts: Counts, limit: Counts): readonly string[] {
  return Object.entries(counts)
    .filter(([kind, count]) => count > (limit[kind] ?? 0) * toleranceOf(title, kind))
    .map(([kind, count]) => `${kind} is ${count}, and may be ${limit[kind] ?? 0}`);
}

/** Writes to the output, for a person, which limits are far higher than what they limit. */
function reportLooseLimits(title: string, counts: Counts, limit: Counts): void {
  for (const [kind, highest] of Object.entries(limit)) {
    const count = counts[kind] ?? 0;
    if (count < (0.8 * highest) / toleranceOf(title, kind))
      process.stderr.write(
        `${title}: ${kind} is ${count}, and may be ${highest}: lower the limit\n`,
      );
  }
}

describe('what work costs', () => {
  it.each(Object.entries(limits))('%s: no more than it may', (title, limit) => {
    const counts = costs[title] ?? {};
    expect(Math.max(...Object.values(counts))).toBeGreaterThan(0);
    reportLooseLimits(title, counts, limit);
    const tooMuch = excess(title, counts, limit);
    const list = Object.entries(modules[title] ?? {}).map(([name, files]) => `${name} ${files}`);
    expect(tooMuch.length > 0 ? [...tooMuch, ...list.sort()] : []).toEqual([]);
  });

  it('has a limit wherever it is counted', () => {
    expect(Object.keys(costs).sort()).toEqual(Object.keys(limits).sort());
  });
});

describe('what a program does not need', () => {
  it.each(Object.entries(notLoaded))('is not among the %s', (title, names) => {
    expect(names.filter((name) => modules[title]?.[name] !== undefined)).toEqual([]);
  });

  it('has the name of an installed package', () => {
    const root = join(import.meta.dirname, '../../../..');
    const isInstalled = (name: string) =>
      ['.', 'apps/cli'].some((place) => existsSync(join(root, place, 'node_modules', name)));
    const names = Object.values(notLoaded).flat();
    expect(names.filter((name) => !isInstalled(name))).toEqual([]);
  });
});
