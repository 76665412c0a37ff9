import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { removeFolder, temporaryFolder } from './temporary-folder.ts';

const root = join(import.meta.dirname, '../../..');

describe('a temporary folder', () => {
  it('is gone with all that was in it', async () => {
    const folder = await temporaryFolder('removed');
    await mkdir(join(folder.path, 'a/b'), { recursive: true });
    await writeFile(join(folder.path, 'a/b/c'), 'text');
    await folder[Symbol.asyncDispose]();
    expect(existsSync(folder.path)).toBe(false);
    await removeFolder(folder.path);
  });

  const inUse = process.platform === 'linux' ? it : it.skip;
  inUse.each([
    ['works in it', 'process.stdout.write("ready"); setInterval(() => {}, 1000)'],
    [
      'has a file of it open',
      'fs.openSync(path.join(process.cwd(), "file"), "w"); process.chdir("/"); process.stdout.write("ready"); setInterval(() => {}, 1000)',
    ],
  ])('cannot be removed unnoticed while a process %s', async (_, program) => {
    const folder = await temporaryFolder('in-use');
    const child = spawn(process.execPath, ['-e', program], {
      cwd: folder.path,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'close');
    await once(child.stdout, 'data');
    await expect(folder[Symbol.asyncDispose]()).rejects.toThrow(
      `in use by process ${child.pid} (${process.execPath}`,
    );
    expect(existsSync(folder.path)).toBe(false);
    child.kill('SIGKILL');
    await ended;
  });
});

describe('the tests', () => {
  it('remove their temporary folders by this function only', () => {
    const files = ['packages', 'apps', 'tools'].flatMap((group) =>
      readdirSync(join(root, group)).flatMap((name) => testsIn(join(root, group, name, 'src'))),
    );
    expect(files.length).toBeGreaterThan(300);
    expect(
      files
        .filter((path) =>
          // The whole folder: a test may remove what is below it as an operator would.
          /\brm(Sync)?\(\s*\w+(\.path)?,\s*\{\s*recursive/.test(readFileSync(path, 'utf8')),
        )
        .map((path) => relative(root, path)),
    ).toEqual([]);
  });
});

function testsIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(test|testing)\.ts$/.test(name))
    .map((name) => join(folder, name));
}
