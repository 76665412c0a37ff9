// @acmex/services is TypeScript that no one builds: for a script it is bundled into memory's
// neighbour, a temporary file.
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');

/** @returns the exports of @acmex/services */
export async function loadServices() {
  const folder = await mkdtemp(join(root, 'node_modules', '.acmex-services-'));
  const outfile = join(folder, 'services.mjs');
  try {
    await build({
      entryPoints: [join(root, 'tools/services/src/index.ts')],
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      packages: 'external',
      external: ['@jest/globals'],
      conditions: ['@acmex/source'],
      alias: { '@acmex/clock': join(root, 'packages/clock/src/index.ts') },
      logLevel: 'warning',
    });
    return await import(pathToFileURL(outfile).href);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
