import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '../../..');

/**
 * Regular expressions with a label of a host name in them: its 63 characters, or labels joined by
 * dots.
 */
const labels = [
  /\{0,61\}/,
  /\[[a-z0-9A-Z_-]*a-z[a-z0-9A-Z_-]*\](\{1,63\}|[+*]\)?)?\\\./,
  /\(\??:?\\\.\[[a-z0-9A-Z_-]*a-z/,
  /\\\*\\\.\)\?/,
];

function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!['node_modules', 'dist', 'fixtures'].includes(entry.name)) yield* sources(path);
    } else if (/\.(ts|tsx|mjs)$/.test(entry.name) && !/\.(test|testing)\.ts$/.test(entry.name))
      yield path;
  }
}

it('is the only validator of names in this repository', () => {
  const files = ['packages', 'apps'].flatMap((folder) => [...sources(join(root, folder))]);
  expect(files.length).toBeGreaterThan(300);
  const validators = files.filter((file) => {
    const text = readFileSync(file, 'utf8');
    return labels.some((label) => label.test(text));
  });
  expect(validators.map((file) => relative(root, file))).toEqual([
    'packages/identifier/src/domain-name.ts',
  ]);
});

it('is the only definition of Identifier in this repository', () => {
  const definitions = ['packages', 'apps']
    .flatMap((folder) => [...sources(join(root, folder))])
    .filter((file) => /\b(interface|type) Identifier\b *[{=]/.test(readFileSync(file, 'utf8')));
  expect(definitions.map((file) => relative(root, file))).toEqual([
    'packages/identifier/src/identifier.ts',
  ]);
});
