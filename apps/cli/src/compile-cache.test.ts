import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { removeFolder } from '@acmex/services';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';

let folder: string;
let home: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-compile-cache-'));
  await build({
    entryPoints: [join(import.meta.dirname, 'compile-cache.ts')],
    outfile: join(folder, 'compile-cache.cjs'),
    bundle: true,
    platform: 'node',
    conditions: ['@acmex/source'],
  });
  await writeFile(
    join(folder, 'program.cjs'),
    `require('./compile-cache.cjs').useCompileCache({
      env: process.env, uid: process.getuid?.(), version: process.argv[2] });
    console.log(require('./part.cjs').text());`,
  );
});
beforeEach(async () => {
  home = await mkdtemp(join(folder, 'home-'));
  await writePart('first');
});
afterAll(async () => {
  await removeFolder(folder);
});

/** All parts have the same time and the same size. */
async function writePart(text: string): Promise<void> {
  const path = join(folder, 'part.cjs');
  await writeFile(path, `exports.text = () => '${text.padEnd(9)}'.trim();`);
  await utimes(path, 0, 0);
}

async function run(env: Readonly<Record<string, string>>, version = '1.0.0'): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    [join(folder, 'program.cjs'), version],
    { env },
  );
  return stdout.trim() + stderr;
}

async function cached(at: string): Promise<readonly string[]> {
  const entries = await readdir(at, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
}

describe('the cache of compiled code', () => {
  it('is in a folder that only the user can write, and is used by the next process', async () => {
    await expect(run({ HOME: home })).resolves.toBe('first');
    const [file = ''] = await cached(home);
    expect(file).toContain(join(home, '.cache/acmex/compiled/1.0.0-node-'));
    expect((await stat(join(home, '.cache/acmex'))).mode & 0o777).toBe(0o700);
    const { mtimeMs } = await stat(file);
    await expect(run({ HOME: home })).resolves.toBe('first');
    expect((await stat(file)).mtimeMs).toBe(mtimeMs);
  });

  it('follows a program that changes without a new size or time', async () => {
    await run({ HOME: home });
    await writePart('second');
    await expect(run({ HOME: home })).resolves.toBe('second');
  });

  it('is ignored where a file is damaged', async () => {
    await run({ HOME: home });
    for (const file of await cached(home)) {
      const bytes = await readFile(file);
      bytes.fill(0x41, bytes.length / 2);
      await writeFile(file, bytes);
    }
    await expect(run({ HOME: home })).resolves.toBe('first');
    for (const file of await cached(home)) await writeFile(file, '');
    await expect(run({ HOME: home })).resolves.toBe('first');
  });

  it('is removed with the version that wrote it', async () => {
    await run({ HOME: home });
    await run({ HOME: home }, '1.0.1');
    const files = await cached(home);
    expect(files.length).toBeGreaterThan(0);
    expect(files.filter((file) => file.includes('/1.0.0-'))).toEqual([]);
  });

  it('is not used where others can write its folder, and not where there is none', async () => {
    await run({ HOME: home });
    for (const file of await cached(home)) await rm(file);
    await chmod(join(home, '.cache/acmex'), 0o770);
    await expect(run({ HOME: home })).resolves.toBe('first');
    await expect(cached(home)).resolves.toEqual([]);
    await expect(run({})).resolves.toBe('first');
    await expect(run({ HOME: '/proc' })).resolves.toBe('first');
    await expect(run({ HOME: join(folder, 'part.cjs') })).resolves.toBe('first');
    await expect(run({ XDG_CACHE_HOME: home, NODE_DISABLE_COMPILE_CACHE: '1' })).resolves.toBe(
      'first',
    );
    await expect(cached(home)).resolves.toEqual([]);
  });
});
