import { type Command, Option } from 'commander';
import type { DnsCommandOptions } from '../dns/dns.ts';
import type { PersistOptions } from '../dns/persist.ts';
import type { Terminal } from '../terminal.ts';
import { caNames, collect, configFile, moment } from './flags.ts';

export function addDnsCommands(program: Command, terminal: Terminal, logLevel: () => Option): void {
  const group = program
    .command('dns')
    .description(
      'who writes records for dns-01, whether that works, and records that are set once',
    );
  const add = (name: string, description: string) =>
    group
      .command(name)
      .description(description)
      .copyInheritedSettings(program)
      .showHelpAfterError(`(see acmex dns ${name.split(' ', 1)[0]} --help)`)
      .addOption(
        new Option('-o, --output <format>', 'how to write the result')
          .choices(['text', 'json', 'csv'])
          .default('text'),
      )
      .addOption(logLevel());
  add('list', 'list every kind of DNS provider, and what each needs in acmex.toml').action(
    async (options: DnsCommandOptions) =>
      (await import('../dns/dns.ts')).dnsList(options, terminal),
  );
  add(
    'check <name>',
    'write records at a name that nobody uses beside it, look for them, and take them away',
  )
    .option('--config <file>', configFile)
    .option(
      '--dns-provider <name>',
      "one of the configuration, or a kind of acmex dns list with its variables in the environment; who writes the name's records by default",
    )
    .option(
      '--dns-env <names>',
      'environment variables that a program which writes records sees, with commas between; can be given again',
      collect,
    )
    .option(
      '--dns-resolver <address:port>',
      'look for records at this server, not at the authoritative ones; can be given again',
      collect,
    )
    .action(async (name: string, options: DnsCommandOptions) =>
      (await import('../dns/dns.ts')).dnsCheck(name, options, terminal),
    );
  add(
    'trace <name>',
    'show where the record of a name goes, and what each server that answers for it shows',
  )
    .option('--config <file>', configFile)
    .option(
      '--dns-provider <name>',
      'whose zones count, also where DNS does not show them: as acmex dns check has it',
    )
    .option(
      '--dns-env <names>',
      'environment variables that a program which writes records sees, with commas between; can be given again',
      collect,
    )
    .option('--dns-resolver <address:port>', "ask this server; the system's by default", collect)
    .action(async (name: string, options: DnsCommandOptions) =>
      (await import('../dns/dns.ts')).dnsTrace(name, options, terminal),
    );
  add('persist <name>', 'show the record to set once for dns-persist-01, or look whether it stands')
    .option('--check', 'look for it at every authoritative server, and keep how long it will serve')
    .option(
      '--challenge-draft <version>',
      'the draft that the CA follows, as draft-ietf-acme-dns-persist-02; challenge.challenge_draft otherwise',
    )
    .option('--wildcard', 'a record for *.NAME too, as for a name that begins with *.')
    .option('--persist-until <time>', 'a record that serves until then, RFC 3339', moment)
    .option(
      '--issuer-domain <name>',
      'by which name the CA goes in records, where its directory does not say',
    )
    .option(
      '--dns-resolver <address:port>',
      'look for it at this server, not at the authoritative ones; can be given again',
      collect,
    )
    .option('--prod', "Let's Encrypt itself, not its staging")
    .option('--ca <name>', caNames)
    .option('--server <url>', 'any CA, by the URL of its ACME directory')
    .option('--ca-certificate <file>', "root certificate of the CA's own https, for a private CA")
    .option('-e, --email <address>', 'where the CA can reach you, for an account that is new')
    .option('--accept-tos', "agree to the CA's terms of service, for an account that is new")
    .option('--config <file>', configFile)
    .option(
      '--storage <place>',
      'where accounts are kept: file:PATH, redis://HOST:PORT or rediss://…; ACMEX_STORAGE otherwise',
    )
    .option('--encryption-key-file <file>', "the storage's encryption keys")
    .action(async (name: string, options: PersistOptions) =>
      (await import('../dns/persist.ts')).dnsPersist(name, options, terminal),
    );
}
