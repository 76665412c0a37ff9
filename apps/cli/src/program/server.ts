import { command } from './command.ts';
import { choice, type Flag, isPresent, parsed, requiredText, text } from './flag.ts';
import {
  configurationFlags,
  loggingFlags,
  metricsFlags,
  logFileFlags,
  networkFlags,
  outputFlags,
  storageFlags,
} from './flag-groups.ts';
import { argv, hostPort, list, time } from './values.ts';

const stored = [configurationFlags, storageFlags, outputFlags, loggingFlags] as const;

const tenant = text('--tenant <name>', 'Tenant; by default the first of the configuration');

const serveCommand = command({
  path: 'serve',
  description: 'Serve the REST API and renew every certificate, until stopped',
  // The server reads the configuration itself, at the start and at SIGHUP.
  needs: 'overrides',
  flags: {
    addr: text(
      '-a, --addr <host:port>',
      'Address to listen on; by default server.listen_addr, which is 127.0.0.1:8080',
    ),
    role: choice(
      '--role <role>',
      'Part of the work that this process does, if several share it through Redis (ACMEX_REDIS_URL)',
      ['all', 'api', 'worker'],
      'all',
    ),
  },
  groups: [
    networkFlags,
    configurationFlags,
    storageFlags,
    metricsFlags,
    logFileFlags,
    loggingFlags,
  ],
  run: async ({ options, terminal, version }) =>
    await (await import('../server/serve.ts')).serve({ ...options, version }, terminal),
});

const server: Flag<readonly string[]> = {
  syntax: '--server <url>',
  description:
    'AcmeX server, as https://acmex.example; repeatable, the next is used when one fails',
  parse: list,
  isRequired: true,
};

const agentCommand = command({
  path: 'agent',
  description: "Keep a server's certificates up to date in files of this host, until stopped",
  // It has no configuration file.
  needs: 'overrides',
  flags: {
    server,
    keyFile: requiredText(
      '--key-file <file>',
      'File with an API key that has the scopes certificates:read, private-keys:read and agents:write',
    ),
    certificate: parsed(
      '--certificate <id or name>',
      'Only this certificate; repeatable; by default every certificate that the key may read',
      list,
    ),
    directory: text(
      '--directory <directory>',
      'Directory for live/NAME/fullchain.pem and privkey.pem, which are replaced in one step; by default /var/lib/acmex/agent for root, ~/.local/state/acmex/agent for other users',
    ),
    deployHook: parsed(
      '--deploy-hook <command>',
      'Program and arguments, separated by blanks, to run after each change; quotes and backslashes keep blanks, as in a shell, but no shell runs it',
      argv,
    ),
    probe: parsed(
      '--probe <host:port>',
      'TLS server of this host that must serve the certificate',
      hostPort,
    ),
    caCertificate: text(
      '--ca-certificate <file>',
      "Root certificate of the AcmeX server's HTTPS, for a private CA",
    ),
    name: text('--name <name>', 'Name of this host at the server; by default its host name'),
    once: isPresent('--once', 'Update once and exit, for a timer'),
  },
  groups: [networkFlags, metricsFlags, logFileFlags, loggingFlags],
  run: async ({ options, terminal, version }) =>
    await (await import('../agent.ts')).agent({ ...options, version }, terminal),
});

const keyCommands = [
  command({
    path: 'server key create',
    description: 'Create an API key, and show it this one time',
    needs: 'configuration',
    flags: {
      scopes: parsed('--scopes <names>', 'Scopes, separated by commas; by default all', list),
      names: parsed(
        '--names <patterns>',
        'Names that the key may use, separated by commas: a name, *.example.com for everything below it, or *, which is the default',
        list,
      ),
      deployTargets: parsed(
        '--deploy-targets <names>',
        'Deploy targets that requests with the key may name, separated by commas; by default all of its tenant',
        list,
      ),
      title: text('--title <text>', 'Title of the key'),
      expires: parsed('--expires <time>', 'Expiry of the key, RFC 3339', time),
      tenant,
    },
    groups: stored,
    run: async ({ options, terminal }) =>
      await (await import('../server/keys.ts')).keyCreate(options, terminal),
  }),
  command({
    path: 'server key list',
    description: 'List the API keys, without their secrets',
    needs: 'configuration',
    flags: { tenant },
    groups: stored,
    run: async ({ options, terminal }) =>
      await (await import('../server/keys.ts')).keyList(options, terminal),
  }),
  command({
    path: 'server key revoke',
    argument: '<id>',
    description: 'Revoke an API key immediately',
    needs: 'configuration',
    flags: { tenant },
    groups: stored,
    run: async ({ argument: id, options, terminal }) =>
      await (await import('../server/keys.ts')).keyRevoke(id, options, terminal),
  }),
];

const sessionCommands = [
  command({
    path: 'server session list',
    description: 'List the sessions of browsers that are signed in',
    needs: 'configuration',
    flags: { tenant },
    groups: stored,
    run: async ({ options, terminal }) =>
      await (await import('../server/sessions.ts')).sessionList(options, terminal),
  }),
  command({
    path: 'server session revoke',
    argument: '<id>',
    description: 'Revoke a session of a browser immediately',
    needs: 'configuration',
    flags: { tenant },
    groups: stored,
    run: async ({ argument: id, options, terminal }) =>
      await (await import('../server/sessions.ts')).sessionRevoke(id, options, terminal),
  }),
];

export const serverCommands = [
  ...keyCommands,
  ...sessionCommands,
  command({
    path: 'server agents',
    description: 'Show which host serves which certificate, and which is behind',
    needs: 'configuration',
    flags: { tenant },
    groups: stored,
    run: async ({ options, terminal }) =>
      await (await import('../server/agents.ts')).agents(options, terminal),
  }),
  serveCommand,
  agentCommand,
];
