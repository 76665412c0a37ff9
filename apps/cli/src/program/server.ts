import { type Command, Option } from 'commander';
import type { AgentCommandOptions } from '../agent/command.ts';
import type { KeyCreateOptions } from '../server/keys.ts';
import type { ServeCommandOptions } from '../server/serve.ts';
import type { Terminal } from '../terminal.ts';
import { collect, configFile, moment, place } from './flags.ts';

export function addServerCommands(
  program: Command,
  terminal: Terminal,
  logLevel: () => Option,
  version: string,
): void {
  const server = program
    .command('server')
    .description('look after the server from the machine that it runs on');
  const key = server.command('key').description('the API keys');
  const add = (parent: Command, name: string, description: string) =>
    parent
      .command(name)
      .description(description)
      .copyInheritedSettings(program)
      .showHelpAfterError(
        `(see acmex ${parent === program ? '' : parent === key ? 'server key ' : 'server '}${name.split(' ', 1)[0]} --help)`,
      )
      .option('--config <file>', configFile)
      .option(
        '--storage <place>',
        'where everything is kept: file:PATH, redis://HOST:PORT or rediss://…; ACMEX_STORAGE otherwise',
      )
      .option('--encryption-key-file <file>', "the storage's encryption keys")
      .addOption(logLevel());

  add(
    program,
    'serve',
    'serve the REST API, and keep every certificate current, until it is told to stop',
  )
    .option(
      '-a, --addr <host:port>',
      'where to listen; server.listen_addr otherwise, which is 127.0.0.1:8080 by default',
    )
    .addOption(
      new Option(
        '--role <role>',
        'what this process does of what several share by Redis (ACMEX_REDIS_URL): serve the API, work, or all of it',
      )
        .choices(['all', 'api', 'worker'])
        .default('all'),
    )
    .action(async (options: ServeCommandOptions) =>
      (await import('../server/serve.ts')).serve({ ...options, version }, terminal),
    );
  add(server, 'agents', 'show which host serves which certificate, and which is behind')
    .option('--tenant <name>', 'whose they are; the first of the configuration by default')
    .addOption(
      new Option('-o, --output <format>', 'how to write the result')
        .choices(['text', 'json', 'csv'])
        .default('text'),
    )
    .action(async (options: KeyCreateOptions) =>
      (await import('../server/agents.ts')).agents(options, terminal),
    );
  add(key, 'create', 'make an API key; it is shown this once')
    .option(
      '--scopes <names>',
      'what it may do, with commas between; everything by default',
      collect,
    )
    .option(
      '--names <patterns>',
      'names that it may use: a name, *.example.com for all below it, or *, which is the default',
      collect,
    )
    .option('--title <text>', 'what to call it')
    .option('--expires <time>', 'its end, RFC 3339', moment)
    .option('--tenant <name>', 'whose it is; the first of the configuration by default')
    .addOption(
      new Option('-o, --output <format>', 'how to write the result')
        .choices(['text', 'json', 'csv'])
        .default('text'),
    )
    .action(async (options: KeyCreateOptions) =>
      (await import('../server/keys.ts')).keyCreate(options, terminal),
    );
  add(key, 'list', 'list them, without their secrets')
    .option('--tenant <name>', 'whose they are; the first of the configuration by default')
    .addOption(
      new Option('-o, --output <format>', 'how to write the result')
        .choices(['text', 'json', 'csv'])
        .default('text'),
    )
    .action(async (options: KeyCreateOptions) =>
      (await import('../server/keys.ts')).keyList(options, terminal),
    );
  add(key, 'revoke <id>', 'take one no more, at once')
    .option('--tenant <name>', 'whose it is; the first of the configuration by default')
    .addOption(
      new Option('-o, --output <format>', 'how to write the result')
        .choices(['text', 'json', 'csv'])
        .default('text'),
    )
    .action(async (id: string, options: KeyCreateOptions) =>
      (await import('../server/keys.ts')).keyRevoke(id, options, terminal),
    );
}

export function addAgentCommand(
  program: Command,
  terminal: Terminal,
  logLevel: () => Option,
  { version, end }: { readonly version: string; readonly end: (code: number) => void },
): void {
  program
    .command('agent')
    .description(
      'keep the certificates of a server in the files of this host, until it is told to stop',
    )
    .requiredOption(
      '--server <url>',
      'the AcmeX server, as https://acmex.example; where it fails, the next one that is given is asked',
      collect,
    )
    .requiredOption(
      '--key-file <file>',
      'the API key, with the scopes certificates:read, private-keys:read and agents:write',
    )
    .option(
      '--certificate <id or name>',
      'only this one; can be given again; all that the key may see by default',
      collect,
    )
    .option(
      '--directory <directory>',
      'keep live/NAME/fullchain.pem and privkey.pem there, switched in one step; /var/lib/acmex/agent for root by default, ~/.local/state/acmex/agent for others',
    )
    .option(
      '--deploy-hook <command>',
      'run this for each change, when it is written: a program and its arguments, split at blanks, no shell',
    )
    .option('--probe <host:port>', 'look there what is served', place)
    .option('--ca-certificate <file>', "root certificate of the server's https, for a private CA")
    .option('--name <name>', 'what this host is called at the server; its host name by default')
    .option('--once', 'look once and end, for a timer')
    .addOption(logLevel())
    .action(async (options: AgentCommandOptions) => {
      end(await (await import('../agent/command.ts')).agent({ ...options, version }, terminal));
    });
}
