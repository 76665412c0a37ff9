// Writes the reference that is made from the code; with --check it only says what is out of date.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { packages, root } from './packages.mjs';

const generators = [{ file: 'docs/errors.md', make: errors }];

let stale = 0;
for (const { file, make } of generators) {
  const text = await make();
  const path = join(root, file);
  if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
  stale++;
  if (process.argv.includes('--check')) console.error(`${file} is out of date: run npm run docs`);
  else writeFileSync(path, text);
}
if (process.argv.includes('--check')) process.exitCode = stale > 0 ? 1 : 0;

/** The tables of all `errors.ts`. */
async function errors() {
  const sections = [];
  for (const { folder, manifest } of packages().filter((one) => existsSync(join(root, one.folder, 'src/errors.ts')))) {
    const tables = Object.entries(await load(join(root, folder, 'src/errors.ts'))).filter(([name]) => name.endsWith('Errors'));
    const rows = tables.flatMap(([, table]) => Object.entries(table)).map(([code, { meaning, cure, exit, http }]) => `| \`${code}\` | ${meaning} | ${cure} | ${exit} | ${http} |`);
    if (rows.length > 0) sections.push([`## ${manifest.name}`, '', '| code | meaning | cure | exit code | HTTP status |', '|---|---|---|---|---|', ...rows, ''].join('\n'));
  }
  if (sections.length === 0) throw new Error('no table of errors was found');
  return `# Errors\n\nEvery error has a stable \`code\`; it is never renamed. The exit code is the one of \`acmex\`, the HTTP status the one of a service that passes the error on. This page is made from the code.\n\n${sections.join('\n')}`;
}

/** The exports of a TypeScript module. */
async function load(entry) {
  const { outputFiles: [{ text }] } = await build({ entryPoints: [entry], bundle: true, write: false, format: 'esm', platform: 'node', conditions: ['@acmex/source'], logLevel: 'warning' });
  return await import(`data:text/javascript;base64,${Buffer.from(text).toString('base64')}`);
}
