// What a program loads: the package with all that it uses, in few files, which takes a fraction of
// the time that its hundreds of modules take.
import { join } from 'node:path';
import { bundle } from '../../tools/bundle.mjs';
import { definingFiles } from '../../tools/defining-files.mjs';

const here = import.meta.dirname;
await bundle({
  absWorkingDir: here,
  entryPoints: ['src/index.ts'],
  outdir: join(here, 'dist/bundle'),
  plugins: [definingFiles],
});
