import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
// eslint-disable-next-line @nx/enforce-module-boundaries -- one rule for the tests and for the builds
import { installedPackages } from '../../bundle.mjs';

/**
 * Builds a program of the checkout from its sources, as one file with all packages that it loads.
 * Nothing has to be built before, and a process starts in a third of the time that it takes with the
 * packages as they are installed.
 * @param entryPoint its first source file
 * @param options `define`: what esbuild puts in place of some names
 * @returns the file, which ends with this process
 */
export async function bundledProgram(
  entryPoint: string,
  { define = {} }: { readonly define?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  // Packages that are not in it are found from here.
  const folder = join(import.meta.dirname, '../../../node_modules/.cache/acmex-programs');
  const file = join(folder, `${process.pid}-${randomBytes(4).toString('hex')}.mjs`);
  await mkdir(folder, { recursive: true });
  await build({
    entryPoints: [entryPoint],
    outfile: file,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['@acmex/source'],
    logLevel: 'warning',
    keepNames: true,
    define: { ...define },
    plugins: [installedPackages],
    // It reads files beside its own.
    external: ['@bull-board/*'],
    // Packages in CommonJS load others with require.
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
    tsconfigRaw: { compilerOptions: { experimentalDecorators: true } },
  });
  process.on('exit', () => {
    rmSync(file, { force: true });
  });
  return file;
}
