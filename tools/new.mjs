// `npm run new -- package|dns|deploy|storage|channel|endpoint NAME`: writes a part of the house's shape.
// Templates: tools/templates/KIND.mjs.
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { formatted } from './formatted.mjs';

const root = join(import.meta.dirname, '..');
/** What can be made: where it goes, and the folder of the port that it implements. */
const kinds = {
  package: { folder: (name) => `packages/${name}` },
  dns: { folder: (name) => `packages/dns-${name}`, port: 'packages/dns' },
  deploy: { folder: (name) => `packages/deploy-${name}`, port: 'packages/deploy' },
  storage: { folder: (name) => `packages/storage-${name}`, port: 'packages/storage' },
  channel: {
    folder: (name) => `packages/notifications-${name}`,
    port: 'packages/notifications',
  },
  endpoint: { folder: (name) => `apps/server/src/${name}`, port: 'apps/server' },
};

const [kind = '', name = '', ...rest] = process.argv.slice(2);
if (!Object.hasOwn(kinds, kind) || rest.length > 0)
  refuse(`usage: npm run new -- ${Object.keys(kinds).join('|')} NAME`);
const { folder: folderOf, port } = kinds[kind];
const template = join(import.meta.dirname, 'templates', `${kind}.mjs`);
if (!/^[a-z][a-z0-9-]*$/.test(name))
  refuse(
    `${JSON.stringify(name)} is not a valid name: use a-z, 0-9 and -, and begin with a letter`,
  );
if (port && !existsSync(join(root, port)))
  refuse(`${kind} ${name} would implement the port in ${port}, which does not exist`);
if (!existsSync(template))
  refuse(`there is no template for ${kind}: write ${name} after the example of those that exist`);
const folder = folderOf(name);
if (existsSync(join(root, folder))) refuse(`${folder} exists already`);

const { files, mayImport, edits = () => [], next } = await import(template);
const config = mayImport
  ? withScope(readFileSync(join(root, 'eslint.config.mjs'), 'utf8'), name, mayImport)
  : undefined;
const { version } = JSON.parse(readFileSync(join(root, 'packages/clock/package.json'), 'utf8'));
for (const [file, text] of Object.entries(files({ name, version, ...spellings(name) }))) {
  const path = join(root, folder, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, await formatted(path, text), { flag: 'wx' });
}
if (existsSync(join(root, folder, 'package.json')))
  for (const licence of ['LICENSE-APACHE', 'LICENSE-MIT'])
    copyFileSync(join(root, licence), join(root, folder, licence));
if (config)
  writeFileSync(join(root, 'eslint.config.mjs'), await formatted('eslint.config.mjs', config));
for (const { file, before, insert } of edits({ name, version, ...spellings(name) }))
  writeFileSync(join(root, file), await formatted(file, withInserted(file, before, insert)));
console.log(`${folder} is there. Next: ${next(name)}`);

/** The name as other places spell it: dns-hooks, dnsHooks, DnsHooks, DNS_HOOKS. */
function spellings(kebab) {
  const pascal = kebab
    .split('-')
    .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1))
    .join('');
  return {
    camel: pascal.slice(0, 1).toLowerCase() + pascal.slice(1),
    pascal,
    upper: kebab.replaceAll('-', '_').toUpperCase(),
  };
}

/** A file with something more, before the line that is meant. */
function withInserted(file, before, insert) {
  const text = readFileSync(join(root, file), 'utf8');
  const at = text.search(before);
  if (at < 0) refuse(`${file} has no line ${before}`);
  return (
    text.slice(0, at).replace(/\n\n$/, insert.startsWith('import') ? '\n' : '\n\n') +
    insert +
    (insert.startsWith('import') ? '\n' : '') +
    text.slice(at)
  );
}

/** The ESLint configuration with a line that says what the new package may import. */
function withScope(text, scope, targets) {
  const [, head, lines, tail] =
    /^(.*?const mayImport = \{\n)(.*?)(^\};\n.*)$/ms.exec(text) ??
    refuse('eslint.config.mjs has no table mayImport');
  const key = /^\w+$/.test(scope) ? scope : `'${scope}'`;
  if (scope === 'app' || lines.includes(`  ${key}: [`))
    refuse(`eslint.config.mjs uses the scope ${scope} already: choose another name`);
  return `${head}${lines}  ${key}: [${targets.map((target) => `'${target}'`).join(', ')}],\n${tail}`;
}

function refuse(sentence) {
  console.error(`new: ${sentence}`);
  process.exit(2);
}
