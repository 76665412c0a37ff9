import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { removeFolder } from './temporary-folder.ts';

const root = join(import.meta.dirname, '../../..');
let copy: string;

/** A workspace of nothing but the scripts, the ESLint configuration and one package. */
beforeEach(async () => {
  copy = await mkdtemp(join(tmpdir(), 'acmex-generators-'));
  for (const file of [
    'tools/new.mjs',
    'tools/docs.mjs',
    'tools/formatted.mjs',
    'tools/packages.mjs',
    'tools/templates',
    'eslint.config.mjs',
    '.prettierrc.json',
    'LICENSE-APACHE',
    'LICENSE-MIT',
    'packages/clock/package.json',
  ]) {
    await cp(join(root, file), join(copy, file), { recursive: true });
  }
  await mkdir(join(copy, 'apps'));
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
});
afterEach(() => removeFolder(copy));

const run = (script: string, ...args: string[]) =>
  new Promise<{ code: number; output: string }>((resolve) => {
    execFile(process.execPath, [join(copy, 'tools', script), ...args], (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
    );
  });
const text = (file: string) => readFile(join(copy, file), 'utf8');

describe('npm run new', () => {
  it('writes a package, and what it may import', async () => {
    expect(await run('new.mjs', 'package', 'dns-hooks')).toMatchObject({
      code: 0,
      output: expect.stringContaining('npm install'),
    });
    expect(JSON.parse(await text('packages/dns-hooks/package.json'))).toMatchObject({
      name: '@acmex/dns-hooks',
      nx: { tags: ['scope:dns-hooks'] },
    });
    expect(await text('packages/dns-hooks/src/errors.ts')).toContain('ERR_DNS_HOOKS_INPUT');
    expect(await text('eslint.config.mjs')).toContain("\n  'dns-hooks': ['errors'],\n};\n");
  });
  it('writes a channel that is held against the contract, once its port exists', async () => {
    await mkdir(join(copy, 'packages/notifications'));
    expect(await run('new.mjs', 'channel', 'matrix')).toMatchObject({
      code: 0,
      output: expect.stringContaining('packages/notifications-matrix/src/matrix-channel.ts'),
    });
    const folder = 'packages/notifications-matrix';
    expect(JSON.parse(await text(`${folder}/package.json`))).toMatchObject({
      name: '@acmex/notifications-matrix',
      nx: { tags: ['scope:matrix'] },
    });
    expect(await text(`${folder}/src/matrix-channel.ts`)).toContain('matrixChannel({ token }');
    expect(await text(`${folder}/src/matrix-channel.test.ts`)).toContain(
      'it.each(channelContract)',
    );
    expect(await text('eslint.config.mjs')).toContain(
      "\n  matrix: ['clock', 'egress', 'errors', 'notifications'],\n};\n",
    );
  });
  it('overwrites nothing, and takes no odd name', async () => {
    const before = await text('eslint.config.mjs');
    for (const args of [
      ['package', 'clock'],
      ['package', '../x'],
      ['package', 'Clock'],
      ['package', 'services'],
      ['package'],
      ['thing', 'x'],
      ['constructor', 'x'],
    ]) {
      expect(await run('new.mjs', ...args)).toMatchObject({
        code: 2,
        output: expect.stringMatching(/^new: .+\n$/),
      });
    }
    expect(await text('eslint.config.mjs')).toBe(before);
  });
  it('makes no driver before its port exists', async () => {
    expect(await run('new.mjs', 'storage', 'redis')).toEqual({
      code: 2,
      output:
        'new: storage redis would implement the port in packages/storage, which does not exist\n',
    });
  });
});

describe('npm run docs', () => {
  const table = async (meaning: string) => {
    const file = join(copy, 'packages/clock/src/errors.ts');
    await mkdir(dirname(file), { recursive: true });
    await writeFile(
      file,
      `export const clockErrors = { ERR_CLOCK_X: { meaning: '${meaning}', cure: 'None.', exit: 3, http: 500 } } as const;\nexport class ClockError extends Error {}\n`,
    );
  };
  it('writes each code into a row, and --check says which file no longer agrees', async () => {
    await table('A | B.');
    expect(await run('docs.mjs', '--check')).toEqual({
      code: 1,
      output: 'docs/errors.md is out of date: run npm run docs\n',
    });
    expect(await run('docs.mjs')).toMatchObject({ code: 0 });
    expect(await text('docs/errors.md')).toContain(
      '## @acmex/clock\n\n| code | meaning | cure | exit code | HTTP status |\n|---|---|---|---|---|\n| `ERR_CLOCK_X` | A \\| B. | None. | 3 | 500 |\n',
    );
    expect(await run('docs.mjs', '--check')).toEqual({ code: 0, output: '' });
    await table('Changed.');
    expect((await run('docs.mjs', '--check')).code).toBe(1);
  });
  it('fails rather than write a page without errors', async () => {
    expect(await run('docs.mjs')).toMatchObject({
      code: 1,
      output: expect.stringContaining('no errors.ts was found'),
    });
  });
});
