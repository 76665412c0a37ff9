import { type Command, Option } from 'commander';
import type { AccountCommandOptions } from '../account/account.ts';
import type { Terminal } from '../terminal.ts';
import { caNames, configFile } from './flags.ts';

export function addAccountCommands(
  program: Command,
  terminal: Terminal,
  logLevel: () => Option,
): void {
  const group = program.command('account').description('the accounts at CAs that are kept');
  const add = (name: string, description: string) =>
    group
      .command(name)
      .description(description)
      .copyInheritedSettings(program)
      .showHelpAfterError(`(see acmex account ${name} --help)`)
      .option('--config <file>', configFile)
      .option(
        '--storage <place>',
        'where accounts are kept: file:PATH, redis://HOST:PORT or rediss://…; ACMEX_STORAGE otherwise',
      )
      .option('--encryption-key-file <file>', "the storage's encryption keys")
      .addOption(
        new Option('-o, --output <format>', 'how to write the result')
          .choices(['text', 'json', 'csv'])
          .default('text'),
      )
      .addOption(logLevel());
  const at = (command: Command) =>
    command
      .option('--prod', "Let's Encrypt itself, not its staging")
      .option('--ca <name>', caNames)
      .option('--server <url>', 'any CA, by the URL of its ACME directory')
      .option(
        '--ca-certificate <file>',
        "root certificate of the CA's own https, for a private CA",
      );

  add('list', 'list them').action(async (options: AccountCommandOptions) =>
    (await import('../account/account.ts')).accountList(options, terminal),
  );
  at(add('register', 'make an account at a CA, unless there is one'))
    .option('-e, --email <address>', 'where the CA can reach you')
    .option('--accept-tos', "agree to the CA's terms of service")
    .option('--eab-kid <id>', 'key identifier of an external account, as the CA handed it out')
    .option('--eab-hmac-key <key>', 'its HMAC key, in base64url; better in ACMEX_EAB_HMAC_KEY')
    .action(async (options: AccountCommandOptions) =>
      (await import('../account/account.ts')).accountRegister(options, terminal),
    );
  at(add('show', 'show what the CA has of it')).action(async (options: AccountCommandOptions) =>
    (await import('../account/account.ts')).accountShow(options, terminal),
  );
  at(add('update', 'give the CA other contacts'))
    .option(
      '-e, --email <addresses>',
      'where the CA can reach you, with commas between; an empty one for nowhere',
    )
    .action(async (options: AccountCommandOptions) =>
      (await import('../account/account.ts')).accountUpdate(options, terminal),
    );
  at(add('rotate-key', 'give it another key')).action(async (options: AccountCommandOptions) =>
    (await import('../account/account.ts')).accountRotateKey(options, terminal),
  );
  at(add('deactivate', 'give it up, for good'))
    .option('--force', 'really')
    .action(async (options: AccountCommandOptions) =>
      (await import('../account/account.ts')).accountDeactivate(options, terminal),
    );
}
