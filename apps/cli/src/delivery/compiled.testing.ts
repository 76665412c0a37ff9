import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, symlink, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';

/** Puts into a copy of the sources what `npm run build` makes of them, without its minute of type checks; the program as it is built for all tests. */
export async function compile(checkout: string, copy: string): Promise<void> {
  await cp(join(checkout, 'apps/cli/dist'), join(copy, 'apps/cli/dist'), { recursive: true });
  const packages = (await readdir(join(copy, 'packages'))).map((one) => `packages/${one}`);
  for (const folder of [...packages, 'apps/server'].map((one) => join(copy, one))) {
    for (const file of (await readdir(join(folder, 'src'), { recursive: true })).filter((one) => one.endsWith('.ts'))) {
      const { outputText } = ts.transpileModule(await readFile(join(folder, 'src', file), 'utf8'), { fileName: file, compilerOptions: options });
      const place = join(folder, 'dist', file.replace(/ts$/, 'js'));
      await mkdir(dirname(place), { recursive: true });
      await writeFile(place, outputText);
    }
  }
  await symlink(join(checkout, 'node_modules'), join(copy, 'node_modules'));
  for (const folder of packages) {
    if ((await readdir(join(copy, folder))).includes('build.mjs')) await promisify(execFile)(process.execPath, ['build.mjs'], { cwd: join(copy, folder) });
  }
  await unlink(join(copy, 'node_modules'));
}

const options: ts.CompilerOptions = { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true, experimentalDecorators: true, rewriteRelativeImportExtensions: true };
