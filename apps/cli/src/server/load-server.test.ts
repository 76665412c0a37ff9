import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { removeFolder } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-load-server-'));
  await build({
    entryPoints: [join(import.meta.dirname, 'load-server.ts')],
    outfile: join(folder, 'load-server.mjs'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    conditions: ['@acmex/source', 'module'],
    external: ['@acmex/server'],
  });
});
afterAll(async () => {
  await removeFolder(folder);
});

/** What Node.js makes of the import where these files are, in a process that knows no sources. */
async function loaded(files: Readonly<Record<string, string>>): Promise<string> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, 'node_modules/@acmex/server', name);
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, content);
  }
  const code = `import { loadServer } from './load-server.mjs';
    console.log(await loadServer().then(({ serve }) => serve(), ({ code, message }) => code + ': ' + message));`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', code],
    { cwd: folder, env: {} },
  );
  return stdout.trim();
}
const manifest = {
  'package.json': JSON.stringify({
    name: '@acmex/server',
    type: 'module',
    exports: {
      '.': { '@acmex/source': './src/index.ts', default: './dist/index.js' },
      './package.json': './package.json',
    },
  }),
};

describe('acmex serve', () => {
  it('says how to get what is missing: the package, its build, or a package that it needs (T3)', async () => {
    await expect(loaded({})).resolves.toBe(
      'ERR_CLI_PACKAGE: the server is a separate package: run npm install @acmex/server where @acmex/cli is installed',
    );
    await expect(loaded(manifest)).resolves.toBe(
      'ERR_CLI_PACKAGE: the server is not built yet: run npm run build in the checkout',
    );
    const needs = "import 'fastify'; export const serve = () => 'serving';";
    await expect(loaded({ 'dist/index.js': needs })).resolves.toBe(
      'ERR_CLI_PACKAGE: the server needs a package that is missing: run npm install where @acmex/server is installed, or npm run build in a checkout',
    );
    const whole = "export const serve = () => 'serving';";
    await expect(loaded({ 'dist/index.js': whole })).resolves.toBe('serving');
  });
});

it('is the only package that the program does not contain, besides one that the SDK of AWS can do without', async () => {
  const program = join(import.meta.dirname, '../../dist');
  const packages = new Set<string>();
  for (const file of await readdir(program)) {
    const text = file.endsWith('.cjs') ? await readFile(join(program, file), 'utf8') : '';
    for (const [, name = ''] of text.matchAll(/\brequire\("([^"./][^"]*)"\)/g))
      if (!isBuiltin(name)) packages.add(name);
  }
  expect([...packages].sort()).toEqual(['@acmex/server', '@aws-sdk/signature-v4-crt']);
});
