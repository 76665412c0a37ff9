// Bundles what src/sdk.ts uses of Cloudflare's SDK: installed, the whole of it would be 120 MB.
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const maxBytes = 40_000;
const folder = import.meta.dirname;
const sdk = dirname(createRequire(join(folder, 'src/sdk.ts')).resolve('cloudflare'));
const { name, version, license, repository } = JSON.parse(
  readFileSync(join(sdk, 'package.json'), 'utf8'),
);
const what = `parts of ${name} ${version} (${license}), bundled and minified`;
const outfile = join(folder, 'dist/sdk.js');

const { metafile } = await build({
  entryPoints: [join(folder, 'src/sdk.ts')],
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
  `sdk.js contains ${what}, from ${repository.url}.\nIts licence:\n\n${readFileSync(join(sdk, 'LICENSE'), 'utf8')}`,
);

const outside = Object.values(metafile.outputs)
  .flatMap(({ imports }) => imports)
  .map(({ path }) => path);
const { size } = statSync(outfile);
if (outside.length > 0 || size > maxBytes)
  throw new Error(
    `dist/sdk.js has ${size} bytes and imports ${outside.join(', ') || 'nothing'}; it may have ${maxBytes}, and import nothing: see what Cloudflare's SDK has grown`,
  );
