import { type Command, Option } from 'commander';
import type { RevocationReason } from '@acmex/protocol';
import type { InitOptions } from '../ca/init.ts';
import type { CaOptions } from '../ca/options.ts';
import type { ServeOptions } from '../ca/serve.ts';
import type { DemoOptions } from '../demo.ts';
import type { Terminal } from '../terminal.ts';
import { collect, configFile, days, place, port } from './flags.ts';

export function addCaCommands(program: Command, terminal: Terminal, logLevel: () => Option): void {
  const group = program.command('ca').description('be a CA: an ACME server of your own');
  const add = (parent: Command, name: string, description: string) =>
    parent
      .command(name)
      .description(description)
      .copyInheritedSettings(program)
      .showHelpAfterError(
        `(see acmex ${parent === group ? 'ca' : `ca ${parent.name()}`} ${name.split(' ', 1)[0]} --help)`,
      )
      .option('--config <file>', configFile)
      .option(
        '--storage <place>',
        'where the CA is kept: file:PATH, redis://HOST:PORT or rediss://…; ACMEX_STORAGE otherwise',
      )
      .option('--encryption-key-file <file>', "the storage's encryption keys")
      .option('--json', 'write the result as one JSON document')
      .addOption(logLevel());

  add(group, 'init', 'make a CA: an offline root, and an issuing certificate below it')
    .option('--name <name>', 'what the CA is called')
    .option(
      '--domains <names>',
      'domains that it is for, each with all names below; can be given again',
      collect,
    )
    .option('--addresses <ranges>', 'address ranges that it is for; can be given again', collect)
    .option('--unconstrained', 'let its key issue for every name there is')
    .addOption(
      new Option('--key-type <type>', 'type of its keys')
        .choices(['ec-p256', 'ec-p384', 'rsa-2048', 'rsa-3072', 'rsa-4096'])
        .default('ec-p384'),
    )
    .option('--root-days <days>', 'how long the root is valid', days, 3650)
    .option('--issuing-days <days>', 'how long the issuing certificate is valid', days, 1095)
    .option(
      '--passphrase-file <file>',
      "the passphrase of the root's key; ACMEX_CA_PASSPHRASE otherwise",
    )
    .option('--root-certificate <file>', 'where to write the root certificate', 'ca-root.pem')
    .option('--root-key <file>', "where to write the root's encrypted key", 'ca-root-key.pem')
    .option(
      '--issuing-certificate <file>',
      'an issuing certificate of your own, in place of a new CA',
    )
    .option('--issuing-key <file>', 'its key, PEM')
    .action(async (options: InitOptions) =>
      (await import('../ca/init.ts')).init(options, terminal),
    );
  add(group, 'serve', 'answer ACME clients until told to stop')
    .addOption(
      new Option('--listen <host:port>', 'address and port; port 0 for a free one')
        .argParser(place)
        .default({ host: '127.0.0.1', port: 14_443 }, '127.0.0.1:14443'),
    )
    .option(
      '--url <url>',
      'under which clients reach it, with its path; https://HOST:PORT/acme otherwise',
    )
    .option('--root-certificate <file>', 'write the root there for clients')
    .option(
      '--tls-certificate <file>',
      'a certificate for the server from elsewhere; one of its own otherwise',
    )
    .option('--tls-key <file>', 'its key')
    .option(
      '--reach <ranges>',
      'private address ranges that validation may connect to; can be given again',
      collect,
    )
    .option(
      '--dns-resolver <host:port>',
      'ask this resolver about names; can be given again',
      collect,
    )
    .option('--caa <domain>', 'obey CAA records, which name this CA so')
    .option(
      '--challenge-draft <versions>',
      'offer dns-account-01 or dns-persist-01 by this version of its draft; needs --caa for the latter; can be given again',
      collect,
    )
    .option('--eab-required', 'take accounts only with an external account: see acmex ca eab')
    .option('--terms <url>', 'terms of service')
    .option(
      '--development',
      'a throw-away CA in memory, for this machine alone: "AcmeX Development, do not trust"',
    )
    .option('--http-port <port>', 'with --development: where http-01 is answered', port)
    .option('--tls-port <port>', 'with --development: where tls-alpn-01 is answered', port)
    .action(async (options: ServeOptions) =>
      (await import('../ca/serve.ts')).serve(options, terminal),
    );
  add(group, 'list', 'list the certificates that were issued').action(async (options: CaOptions) =>
    (await import('../ca/records.ts')).list(options, terminal),
  );
  add(group, 'revoke <serial>', 'revoke a certificate')
    .addOption(
      new Option('--reason <reason>', 'why')
        .choices([
          'unspecified',
          'keyCompromise',
          'affiliationChanged',
          'superseded',
          'cessationOfOperation',
          'privilegeWithdrawn',
        ])
        .default('unspecified'),
    )
    .action(async (serial: string, options: CaOptions & { readonly reason: RevocationReason }) =>
      (await import('../ca/records.ts')).revoke(serial, options, terminal),
    );
  add(group, 'crl <file>', 'write the list of revoked certificates, DER').action(
    async (file: string, options: CaOptions) =>
      (await import('../ca/records.ts')).crl(file, options, terminal),
  );
  const eab = group.command('eab').description('external accounts: who may make an account');
  add(eab, 'create', 'make an external account; its key is shown once')
    .option('--description <text>', 'who it is for')
    .option('--reusable', 'more than one account may be bound to it')
    .action(
      async (options: CaOptions & { readonly description?: string; readonly reusable?: boolean }) =>
        (await import('../ca/records.ts')).eabCreate(options, terminal),
    );
  add(eab, 'list', 'list external accounts, without their keys').action(
    async (options: CaOptions) => (await import('../ca/records.ts')).eabList(options, terminal),
  );
  add(eab, 'revoke <kid>', 'bind no further accounts to it').action(
    async (kid: string, options: CaOptions) =>
      (await import('../ca/records.ts')).eabRevoke(kid, options, terminal),
  );
}

export function addDemoCommand(program: Command, terminal: Terminal, logLevel: () => Option): void {
  program
    .command('demo')
    .description('get a certificate from a throw-away CA on this machine: no network, no root')
    .option('--directory <directory>', 'where to put the files', 'acmex-demo')
    .addOption(logLevel())
    .action(async (options: DemoOptions) => (await import('../demo.ts')).demo(options, terminal));
}
