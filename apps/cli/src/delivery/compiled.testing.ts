import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, symlink, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';

/**
 * Compiles a copy of the sources as `npm run build` does, without its type checks; the program
 * itself is the one built for all tests.
 */
export async function compile(checkout: string, copy: string): Promise<void> {
  await cp(join(checkout, 'apps/cli/dist'), join(copy, 'apps/cli/dist'), { recursive: true });
  const packages = (await readdir(join(copy, 'packages'))).map((name) => `packages/${name}`);
  const folders = [...packages, 'apps/server'];
  await Promise.all(folders.map(async (folder) => await compileFolder(join(copy, folder))));
  await symlink(join(checkout, 'node_modules'), join(copy, 'node_modules'));
  for (const folder of folders) {
    if ((await readdir(join(copy, folder))).includes('build.mjs'))
      await promisify(execFile)(process.execPath, ['build.mjs'], { cwd: join(copy, folder) });
  }
  await unlink(join(copy, 'node_modules'));
}

async function compileFolder(folder: string): Promise<void> {
  const entryPoints = (await readdir(join(folder, 'src'), { recursive: true }))
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, 'src', file));
  const { outputFiles } = await build({
    entryPoints,
    outbase: join(folder, 'src'),
    outdir: join(folder, 'dist'),
    target: 'es2023',
    format: 'esm',
    platform: 'node',
    tsconfigRaw: { compilerOptions: { experimentalDecorators: true, verbatimModuleSyntax: true } },
    write: false,
  });
  for (const { path, text } of outputFiles) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text.replaceAll(/\b(from |import ?\(?)"(\.[^"]*)\.ts"/g, '$1"$2.js"'));
  }
}
