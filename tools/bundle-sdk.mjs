// Bundles what a package uses of a vendor's SDK: installed, the whole of it would be too heavy.
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

/**
 * Writes `dist/sdk.js` of a package from its `src/sdk.ts`, and the licence of the SDK beside it.
 * @param folder of the package
 * @param sdk the npm package of the SDK
 * @throws Error where the bundle imports something, or is larger than `maxBytes`
 */
export async function bundleSdk({ folder, sdk, maxBytes }) {
  const source = join(folder, 'src/sdk.ts');
  const installed = dirname(createRequire(source).resolve(sdk));
  const { name, version, license, repository } = JSON.parse(
    readFileSync(join(installed, 'package.json'), 'utf8'),
  );
  const what = `parts of ${name} ${version} (${license}), bundled and minified`;
  const outfile = join(folder, 'dist/sdk.js');
  const { metafile } = await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    minify: true,
    metafile: true,
    banner: { js: `// Contains ${what}: see THIRD-PARTY.txt` },
    logLevel: 'warning',
  });
  writeFileSync(
    join(folder, 'dist/THIRD-PARTY.txt'),
    `sdk.js contains ${what}, from ${repository.url}.\nIts licence:\n\n${readFileSync(join(installed, 'LICENSE'), 'utf8')}`,
  );
  const outside = Object.values(metafile.outputs)
    .flatMap(({ imports }) => imports)
    .map(({ path }) => path);
  const { size } = statSync(outfile);
  if (outside.length > 0 || size > maxBytes)
    throw new Error(
      `dist/sdk.js has ${size} bytes and imports ${outside.join(', ') || 'nothing'}; it may have ${maxBytes}, and import nothing: see what the SDK ${name} has grown`,
    );
}
