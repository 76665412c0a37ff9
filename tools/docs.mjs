// Writes the reference that is made from the code; with --check it only says what is out of date.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { build } from 'esbuild';
import { packages, root } from './packages.mjs';

const program = join(root, 'apps/cli/src/program.ts');
const generators = [
  { file: 'docs/errors.md', make: errors },
  { file: 'docs/cli.md', from: 'apps/cli/src/program.ts', make: commands },
  { file: 'docs/configuration.md', from: 'packages/config/src/reference.ts', make: configuration },
  { file: 'docs/rest-api.md', from: 'apps/server/src/api-description.ts', make: restApi },
  { file: 'docs/dns.md', from: 'packages/config/src/dns/providers.ts', make: dnsProviders },
  { file: 'docs/events.md', from: 'packages/orchestrator/src/events.ts', make: events },
].filter(({ from = '' }) => existsSync(join(root, from)));
const check = process.argv.includes('--check');

for (const { file, make } of generators) {
  const text = await make();
  const path = join(root, file);
  if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
  if (check) {
    console.error(`${file} is out of date: run npm run docs`);
    process.exitCode = 1;
  } else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    console.log(`${file} is written`);
  }
}

/** The tables of all `errors.ts`. */
async function errors() {
  const sections = [];
  for (const { folder, manifest } of packages().filter((one) => existsSync(join(root, one.folder, 'src/errors.ts')))) {
    const tables = Object.entries(await load(join(root, folder, 'src/errors.ts'))).filter(([name]) => name.endsWith('Errors')).map(([, table]) => table);
    if (tables.length === 0) throw new Error(`${folder}/src/errors.ts exports no table named …Errors`);
    sections.push([`## ${manifest.name}`, '', '| code | meaning | cure | exit code | HTTP status |', '|---|---|---|---|---|', ...tables.flatMap(Object.entries).map(row), ''].join('\n'));
  }
  if (sections.length === 0) throw new Error('no errors.ts was found');
  return `# Errors\n\nEvery error has a stable \`code\`; it is never renamed. The exit code is the one of \`acmex\`, the HTTP status the one of a service that passes the error on. This page is made from the code.\n\n${sections.join('\n')}`;
}

function row([code, { meaning, cure, exit, http }]) {
  const cells = [`\`${code}\``, meaning, cure, exit, http];
  if (cells.some((cell) => cell === undefined)) throw new Error(`${code} lacks its meaning, cure, exit code or HTTP status`);
  return `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
}

/** The commands of the program and their flags, as the program itself has them. */
async function commands() {
  // The server is loaded when it is named, and its code is not what this is made from.
  const plugins = [{ name: 'server', setup: ({ onResolve }) => onResolve({ filter: /^@acmex\/server$/ }, ({ path }) => ({ path, external: true })) }];
  const { commandLine } = await load(program, { plugins });
  const nowhere = { write: () => true };
  const inner = (command, path) => (command.commands.length === 0 ? [{ command, path }] : command.commands.flatMap((one) => inner(one, `${path} ${one.name()}`)));
  const sections = inner(commandLine('', { stdout: nowhere, stderr: nowhere }), 'acmex').map(({ command, path }) => {
    const rows = command.options.map(({ flags, description, defaultValue, defaultValueDescription, argChoices }) => {
      const more = [...(argChoices ? [`one of ${argChoices.join(', ')}`] : []), ...(defaultValue === undefined ? [] : [`default ${defaultValueDescription ?? defaultValue}`])];
      return `| \`${flags}\` | ${description}${more.length > 0 ? ` (${more.join('; ')})` : ''} |`;
    });
    return [`## ${[path, ...command.registeredArguments.map((one) => `<${one.name()}>`)].join(' ')}`, '', `${command.description()}.`, '', '| flag | |', '|---|---|', ...rows, ''].join('\n');
  });
  if (sections.length === 0) throw new Error('the program has no commands');
  return `# The command line\n\nThis page is made from the code.\n\n${sections.join('\n')}`;
}

/** Every key of acmex.toml. */
async function configuration() {
  const { configReference } = await load(join(root, 'packages/config/src/reference.ts'));
  return `# acmex.toml

This page is made from the code. [The example](../packages/config/example/acmex.toml) shows every table, [@acmex/config](../packages/config/README.md) says how a file is found, what variables and credentials may stand in it, and who wins; \`acmex config show --origin\` says what holds.

${configReference()}`;
}

/** Who writes records for dns-01. */
async function dnsProviders() {
  const { dnsProviderKinds } = await load(join(root, 'packages/config/src/dns/providers.ts'));
  const kinds = dnsProviderKinds();
  if (kinds.length === 0) throw new Error('there are no DNS providers');
  const sections = kinds.map(({ type, title, package: name, options }) => [`## ${title}`, '', `\`type = "${type}"\`, of [${name}](../packages/${name.replace('@acmex/', '')}/README.md).`, '', '| key | | |', '|---|---|---|', ...options.map((one) => `| \`${one.name}\` | ${[...(one.required ? ['required'] : []), ...(one.credential ? ['a credential'] : [])].join(', ')} | ${one.meaning.replaceAll('|', '\\|')} |`), ''].join('\n'));
  return `# DNS providers

For dns-01, which wildcards need, records are written by one of these: a table \`[[challenge.dns01.providers]]\` of acmex.toml with a \`name\`, its \`type\` and the keys below. \`acmex dns check example.com\` tries it, \`acmex dns trace example.com\` shows where a record goes. Hundreds of other hosts are reached by the hooks that people have for certbot, lego and acme.sh; [a provider of your own](adding-a-dns-provider.md) is a page of code. This page is made from the code.

${sections.join('\n')}`;
}

/** The routes of the server, its scopes and its metrics. */
async function restApi() {
  const [{ apiDescription }, { scopeMeanings }, { metricMeanings }] = await Promise.all(['api-description.ts', 'access/scopes.ts', 'around/metric-meanings.ts'].map((file) => load(join(root, 'apps/server/src', file), { packages: 'external' })));
  const routes = Object.entries(apiDescription('').paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, one]) => `| \`${method.toUpperCase()} ${path}\` | ${one.summary} | ${one.description.replace(/: .*$/, '.')} |`));
  if (routes.length === 0) throw new Error('the server has no routes');
  return `# The REST API

\`/openapi.json\` of a server is the whole description, \`/docs\` shows it to people. [A team's day](server.md) goes through it by curl. This page is made from the code.

| route | | |
|---|---|---|
${routes.join('\n')}

## Scopes

| scope | |
|---|---|
${Object.entries(scopeMeanings).map(([scope, meaning]) => `| \`${scope}\` | ${meaning} |`).join('\n')}

## Metrics

\`metrics.prefix\` of acmex.toml stands in the place of \`acmex\`; those of Node.js are there too.

| metric | |
|---|---|
${Object.entries(metricMeanings).map(([name, meaning]) => `| \`acmex_${name}\` | ${meaning} |`).join('\n')}
`;
}

/** What the outbox tells of. */
async function events() {
  const { eventMeanings } = await load(join(root, 'packages/orchestrator/src/events.ts'));
  const rows = Object.entries(eventMeanings).map(([type, meaning]) => `| \`${type}\` | ${meaning} |`);
  if (rows.length === 0) throw new Error('there are no events');
  return `# Events

Each is written along with the change that it tells of, and comes to every subscriber at least once, under the same id. It holds no private key and no credential. This page is made from the code.

| event | |
|---|---|
${rows.join('\n')}
`;
}

/** The exports of a TypeScript module. */
async function load(entry, options = {}) {
  const banner = { js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire('file:///');" };
  const { outputFiles: [{ text }] } = await build({ entryPoints: [entry], bundle: true, write: false, format: 'esm', platform: 'node', target: 'node20', conditions: ['@acmex/source'], banner, logLevel: 'warning', ...options });
  if (options.packages === 'external') return await importedBeside(entry, text);
  return await import(`data:text/javascript;base64,${Buffer.from(text).toString('base64')}`);
}

/** What it imports by name is found from where it stands. */
async function importedBeside(entry, text) {
  const file = join(dirname(entry), `.docs-${process.pid}-${basename(entry)}.mjs`);
  writeFileSync(file, text);
  try {
    return await import(file);
  } finally {
    rmSync(file);
  }
}
