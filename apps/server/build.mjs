// What a process loads: the server with all its packages, in few files.
import { join } from 'node:path';
import { bundle } from '../../tools/bundle.mjs';

const here = import.meta.dirname;
await bundle({
  absWorkingDir: here,
  entryPoints: ['src/index.ts', 'src/agents.ts', 'src/keys.ts'],
  outdir: join(here, 'dist/bundle'),
  // It reads files beside its own.
  external: ['@bull-board/*'],
});
