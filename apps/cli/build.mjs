// One entry and a chunk for each command: what is not named is not loaded.
import { readFileSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
rmSync('dist', { recursive: true, force: true });
await build({
  entryPoints: ['src/main.ts'],
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  minify: true,
  legalComments: 'linked',
  conditions: ['@acmex/source', 'module'],
  define: { __VERSION__: JSON.stringify(version) },
  // Parts that are CommonJS still ask for require.
  banner: {
    js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
  },
  // The server is a package of its own, which who serves installs beside this one.
  plugins: [
    {
      name: 'server',
      setup: ({ onResolve }) =>
        onResolve({ filter: /^@acmex\/server$/ }, ({ path }) => ({ path, external: true })),
    },
  ],
  logLevel: 'warning',
});
