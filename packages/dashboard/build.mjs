// Bundles the page: scripts and styles with hashes in their names, compressed once, and a list of
// them for `dashboardFiles`.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const here = import.meta.dirname;
const outdir = join(here, 'dist/page');
rmSync(outdir, { recursive: true, force: true });
mkdirSync(outdir, { recursive: true });

const { outputFiles, metafile } = await build({
  absWorkingDir: here,
  entryPoints: { main: 'page/main.tsx', style: 'page/style/main.css' },
  outdir,
  write: false,
  metafile: true,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'browser',
  target: ['es2022', 'chrome123', 'firefox120', 'safari17.5'],
  minify: true,
  charset: 'utf8',
  legalComments: 'none',
  conditions: ['@acmex/source', 'module'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  entryNames: '[name]-[hash]',
  chunkNames: 'part-[hash]',
  assetNames: '[name]-[hash]',
  tsconfigRaw: {},
  logLevel: 'warning',
});

const addressOf = (path) => `/assets/${basename(path)}`;
const outputs = Object.entries(metafile.outputs);
const loadingOf = new Map(outputs.map(([name, output]) => [addressOf(name), loading(output)]));
const entries = outputFiles.map(({ path, contents }) => ({
  ...written({ path: addressOf(path), contents, immutable: true }),
  ...loadingOf.get(addressOf(path)),
}));
const byEntryPoint = (entryPoint) =>
  addressOf(outputs.find(([, output]) => output.entryPoint === entryPoint)[0]);
const html = readFileSync(join(here, 'page/index.html'), 'utf8')
  .replace('main.tsx', byEntryPoint('page/main.tsx'))
  .replace('style/main.css', byEntryPoint('page/style/main.css'))
  .replace('icon.svg', icon());
entries.push(written({ path: '/', contents: Buffer.from(html), immutable: false }));
writeFileSync(join(outdir, 'manifest.json'), JSON.stringify(entries));
licences();

/** Where a file begins in the sources, and what a browser loads with it. */
function loading({ entryPoint, imports }) {
  const scripts = imports.filter(({ kind }) => kind === 'import-statement');
  return { source: entryPoint, imports: scripts.map(({ path }) => addressOf(path)) };
}

function icon() {
  const contents = readFileSync(join(here, 'page/icon.svg'));
  const entry = written({
    path: `/assets/icon-${hashOf(contents).slice(0, 8)}.svg`,
    contents,
    immutable: true,
  });
  entries.push(entry);
  return entry.path;
}

function written({ path, contents, immutable }) {
  const file = path === '/' ? 'index.html' : basename(path);
  const bytes = Buffer.from(contents);
  const brotli = brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
  const isCompressed = brotli.length < bytes.length * 0.9;
  writeFileSync(join(outdir, file), bytes);
  if (isCompressed) {
    writeFileSync(join(outdir, `${file}.br`), brotli);
    writeFileSync(join(outdir, `${file}.gz`), smallestGzip(bytes));
  }
  const ending = /[^.]+$/.exec(file)[0];
  const contentType = {
    js: 'text/javascript; charset=utf-8',
    css: 'text/css; charset=utf-8',
    html: 'text/html; charset=utf-8',
    svg: 'image/svg+xml',
  }[ending];
  return { path, file, contentType, etag: `"${hashOf(bytes)}"`, immutable, isCompressed };
}

/** The best length of blocks depends on the mix of code and texts. */
function smallestGzip(bytes) {
  const [smallest] = [5, 6, 7, 8, 9]
    .map((memLevel) => gzipSync(bytes, { level: 9, memLevel }))
    .sort((a, b) => a.length - b.length);
  return smallest;
}

function hashOf(bytes) {
  return createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
}

/** The licences of what the page contains go with it. */
function licences() {
  const folders = new Set(
    Object.keys(metafile.inputs)
      .map(
        (input) =>
          /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(relative(here, join(here, input)))?.[1],
      )
      .filter((folder) => folder !== undefined),
  );
  const texts = [...folders].sort().map((folder) => {
    const { name, version } = JSON.parse(readFileSync(join(here, folder, 'package.json'), 'utf8'));
    return `${name} ${version}\n\n${readFileSync(join(here, folder, 'LICENSE'), 'utf8')}`;
  });
  writeFileSync(join(outdir, 'LICENSES.txt'), texts.join('\n\n'));
}
