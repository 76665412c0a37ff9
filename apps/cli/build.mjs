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
  plugins: [
    {
      // A package of its own, installed beside this one for \`acmex serve\`. \`external\` would leave out
      // its parts for other commands too.
      name: 'server',
      setup: ({ onResolve }) =>
        onResolve({ filter: /^@acmex\/server$/ }, ({ path }) => ({ path, external: true })),
    },
  ],
});
