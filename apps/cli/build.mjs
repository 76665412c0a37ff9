// One entry and a chunk for each command: what is not named is not loaded.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from '../../tools/bundle.mjs';

const here = import.meta.dirname;
const { version } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
await bundle({
  absWorkingDir: here,
  entryPoints: ['src/main.ts'],
  outdir: join(here, 'dist'),
  define: { __VERSION__: JSON.stringify(version) },
  // The server is a package of its own, which who serves installs beside this one.
  external: ['@acmex/server'],
});
