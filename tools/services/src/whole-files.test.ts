// One writer of whole files and one check of trusted paths: @acmex/files.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '../../..');

/** Sources of packages and programs, without tests and without @acmex/files. */
const sources = ['packages', 'apps'].flatMap((group) =>
  readdirSync(join(root, group)).flatMap((name) => sourcesIn(join(root, group, name, 'src'))),
);

function sourcesIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourcesIn(path);
    return /\.ts$/.test(entry.name) && !/\.(test|testing)\.ts$/.test(entry.name) ? [path] : [];
  });
}

/**
 * Runs before anything else is loaded and while the process ends, where nothing can be awaited. What
 * it writes is worth nothing after a crash.
 */
const compileCache = 'apps/cli/src/compile-cache.ts';

function filesWith(pattern: RegExp): readonly string[] {
  return sources
    .filter((path) => pattern.test(readFileSync(path, 'utf8')))
    .map((path) => relative(root, path))
    .filter((path) => !path.startsWith('packages/files/'))
    .sort();
}

describe('the sources', () => {
  it('are many', () => {
    expect(sources.length).toBeGreaterThan(100);
  });
  it('write whole files by @acmex/files only', () => {
    // The storage commits by renames of its own.
    expect(filesWith(/\b(rename|symlink)\b[^;]*\} from 'node:fs/)).toEqual([
      'packages/storage-file/src/disk.ts',
    ]);
    // The storage flushes new files by its journal.
    expect(filesWith(/\bwriteFile(Sync)?\b[^;]*\} from 'node:fs/)).toEqual([
      compileCache,
      'packages/storage-file/src/disk.ts',
    ]);
    // A lineage flushes its folder by @acmex/files.
    expect(filesWith(/'wx\+?'|\.(data)?sync\(\);|O_CREAT|O_EXCL/)).toEqual([
      compileCache,
      'packages/deploy/src/directory.ts',
      'packages/storage-file/src/disk.ts',
    ]);
  });
  it('check who can change a path by @acmex/files only', () => {
    // A file with a credential has a stricter rule: no one else may read it.
    expect(filesWith(/0o0?22\b|0o1000\b/)).toEqual([compileCache]);
  });
  it('put the codes of file errors into words by @acmex/files only', () => {
    expect(filesWith(/ENOSPC: |EROFS: /)).toEqual([]);
  });
});
