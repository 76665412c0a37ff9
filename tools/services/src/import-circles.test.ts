import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';

const root = join(import.meta.dirname, '../../..');

/** For each source file of the workspace the files that it imports by path, types included. */
function importGraph(): Map<string, readonly string[]> {
  const files = ['packages', 'apps', 'tools']
    .flatMap((group) => readdirSync(join(root, group)).map((name) => join(group, name, 'src')))
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { encoding: 'utf8', recursive: true }).map((file) =>
        join(folder, file),
      ),
    )
    .filter((file) => file.endsWith('.ts'));
  return new Map(files.map((file) => [file, importsOf(file)]));
}

function importsOf(file: string): readonly string[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(join(root, file), 'utf8'), true, true);
  return importedFiles
    .filter(({ fileName }) => fileName.startsWith('.'))
    .map(({ fileName }) => join(dirname(file), fileName));
}

/**
 * Returns circles of imports, each as a path that ends where it begins: at least one wherever there
 * is any.
 */
function circlesIn(graph: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]) => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
    else if (!done.has(file))
      for (const imported of graph.get(file) ?? []) visit(imported, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return circles;
}

describe('imports', () => {
  it('form no circle, types included', () => {
    const graph = importGraph();
    expect(graph.size).toBeGreaterThan(500);
    expect(graph.get('packages/clock/src/index.ts')).toContain('packages/clock/src/clock.ts');
    expect(circlesIn(graph)).toEqual([]);
  });

  it('are seen as a circle where they lead back', () => {
    const graph = new Map([
      ['order.ts', ['account.ts', 'problem.ts']],
      ['account.ts', ['problem.ts']],
      ['problem.ts', ['errors.ts']],
      ['errors.ts', ['problem.ts']],
    ]);
    expect(circlesIn(graph)).toEqual(['problem.ts → errors.ts → problem.ts']);
  });
});
