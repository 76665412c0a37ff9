import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { apiDescription } from '../api-description.ts';

const root = join(import.meta.dirname, '../../../..');

/** Every operation of the API: `GET /api/orders/{id}`. */
const operations = Object.entries(apiDescription('0.0.0').paths).flatMap(([path, methods]) =>
  Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
);

/** Returns the sources of the page that its entry leads to, by static and dynamic imports. */
async function sourcesOfPage(): Promise<readonly string[]> {
  const sources = new Map<string, string>();
  const read = async (file: string): Promise<void> => {
    if (sources.has(file)) return;
    sources.set(file, '');
    const source = await readFile(file, 'utf8');
    sources.set(file, source);
    for (const [, path = ''] of source.matchAll(/(?:from|import\()\s*'(\.[^']+\.tsx?)'/g))
      await read(join(dirname(file), path));
  };
  await read(join(root, 'packages/dashboard/page/main.tsx'));
  return [...sources.values()];
}

/**
 * Returns what a source asks the server: each path as a literal, with the method of the typed client
 * or of `fetch`; GET for a link.
 */
function operationsIn(source: string): readonly string[] {
  const path = /(?:\bapi\s*\.(\w+)\(\s*)?'(\/api\/[^']*)'(?:,\s*\{\s*method: '([A-Z]+)')?/g;
  const asked = [...source.matchAll(path)].map(([, member = '', literal = '', method]) => {
    const methodOfClient = /^[A-Z]+$/.test(member) ? member : 'GET';
    return `${method ?? methodOfClient} ${literal}`;
  });
  return /\bapi\s*\.watchOrder\(/.test(source) ? [...asked, 'GET /api/orders/{id}/events'] : asked;
}

/** Reads which operations the guide says are left out. */
async function leftOut(): Promise<readonly string[]> {
  const guide = await readFile(join(root, 'docs/dashboard.md'), 'utf8');
  const [, section = ''] = guide.split('## What is not in it');
  return [...section.matchAll(/^\| `([A-Z]+ \S+)` +\| \S/gm)].map(([, name = '']) => name);
}

describe('the dashboard', () => {
  it('asks for operations that exist', async () => {
    const asked = (await sourcesOfPage()).flatMap(operationsIn);
    expect(asked.filter((name) => !operations.includes(name))).toEqual([]);
    expect(asked.length).toBeGreaterThan(40);
  });

  it('does everything that the API does, except what its guide lists with a reason', async () => {
    const asked = new Set((await sourcesOfPage()).flatMap(operationsIn));
    const missing = operations.filter((name) => !asked.has(name));
    expect([...(await leftOut())].sort()).toEqual([...missing].sort());
  });

  it.each([
    ["await api.GET('/api/a')", ['GET /api/a']],
    ["api\n  .PATCH(\n    '/api/a/{id}', {", ['PATCH /api/a/{id}']],
    ["api.items('/api/a', {", ['GET /api/a']],
    ["fetch('/api/a', {\n method: 'DELETE'", ['DELETE /api/a']],
    ["new URL('/api/a', location.origin)", ['GET /api/a']],
    ['await api.watchOrder(id)', ['GET /api/orders/{id}/events']],
    ['// GET /api/a and `/api/a`', []],
  ])('is seen to ask in %j', (source, wanted) => {
    expect(operationsIn(source)).toEqual(wanted);
  });
});
