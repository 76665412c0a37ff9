// Bundles a program: one file for each entry, and chunks that are loaded when they are needed. They
// are CommonJS, which Node.js loads faster than modules, and whose compiled code it can keep.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { build, transform } from 'esbuild';

/**
 * Writes the bundle.
 * @param options of esbuild: `entryPoints`, `outdir`, `external`, and so on
 */
export async function bundle({ outdir, plugins = [], ...options }) {
  rmSync(outdir, { recursive: true, force: true });
  const { outputFiles } = await build({
    outdir,
    write: false,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    minify: true,
    legalComments: 'linked',
    conditions: ['@acmex/source', 'module'],
    tsconfigRaw: { compilerOptions: { experimentalDecorators: true } },
    plugins: [...plugins, installedPackages],
    logLevel: 'warning',
    ...options,
  });
  for (const { path, text } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, path.endsWith('.cjs') ? await asCommonJs(path, text) : text);
  }
}

/** Only bundles of modules are split: each chunk becomes CommonJS afterwards. */
async function asCommonJs(path, text) {
  const { code } = await transform(text, {
    sourcefile: path,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    minify: true,
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': '__fileUrl' },
    banner: text.includes('import.meta.url')
      ? 'const __fileUrl=require("node:url").pathToFileURL(__filename).href;'
      : '',
    logLevel: 'warning',
  });
  return code;
}

/**
 * A plugin of esbuild that leaves out optional packages that are not installed, such as Nest's other
 * transports.
 */
export const installedPackages = {
  name: 'installed packages',
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, async ({ path, pluginData, ...options }) => {
      if (pluginData === installedPackages || options.kind === 'entry-point') return undefined;
      const { errors } = await build.resolve(path, { ...options, pluginData: installedPackages });
      return errors.length > 0 ? { path, external: true } : undefined;
    });
  },
};
