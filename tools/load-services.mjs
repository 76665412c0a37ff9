// TypeScript that no one builds, for scripts: it is bundled into a temporary file beside what it
// imports.
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');
const packages = ['clock', 'errors', 'identifier', 'pkcs12', 'certificate', 'egress'];

/** Returns the exports of @acmex/services. */
export async function loadServices() {
  return await loadSource('tools/services/src/index.ts');
}

/**
 * Returns the exports of a source file.
 *
 * @param path from the root of the repository
 */
export async function loadSource(path) {
  const folder = await mkdtemp(join(root, 'node_modules', '.acmex-source-'));
  const outfile = join(folder, 'source.mjs');
  try {
    await build({
      entryPoints: [join(root, path)],
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      packages: 'external',
      external: ['@jest/globals'],
      conditions: ['@acmex/source'],
      alias: {
        '@acmex/certificate/structure': join(root, 'packages/certificate/src/structure.ts'),
        ...Object.fromEntries(
          packages.map((name) => [`@acmex/${name}`, join(root, `packages/${name}/src/index.ts`)]),
        ),
      },
      logLevel: 'warning',
    });
    return await import(pathToFileURL(outfile).href);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
