// Writes the reference that is made from the code; with --check it only says what is out of date.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import openapiTS, { astToString } from 'openapi-typescript';
import { formatted } from './formatted.mjs';
import { packages, root } from './packages.mjs';

const program = join(root, 'apps/cli/src/program.ts');
/** The keys that every deploy target has. */
const commonDeployKeys = ['type', 'probe', 'probe_timeout_secs', 'hook'];
const generators = [
  // First of all: pages are made from it.
  {
    file: 'packages/config/src/dns/kinds.ts',
    from: 'packages/config/src/dns/kind.ts',
    make: dnsKinds,
  },
  {
    file: 'packages/config/src/deploy/kinds.ts',
    from: 'packages/config/src/deploy/kind.ts',
    make: deployKinds,
  },
  { file: 'docs/errors.md', make: errors },
  { file: 'docs/cli.md', from: 'apps/cli/src/program.ts', make: commands },
  { file: 'docs/configuration.md', from: 'packages/config/src/reference.ts', make: configuration },
  { file: 'docs/rest-api.md', from: 'apps/server/src/api-description.ts', make: restApi },
  {
    file: 'packages/api/src/rest-api.ts',
    from: 'apps/server/src/api-description.ts',
    make: restApiTypes,
  },
  { file: 'docs/dns.md', from: 'packages/config/src/dns/provider.ts', make: dnsProviders },
  { file: 'docs/check.md', from: 'packages/check/src/errors.ts', make: checkCodes },
  {
    file: 'docs/deploy-targets.md',
    from: 'packages/config/src/deploy/target.ts',
    make: deployTargets,
  },
  { file: 'docs/events.md', from: 'packages/orchestrator/src/event-types.ts', make: events },
  { file: 'docs/metrics.md', from: 'packages/observability/src/metric-table.ts', make: metrics },
  {
    file: 'docs/traces.md',
    from: 'packages/observability/src/tracing/span-table.ts',
    make: traces,
  },
].filter(({ from = '' }) => existsSync(join(root, from)));
/** The server, the DNS hosts and the deploy targets are imported only when they are named. */
const loadedWhenNamed = {
  name: 'loaded when named',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^@acmex\/(server|dns-.*|deploy-.*)$/ }, ({ path }) => ({
      path,
      external: true,
    })),
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

/** Returns the page of errors, from the tables of every `errors.ts`. */
async function errors() {
  const sections = [];
  const withErrors = packages().filter(({ folder }) =>
    existsSync(join(root, folder, 'src/errors.ts')),
  );
  for (const { folder, manifest } of withErrors) {
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
  return `# Errors\n\nEvery error has a stable \`code\`. From the first release on, a code is never renamed. The exit code is that of \`acmex\`; when a certificate was issued and its deployment failed, it is always 8. The HTTP status is that of a service that forwards the error. This page is generated from the code.\n\n${sections.join('\n')}`;
}

function row([code, { meaning, cure, exit, http }]) {
  const cells = [`\`${code}\``, meaning, cure, exit, http];
  if (cells.some((cell) => cell === undefined))
    throw new Error(`${code} lacks its meaning, cure, exit code or HTTP status`);
  return `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
}

/** Returns the page of commands and flags. Flags that commands share are listed once. */
async function commands() {
  const { commandLine, flagGroups } = await load(program);
  const noOutput = { write: () => true };
  const leaves = (command, path) =>
    command.commands.length === 0
      ? [{ command, path }]
      : command.commands.flatMap((inner) => leaves(inner, `${path} ${inner.name()}`));
  const commands = leaves(commandLine('', { stdout: noOutput, stderr: noOutput }), 'acmex');
  if (commands.length === 0) throw new Error('the program has no commands');
  const options = commands.flatMap(({ command }) => command.options);
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

This page is generated from the code.

## Shared flags

Each command below names the groups of flags that it takes.

${shared.join('\n')}
${commands.map(commandSection).join('\n')}`;
}

function commandSection({ command, path }) {
  const titles = new Set(command.options.flatMap(({ helpGroupHeading: title }) => title ?? []));
  const links = [...titles].map((title) => {
    const name = title.replace(/:$/, '');
    return `[${name.toLowerCase()}](#${name.toLowerCase().replaceAll(' ', '-')}-flags)`;
  });
  const unshared = command.options.filter(({ helpGroupHeading }) => helpGroupHeading === undefined);
  return [
    `## ${[path, ...command.registeredArguments.map((argument) => `<${argument.name()}>`)].join(' ')}`,
    '',
    `${command.description()}.`,
    '',
    ...(unshared.length > 0 ? [...flagTable(unshared), ''] : []),
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

/** Returns the page of all keys of acmex.toml. */
async function configuration() {
  const { configReference } = await load(join(root, 'packages/config/src/reference.ts'));
  return `# acmex.toml

This page is generated from the code. [The example](../packages/config/example/acmex.toml) shows every table. [@acmex/config](../packages/config/README.md) documents how a file is found, which variables and credentials it can contain, and which setting wins. \`acmex config show --origin\` prints the settings in effect and where each comes from.

A value that an entry of \`[[certificates]]\` does not have is its default, also after you removed it from the entry: the certificate is then changed, and ordered again where that needs it. Only places that \`acmex obtain\` set stay where an entry has no \`deploy\`, \`hooks\` and \`probe\`. A certificate whose entry is removed stays managed as it is, until \`acmex apply --prune\` retires it.

Files in the folder \`certificates.d\` beside acmex.toml add further certificates with the same keys: see [certificates as code](certificates-as-code.md).

${configReference()}`;
}

/**
 * Returns a module with the kinds of DNS hosts, from the package.json of each provider. Packages
 * with several kinds come last.
 */
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
  const kinds = [...hosts, ...families].flatMap(({ kinds: ofPackage, ...described }) =>
    ofPackage.map((kind) => ({ ...described, kind })),
  );
  const entries = kinds.map(
    ({
      folder,
      name,
      kind: {
        name: type,
        title,
        factory,
        credentials: options,
        instead,
        links,
        foreignNames,
        ...flags
      },
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
        ...(foreignNames ? { foreignNames } : {}),
        package: name,
        ...(flags.environment ? { environment: true } : {}),
        ...(flags.attended ? { attended: true } : {}),
        ...(instead ? { instead } : {}),
        links,
        options,
      };
      return `  dnsKind({\n    ${literal(head).slice(2, -2)},\n    options: [${rows.map((row) => `\n      ${literal(row)},`).join('')}${rows.length > 0 ? '\n    ' : ''}],\n    load: async () => (await import('${name}')).${factory},\n  }),\n`;
    },
  );
  if (entries.length === 0) throw new Error('there are no DNS providers');
  return `// Generated by npm run docs from acmex.dns in the package.json of each provider: change it there.\nimport { dnsKind, type OpenableDnsKind } from './kind.ts';\n\n/** Every kind of DNS host. */\nexport const dnsKinds: readonly OpenableDnsKind[] = [\n${entries.join('')}];\n`;
}

/** Returns the descriptions of deploy targets, from the package.json of each, by their names. */
function describedDeployTargets() {
  return packages()
    .flatMap(({ folder, manifest: { name, acmex } }) =>
      [acmex?.deploy ?? []].flat().map((target) => ({ folder, package: name, ...target })),
    )
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Returns a module with the kinds of deploy targets. */
async function deployKinds() {
  const entries = describedDeployTargets().map(
    ({ folder, package: name, name: type, title, factory, environment, links = {}, options }) => {
      const clash = options?.find(({ option, key = option }) => commonDeployKeys.includes(key));
      if (clash)
        throw new Error(`${folder}/package.json: every target has the key ${clash.option} already`);
      if (
        !type ||
        !title ||
        !factory ||
        !options?.every(({ option, description }) => option && description)
      )
        throw new Error(
          `${folder}/package.json: acmex.deploy lacks its name, title, factory, or the option or description of an option`,
        );
      const head = {
        type,
        title,
        package: name,
        ...(environment ? { environment } : {}),
        links,
        options,
      };
      return `  deployKind({ ${literal(head).slice(2, -2)}, load: async () => (await import('${name}')).${factory} }),\n`;
    },
  );
  if (entries.length === 0) throw new Error('there are no deploy targets');
  return `// Generated by npm run docs from acmex.deploy in the package.json of each target: change it there.\nimport { deployKind, type OpenableDeployKind } from './kind.ts';\n\n/** Every kind of deploy target. */\nexport const deployKinds: readonly OpenableDeployKind[] = [\n${entries.join('')}];\n`;
}

/** Returns the page of deploy targets. */
async function deployTargets() {
  const { deployTargetKinds } = await load(join(root, 'packages/config/src/deploy/target.ts'));
  const described = describedDeployTargets();
  const kinds = deployTargetKinds().map((kind) => ({
    ...kind,
    ...described.find(({ name }) => name === kind.type),
    options: kind.options,
  }));
  const anchor = (title) =>
    title
      .toLowerCase()
      .replaceAll(/[^a-z0-9 -]/g, '')
      .replaceAll(' ', '-');
  const rows = kinds.map(
    ({ type, title, package: name, before }) =>
      `| [\`${type}\`](#${anchor(title)}) | ${title} | ${before} | [${name}](../packages/${name.replace('@acmex/', '')}/README.md) |`,
  );
  const sections = kinds.map(deployTargetSection);
  return `# Deploy targets

A certificate goes to files, with \`deploy\` of its entry in \`acmex.toml\`, and to deploy targets: load balancers, secret stores, other hosts, scripts. A target is a table \`[deploy.NAME]\`; certificates name it in \`deploy_to\`, or \`acmex obtain --deploy-to\` does. [Your own target](adding-a-deploy-target.md) is a page of code. This page is generated from the code.

\`\`\`toml
[deploy.balancer]
type = "acme.sh"
home = "/root/.acme.sh"
script = "haproxy"
probe = "www.example.com:443"

[[certificates]]
names = ["www.example.com"]
deploy_to = ["balancer"]
\`\`\`

- **A deployment is a transaction.** The certificate is put in use, \`hook\` runs, and the server of \`probe\` must serve the new certificate within \`probe_timeout_secs\`. If a step fails, the former certificate is put back, \`hook\` runs again, and the probe looks whether the former certificate is served. The deployment has then failed with the code and the cure of the step: \`acmex\` ends with 8, the event is \`deployment_failed\`. It is tried again after a minute at first, then more rarely, at least each hour, without a new order.
- **Without \`probe\`**, the answer of the target is enough.
- **If the former certificate cannot be put back**, the code is \`ERR_DEPLOY_ROLL_BACK\`, and the message says why.
- **If the process ends in between**, the next one continues. It knows which certificate the target had before.
- **Several targets** of a certificate do not wait for each other: one that fails does not stop the rest.
- **Credentials** are in \`acmex.toml\`, as text or as \`{ file = "/path" }\`, \`{ env = "NAME" }\` or \`{ command = ["program"] }\`. They are read when they are needed. No request to the server can define or change a target, and an API key cannot read one.
- **A request to the server** can name a target only where \`deploy_targets\` has it: see [below](#requests-to-the-server).
- **What a target has to remember**, such as an id, is stored with the keys of the certificate, encrypted if the storage is.
- **A key that cannot leave its device** is not deployed to a target.
- **Of a certificate with two key types**, \`nginx\`, \`apache\`, \`haproxy\`, \`ssh\` and \`docker\` get both: the files of the second are beside those of the first, with \`-rsa\` or \`-ec\` before the extension, as \`site-rsa.pem\` beside \`site.pem\`. \`webhook\` and \`vault\` get both in one. \`aws-acm\`, \`azure-keyvault\`, \`cloudflare\`, \`kubernetes\` and \`acme.sh\` take one certificate, and get the first.

Every target has these keys:

| key | | |
|---|---|---|
| \`type\` | required | One of the kinds below. |
| \`probe\` | | HOST:PORT of a server that must serve the new certificate. |
| \`probe_timeout_secs\` | | How long that server may take; 30 by default. |
| \`hook\` | | Program and arguments; no shell reads it. It gets the variables of [hooks](configuration.md). |

| type | | what it puts back | package |
|---|---|---|---|
${rows.join('\n')}

${requestsToServer()}
${sections.join('\n')}`;
}

/** Returns the section on the targets that requests name. */
function requestsToServer() {
  return `## Requests to the server

An order, a declared certificate and a template of the [REST API](rest-api.md) name targets in \`deployTo\`. A request can name only the targets in \`deploy_targets\` of its tenant, which are none by default; any other name is refused, whether such a target exists or not. Without tenants, \`deploy_targets\` of \`[server]\` counts. An API key with \`deployTargets\` can name only these of them.

\`\`\`toml
[deploy.web]
type = "nginx"
fullchain_path = "/etc/nginx/tls/{name}.pem"

[tenants.shop]
names = ["*.shop.example.com"]
deploy_targets = ["web"]
\`\`\`

- **A tenant can replace what such a target has**, by any of its certificates, and a target gets the private key. List a target that only this tenant uses, or one with \`{name}\`, which is the first name of the certificate.
- **\`deployTo\` replaces only targets.** Files, hooks and probes that \`acmex.toml\` or \`acmex obtain\` gave a certificate stay. A request without \`deployTo\` keeps the targets; \`[]\` removes them.
- **A target that is removed from \`deploy_targets\`** cannot be named any more; certificates that have it stay deployed to it.
- **A target that is removed from the configuration** makes their deployments fail, with \`ERR_CONFIG_DEPLOY\`, until the certificates name it no more or it is back.
`;
}

function deployTargetSection({ title, type, about, example, options, links = {}, contract }) {
  const remarks = ({ required, credential }) =>
    [...(required ? ['required'] : []), ...(credential ? ['a credential'] : [])].join(', ');
  return [
    `## ${title}`,
    '',
    `\`${type}\`${links.api ? `: [reference](${links.api})` : ''}. ${about}`,
    '',
    '```toml',
    ...example,
    '```',
    '',
    '| key | | |',
    '|---|---|---|',
    ...options.map(
      (option) =>
        `| \`${option.name}\` | ${remarks(option)} | ${option.meaning.replaceAll('|', '\\|')} |`,
    ),
    '',
    contract === undefined
      ? 'Passes the whole [contract](../packages/deploy/src/contract.ts).'
      : `Of the [contract](../packages/deploy/src/contract.ts): ${contract}.`,
    '',
  ].join('\n');
}

/** Returns a value as a TypeScript literal. */
function literal(value) {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value === 'object')
    return Object.keys(value).length === 0
      ? '{}'
      : `{ ${Object.entries(value)
          .map(([key, member]) => `${key}: ${literal(member)}`)
          .join(', ')} }`;
  return typeof value === 'string' ? `'${value.replaceAll(/[\\']/g, '\\$&')}'` : String(value);
}

/** Returns the page of DNS providers. */
async function dnsProviders() {
  const { dnsProviderKinds } = await load(join(root, 'packages/config/src/dns/provider.ts'));
  const kinds = packages().flatMap(({ manifest }) => [manifest.acmex?.dns ?? []].flat());
  const sections = dnsProviderKinds().map(
    ({ type, title, package: name, options, links, attended }) => {
      const places = [
        ...(links.api ? [`[reference](${links.api})`] : []),
        ...(links.credentials ? [`[where credentials are made](${links.credentials})`] : []),
      ];
      const {
        credentials,
        contract,
        instead = [],
        foreignNames = [],
      } = kinds.find((kind) => kind.name === type);
      const foreign = foreignNames.map((name) => `\`${name}\``).join(', ');
      const rows = options.map((option, index) => optionRow(option, credentials[index]));
      const body = attended
        ? [
            'A person writes the record: `acmex obtain` shows it, and continues at Enter or when the record is visible. On the server, an order with `"dnsProvider": "manual"` shows all its records at once, in [the dashboard](dashboard.md#records-that-you-set-by-hand) and in [the API](rest-api.md). The server looks for them after a minute, then more rarely, at least each hour; `POST /api/orders/:id/records/check` looks at once. The order continues when all servers show all records, also after a restart and in any process. If they are not set before the CA stops accepting them, mostly after a week, the order fails and wants new values at its next attempt. A renewal cannot be automatic: when it is due, its order waits for new records, and the event `challenge_record_wanted` says until when. A configuration of acmex.toml cannot name this provider.',
          ]
        : ['| key | variables | | |', '|---|---|---|---|', ...rows];
      return [
        `## ${title}`,
        '',
        `\`${type}\`, of [${name}](../packages/${name.replace('@acmex/', '')}/README.md)${places.length > 0 ? `: ${places.join(', ')}` : ''}.${foreign === '' ? '' : ` In lego and acme.sh: ${foreign}.`}`,
        '',
        ...body,
        '',
        ...insteadRows(instead),
        contractText(contract),
        '',
      ].join('\n');
    },
  );
  return `# DNS providers

For dns-01, which wildcards need, and for dns-account-01, one of these providers writes the records. \`acmex dns check example.com\` tests it, \`acmex dns trace example.com\` shows where a record goes. The hook scripts of certbot, lego and acme.sh reach hundreds of other hosts. [Your own provider](adding-a-dns-provider.md) is a page of code. This page is generated from the code.

- **Without a configuration file**: \`acmex obtain -c dns-01 --dns-provider cloudflare\` reads only the variables below. If several variables belong to one key, the first that is set is used. Every variable of a credential can be replaced by one with \`_FILE\` after its name, which has the path of a file with the credential. The error message names what is missing. A timer has a different environment from your shell, so renewals need a saved credential: \`--save-credentials\` saves the variables in the storage, encrypted if the storage is. It saves each variable once; use acmex.toml for two accounts at one host. A hook program also gets the variables that \`--dns-env\` names.
- **In acmex.toml**: add a table \`[[challenge.dns01.providers]]\` with a \`name\`, its \`type\` and the keys below.
- **Several accounts**: add a table for each, with \`zones\`. A certificate whose names are in zones of two accounts uses both. \`example.com\` matches that name and all names below it, \`*.example.com\` all names below it, \`*\` every name. The longest match wins; \`challenge.dns01.provider\` is the fallback. A provider that a certificate names writes all its records.

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

- **Delegation**: if \`_acme-challenge.www.example.com\` is a CNAME, the record is written at its target, so the credentials only need access to that zone. \`zones\` match the names of certificates, not the targets of their CNAMEs.
- **From lego or acme.sh**: their variables for credentials are read, or named below with what to use instead. Those that end with \`_TTL\`, \`_POLLING_INTERVAL\`, \`_PROPAGATION_TIMEOUT\`, \`_HTTP_TIMEOUT\` or \`_SEQUENCE_INTERVAL\` are not read: \`--propagation-wait\` and \`challenge.dns01\` say how long AcmeX waits for a record.
- **Private zones**: with \`visibility = "private"\` (Route 53, Google, Azure, Huawei), the provider's list of zones is used instead of DNS. \`--dns-resolver\`, or \`challenge.dns01.resolvers\`, names a resolver that can see the records.

${sections.join('\n')}`;
}

function optionRow(option, { oneOf } = {}) {
  const variables = option.env.map((variable) => `\`${variable}\``).join(', ');
  const remarks = [
    ...(option.required ? ['required'] : []),
    ...(!option.required && oneOf ? ['one of these is required'] : []),
    ...(option.credential ? ['a credential'] : []),
  ];
  return `| \`${option.name}\` | ${variables} | ${remarks.join(', ')} | ${option.meaning.replaceAll('|', '\\|')} |`;
}

/** Returns the rows about variables of other programs that are not read. */
function insteadRows(instead) {
  if (instead.length === 0) return [];
  const rows = instead.map(
    ({ variables, use }) => `| ${variables.map((name) => `\`${name}\``).join(', ')} | ${use} |`,
  );
  return ['| of other programs | use instead |', '|---|---|', ...rows, ''];
}

/** Returns a sentence about the clauses of the contract that a provider fulfils. */
function contractText(contract) {
  return contract === undefined
    ? 'Passes the whole [contract](../packages/dns/src/contract.ts).'
    : `Of the [contract](../packages/dns/src/contract.ts): ${contract}.`;
}

/** Returns the page of the server's routes and scopes. */
async function restApi() {
  const { apiDescription } = await loadServer('api-description.ts');
  const { scopeMeanings } = await loadServer('access/scopes.ts');
  const routes = Object.entries(apiDescription('').paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, route]) =>
        `| \`${method.toUpperCase()} ${path}\` | ${route.summary} | ${route.description.replace(/: .*$/, '.')} |`,
    ),
  );
  if (routes.length === 0) throw new Error('the server has no routes');
  return `# The REST API

A server has the whole description at \`/openapi.json\`, and shows it at \`/docs\`. The [walkthrough](server.md) uses it with curl. This page is generated from the code.

| route | | |
|---|---|---|
${routes.join('\n')}

## Scopes

| scope | |
|---|---|
${Object.entries(scopeMeanings)
  .map(([scope, meaning]) => `| \`${scope}\` | ${meaning} |`)
  .join('\n')}

\`GET /metrics\` serves the [metrics](metrics.md).
`;
}

/** Returns a module with the types of the server's routes. */
async function restApiTypes() {
  const { apiDescription } = await loadServer('api-description.ts');
  const nodes = await openapiTS(apiDescription(''), {
    defaultNonNullable: false,
    emptyObjectsUnknown: true,
    silent: true,
  });
  return `// Made from the code of the server by \`npm run docs\`.\n\n${astToString(nodes)}`;
}

/** Returns the exports of a module of the server. */
async function loadServer(file) {
  if (!existsSync(fileURLToPath(import.meta.resolve('@acmex/config'))))
    throw new Error('the description of the API needs the built packages: run npm run build first');
  return await load(join(root, 'apps/server/src', file), { packages: 'external' });
}

/** Returns the page of metrics. */
async function metrics() {
  const { metricTable } = await load(join(root, 'packages/observability/src/metric-table.ts'));
  const rows = Object.entries(metricTable).map(
    ([name, { type, labels, meaning, programs, unit }]) => {
      const labelled = labels.map((label) => `\`${label}\``).join(', ');
      const kind = unit === undefined ? type : `${type}, ${unit}`;
      return `| \`acmex_${name}\` | ${kind} | ${labelled} | ${meaning} | ${programs.join(', ')} |`;
    },
  );
  if (rows.length === 0) throw new Error('there are no metrics');
  return `# Metrics

\`metrics.prefix\` in acmex.toml replaces the prefix \`acmex\`. The metrics of Node.js and of the process are included. A counter starts at 0 with its process, and counts what this process has done: add those of several processes. A gauge about the storage is the same in every process. This page is generated from the code.

Programs: \`server\` is acmex serve, \`daemon\` is acmex daemon, \`renew\` is acmex renew with --metrics-file, \`ca\` is acmex ca serve, \`agent\` is acmex agent, \`https\` is a program with the option \`watch\` of autocert.

| metric | type | labels | meaning | programs |
|---|---|---|---|---|
${rows.join('\n')}
`;
}

/** Returns the page of checks with the table of codes. */
async function checkCodes() {
  const { checkErrors } = await load(join(root, 'packages/check/src/errors.ts'));
  const rows = Object.entries(checkErrors).map(
    ([code, { severity, meaning, cure, exit }]) =>
      `| \`${code}\` | ${severity} | ${meaning} | ${cure} | ${exit} |`,
  );
  if (rows.length === 0) throw new Error('there are no codes of checks');
  const table = `| code | | meaning | cure | exit code |\n|---|---|---|---|---|\n${rows.join('\n')}`;
  const page = readFileSync(join(root, 'docs/check.md'), 'utf8');
  const marked = /(?<=<!-- codes -->\n).*?(?=<!-- \/codes -->)/s;
  if (!marked.test(page)) throw new Error('docs/check.md has no place for the codes');
  return await formatted(
    'docs/check.md',
    page.replace(marked, () => `\n${table}\n\n`),
  );
}

/** Returns the page of spans. */
async function traces() {
  const { spanTable } = await load(join(root, 'packages/observability/src/tracing/span-table.ts'));
  const rows = Object.entries(spanTable).map(([name, { meaning, attributes }]) => {
    const listed = attributes.map((attribute) => `\`${attribute}\``).join(', ');
    return `| \`${name}\` | ${meaning} | ${listed} |`;
  });
  if (rows.length === 0) throw new Error('there are no spans');
  return `# Traces

What each span of a [trace](observability.md#traces) is. A span has ids, codes and words of this software; it has no text from outside: no domain names, URLs, messages, tokens or commands. \`error.type\` is the code of an error: see [errors](errors.md). This page is generated from the code.

| span | meaning | attributes |
|---|---|---|
${rows.join('\n')}
`;
}

/** Returns the page of events. */
async function events() {
  const { eventMeanings, notificationMeanings } = await load(
    join(root, 'packages/orchestrator/src/event-types.ts'),
  );
  const { auditedActionTypes } = await load(join(root, 'packages/ca/src/audited-action-types.ts'));
  const table = (meanings) =>
    Object.entries(meanings).map(([type, meaning]) => `| \`${type}\` | ${meaning} |`);
  const [rows, actions] = [table(eventMeanings), table(auditedActionTypes)];
  if (rows.length === 0 || actions.length === 0) throw new Error('there are no events');
  const onlySent = table(notificationMeanings).slice(rows.length);
  return `# Events

Each event is written together with its change, and is delivered to every subscriber at least once, with the same id. It contains no private key and no credential. It is removed after 90 days, unless a subscriber has not received it. This page is generated from the code.

| event | |
|---|---|
${rows.join('\n')}

Only [receivers of notifications](notifications.md) get these; their key \`events\` and \`acmex notify test --event\` name them as they name events:

| notification | |
|---|---|
${onlySent.join('\n')}

## Actions of your own CA

What [acmex ca](private-ca.md) does is not an event that is delivered. It is recorded in the [audit log](audit.md), if there is one.

| action | |
|---|---|
${actions.join('\n')}
`;
}

/** Returns the exports of a TypeScript module. */
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

/** Imports a module from a file next to `entry`, so that its imports resolve from there. */
async function importedBeside(entry, text) {
  const file = join(dirname(entry), `.docs-${process.pid}-${basename(entry)}.mjs`);
  writeFileSync(file, text);
  try {
    return await import(file);
  } finally {
    rmSync(file);
  }
}
