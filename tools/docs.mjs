// Writes the reference that is made from the code; with --check it only says what is out of date.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { build } from 'esbuild';
import { formatted } from './formatted.mjs';
import { packages, root } from './packages.mjs';

const program = join(root, 'apps/cli/src/program.ts');
const generators = [
  // First of all: pages are made from it.
  {
    file: 'packages/config/src/dns/kinds.ts',
    from: 'packages/config/src/dns/kind.ts',
    make: dnsKinds,
  },
  { file: 'docs/errors.md', make: errors },
  { file: 'docs/cli.md', from: 'apps/cli/src/program.ts', make: commands },
  { file: 'docs/configuration.md', from: 'packages/config/src/reference.ts', make: configuration },
  { file: 'docs/rest-api.md', from: 'apps/server/src/api-description.ts', make: restApi },
  { file: 'docs/dns.md', from: 'packages/config/src/dns/providers.ts', make: dnsProviders },
  { file: 'docs/events.md', from: 'packages/orchestrator/src/events.ts', make: events },
].filter(({ from = '' }) => existsSync(join(root, from)));
/** The server and the DNS hosts: nothing is made from their code. */
const loadedWhenNamed = {
  name: 'loaded when named',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^@acmex\/(server|dns-.*)$/ }, ({ path }) => ({ path, external: true })),
};
const check = process.argv.includes('--check');

for (const { file, make } of generators) {
  const text = file.endsWith('.ts') ? await formatted(file, await make()) : await make();
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
  for (const { folder, manifest } of packages().filter((one) =>
    existsSync(join(root, one.folder, 'src/errors.ts')),
  )) {
    const tables = Object.entries(await load(join(root, folder, 'src/errors.ts')))
      .filter(([name]) => name.endsWith('Errors'))
      .map(([, table]) => table);
    if (tables.length === 0)
      throw new Error(`${folder}/src/errors.ts exports no table named …Errors`);
    sections.push(
      [
        `## ${manifest.name}`,
        '',
        '| code | meaning | cure | exit code | HTTP status |',
        '|---|---|---|---|---|',
        ...tables.flatMap(Object.entries).map(row),
        '',
      ].join('\n'),
    );
  }
  if (sections.length === 0) throw new Error('no errors.ts was found');
  return `# Errors\n\nEvery error has a stable \`code\`; it is never renamed. The exit code is the one of \`acmex\`, the HTTP status the one of a service that passes the error on. This page is made from the code.\n\n${sections.join('\n')}`;
}

function row([code, { meaning, cure, exit, http }]) {
  const cells = [`\`${code}\``, meaning, cure, exit, http];
  if (cells.some((cell) => cell === undefined))
    throw new Error(`${code} lacks its meaning, cure, exit code or HTTP status`);
  return `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
}

/** The commands of the program and their flags, as the program itself has them. Flags that commands share are listed once. */
async function commands() {
  const { commandLine, flagGroups } = await load(program);
  const noOutput = { write: () => true };
  const leaves = (command, path) =>
    command.commands.length === 0
      ? [{ command, path }]
      : command.commands.flatMap((inner) => leaves(inner, `${path} ${inner.name()}`));
  const found = leaves(commandLine('', { stdout: noOutput, stderr: noOutput }), 'acmex');
  if (found.length === 0) throw new Error('the program has no commands');
  const options = found.flatMap(({ command }) => command.options);
  const shared = flagGroups.map(({ title, description, flags }) =>
    [
      `### ${title} flags`,
      '',
      description,
      '',
      ...flagTable(
        Object.values(flags).map(({ syntax }) =>
          options.find(
            ({ flags: text, helpGroupHeading }) =>
              text === syntax && helpGroupHeading === `${title}:`,
          ),
        ),
      ),
      '',
    ].join('\n'),
  );
  return `# The command line

This page is made from the code.

## Shared flags

Each command below names the groups of flags that it takes.

${shared.join('\n')}
${found.map(commandSection).join('\n')}`;
}

function commandSection({ command, path }) {
  const titles = new Set(command.options.flatMap(({ helpGroupHeading: title }) => title ?? []));
  const links = [...titles].map((title) => {
    const name = title.replace(/:$/, '');
    return `[${name.toLowerCase()}](#${name.toLowerCase().replaceAll(' ', '-')}-flags)`;
  });
  const own = command.options.filter(({ helpGroupHeading }) => helpGroupHeading === undefined);
  return [
    `## ${[path, ...command.registeredArguments.map((argument) => `<${argument.name()}>`)].join(' ')}`,
    '',
    `${command.description()}.`,
    '',
    ...(own.length > 0 ? [...flagTable(own), ''] : []),
    ...(links.length > 0 ? [`Shared flags: ${links.join(', ')}.`, ''] : []),
  ].join('\n');
}

function flagTable(options) {
  return [
    '| flag | |',
    '|---|---|',
    ...options.map(({ flags, description, defaultValue, defaultValueDescription, argChoices }) => {
      const details = [
        ...(argChoices ? [`one of ${argChoices.join(', ')}`] : []),
        ...(defaultValue === undefined
          ? []
          : [`default ${defaultValueDescription ?? defaultValue}`]),
      ];
      return `| \`${flags}\` | ${description}${details.length > 0 ? ` (${details.join('; ')})` : ''} |`;
    }),
  ];
}

/** Every key of acmex.toml. */
async function configuration() {
  const { configReference } = await load(join(root, 'packages/config/src/reference.ts'));
  return `# acmex.toml

This page is made from the code. [The example](../packages/config/example/acmex.toml) shows every table, [@acmex/config](../packages/config/README.md) says how a file is found, what variables and credentials may stand in it, and who wins; \`acmex config show --origin\` says what holds.

${configReference()}`;
}

/** The kinds of DNS hosts as a module, from what the package.json of each provider says. Those that come in one package with others stand last. */
async function dnsKinds() {
  const described = packages()
    .filter(({ manifest }) => manifest.acmex?.dns)
    .map(
      ({
        folder,
        manifest: {
          name,
          acmex: { dns },
        },
      }) => ({ folder, name, kinds: [dns].flat() }),
    );
  const [hosts, families] = [
    described.filter(({ kinds }) => kinds.length === 1),
    described.filter(({ kinds }) => kinds.length > 1),
  ];
  const kinds = [...hosts, ...families].flatMap(({ kinds: own, ...one }) =>
    own.map((kind) => ({ ...one, kind })),
  );
  const entries = kinds.map(
    ({
      folder,
      name,
      kind: { name: type, title, factory, credentials: options, environment, attended, links },
    }) => {
      const unfit = options.find(
        ({ option, env, description }) => !option || !(env?.length > 0) || !description,
      );
      if (!type || !title || !factory || unfit)
        throw new Error(
          `${folder}/package.json: acmex.dns lacks ${unfit ? 'the option, env or description of a credential' : 'its name, title or factory'}`,
        );
      const { options: rows, ...head } = {
        type,
        title,
        package: name,
        ...(environment ? { environment } : {}),
        ...(attended ? { attended } : {}),
        links,
        options,
      };
      return `  dnsKind({\n    ${literal(head).slice(2, -2)},\n    options: [${rows.map((row) => `\n      ${literal(row)},`).join('')}${rows.length > 0 ? '\n    ' : ''}],\n    load: async () => (await import('${name}')).${factory},\n  }),\n`;
    },
  );
  if (entries.length === 0) throw new Error('there are no DNS providers');
  return `// Made by npm run docs from acmex.dns in the package.json of each provider: change it there.\nimport { dnsKind, type OpenableDnsKind } from './kind.ts';\n\n/** Every kind of DNS host. */\nexport const dnsKinds: readonly OpenableDnsKind[] = [\n${entries.join('')}];\n`;
}

/** A value as TypeScript has it. */
function literal(value) {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value === 'object')
    return Object.keys(value).length === 0
      ? '{}'
      : `{ ${Object.entries(value)
          .map(([key, one]) => `${key}: ${literal(one)}`)
          .join(', ')} }`;
  return typeof value === 'string' ? `'${value.replaceAll(/[\\']/g, '\\$&')}'` : String(value);
}

/** Who writes records for dns-01. */
async function dnsProviders() {
  const { dnsProviderKinds } = await load(join(root, 'packages/config/src/dns/providers.ts'));
  const kinds = packages().flatMap(({ manifest }) => [manifest.acmex?.dns ?? []].flat());
  const sections = dnsProviderKinds().map(
    ({ type, title, package: name, options, links, attended }) => {
      const places = [
        ...(links.api ? [`[reference](${links.api})`] : []),
        ...(links.credentials ? [`[where credentials are made](${links.credentials})`] : []),
      ];
      const { credentials } = kinds.find(({ name: own }) => own === type);
      const rows = options.map(
        (one, at) =>
          `| \`${one.name}\` | ${one.env.map((variable) => `\`${variable}\``).join(', ')} | ${[...(one.required ? ['required'] : credentials[at]?.oneOf ? ['one of these is required'] : []), ...(one.credential ? ['a credential'] : [])].join(', ')} | ${one.meaning.replaceAll('|', '\\|')} |`,
      );
      const body = attended
        ? [
            'A person writes the record: `acmex obtain` shows it, and goes on at Enter or when the record is seen. Nothing renews such a certificate, so it cannot stand in acmex.toml.',
          ]
        : ['| key | variables | | |', '|---|---|---|---|', ...rows];
      return [
        `## ${title}`,
        '',
        `\`${type}\`, of [${name}](../packages/${name.replace('@acmex/', '')}/README.md)${places.length > 0 ? `: ${places.join(', ')}` : ''}.`,
        '',
        ...body,
        '',
        contractText(kinds.find(({ name: own }) => own === type)),
        '',
      ].join('\n');
    },
  );
  return `# DNS providers

For dns-01, which wildcards need, and for dns-account-01 records are written by one of these. \`acmex dns check example.com\` tries it, \`acmex dns trace example.com\` shows where a record goes. Hundreds of other hosts are reached by the hooks that people have for certbot, lego and acme.sh; [a provider of your own](adding-a-dns-provider.md) is a page of code. This page is made from the code.

- **Without a configuration**: \`acmex obtain -c dns-01 --dns-provider cloudflare\` takes what it needs from the variables below, of several for one key the first that is set, and looks at no other. What is missing is named. A timer has another environment than your shell, so a credential must be kept for renewals: \`--save-credentials\` puts the variables into the storage, encrypted where the storage is. It holds each variable once; two accounts at one host are for acmex.toml. A program that writes records also sees what \`--dns-env\` names.
- **In acmex.toml**: a table \`[[challenge.dns01.providers]]\` with a \`name\`, its \`type\` and the keys below.
- **Several accounts**: a table for each, with \`zones\`. A certificate whose names are in zones of two accounts is proven by both. \`example.com\` is about that name and all below it, \`*.example.com\` about all below it, \`*\` about every name; the longest pattern decides, and \`challenge.dns01.provider\` has the rest. A provider that a certificate names writes all its records.

\`\`\`toml
[[challenge.dns01.providers]]
name = "cf-a"
type = "cloudflare"
api_token = "\${CF_A}"
zones = ["a.example"]

[[challenge.dns01.providers]]
name = "cf-b"
type = "cloudflare"
api_token = "\${CF_B}"
zones = ["b.example", "*.c.example"]
\`\`\`

- **Delegation**: where \`_acme-challenge.www.example.com\` is an alias (CNAME), the record is written where that leads, so that only a zone made for it has to be written. \`zones\` are about names of certificates, not about where their aliases lead.
- **Private zones**: a provider that lists its zones (\`visibility = "private"\` of Route 53, Google, Azure and Huawei) is asked for them, and DNS is not; \`--dns-resolver\`, or \`challenge.dns01.resolvers\`, names who can see the records.

${sections.join('\n')}`;
}

/** How far a provider is held against the contract of all. */
function contractText({ contract }) {
  return contract === undefined
    ? 'Held against the whole [contract](../packages/dns/src/contract.ts).'
    : `Of the [contract](../packages/dns/src/contract.ts): ${contract}.`;
}

/** The routes of the server, its scopes and its metrics. */
async function restApi() {
  const [{ apiDescription }, { scopeMeanings }, { metricMeanings }] = await Promise.all(
    ['api-description.ts', 'access/scopes.ts', 'metrics/metric-meanings.ts'].map((file) =>
      load(join(root, 'apps/server/src', file), { packages: 'external' }),
    ),
  );
  const routes = Object.entries(apiDescription('').paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, one]) =>
        `| \`${method.toUpperCase()} ${path}\` | ${one.summary} | ${one.description.replace(/: .*$/, '.')} |`,
    ),
  );
  if (routes.length === 0) throw new Error('the server has no routes');
  return `# The REST API

\`/openapi.json\` of a server is the whole description, \`/docs\` shows it to people. [A team's day](server.md) goes through it by curl. This page is made from the code.

| route | | |
|---|---|---|
${routes.join('\n')}

## Scopes

| scope | |
|---|---|
${Object.entries(scopeMeanings)
  .map(([scope, meaning]) => `| \`${scope}\` | ${meaning} |`)
  .join('\n')}

## Metrics

\`metrics.prefix\` of acmex.toml stands in the place of \`acmex\`; those of Node.js are there too.

| metric | |
|---|---|
${Object.entries(metricMeanings)
  .map(([name, meaning]) => `| \`acmex_${name}\` | ${meaning} |`)
  .join('\n')}
`;
}

/** What the outbox tells of. */
async function events() {
  const { eventMeanings } = await load(join(root, 'packages/orchestrator/src/events.ts'));
  const rows = Object.entries(eventMeanings).map(
    ([type, meaning]) => `| \`${type}\` | ${meaning} |`,
  );
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
  const banner = {
    js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire('file:///');",
  };
  const {
    outputFiles: [{ text }],
  } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['@acmex/source'],
    banner,
    plugins: [loadedWhenNamed],
    logLevel: 'warning',
    ...options,
  });
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
