import { Command, CommanderError, Option } from 'commander';
import type { InfoOptions } from './info.ts';
import type { ObtainOptions } from './obtain/options.ts';
import { logLevels, type Terminal } from './terminal.ts';
import { addAccountCommands } from './program/account.ts';
import { addCaCommands, addDemoCommand } from './program/ca.ts';
import { addConfigCommands } from './program/config.ts';
import { addDnsCommands } from './program/dns.ts';
import { addManagedCommands } from './program/managed.ts';
import { addAgentCommand, addServerCommands } from './program/server.ts';
import { addStorageCommands } from './program/storage.ts';
import {
  caNames,
  collect,
  configFile,
  keyTypes,
  moment,
  place,
  port,
  seconds,
} from './program/flags.ts';

/**
 * Runs the command line. A command's code is loaded when the command is named.
 * @returns the exit code: see `exitCodeOf`; 130 or 143 when a signal ended it
 */
export async function run(
  args: readonly string[],
  version: string,
  terminal: Terminal,
): Promise<number> {
  let code = 0;
  const program = commandLine(version, terminal, (own) => {
    code = own;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (terminal.signal.aborted) return exitCodeOfSignal(terminal.signal.reason);
    const { tellError } = await import('./tell-error.ts');
    return tellError(
      error,
      { debug: args.includes('debug'), json: args.includes('--json') },
      terminal,
    );
  }
}

/** The commands and their flags; the reference of the flags is made from this. @param end takes the exit code of a command that has one of its own */
export function commandLine(
  version: string,
  terminal: Terminal,
  end: (code: number) => void = () => {
    /* nobody runs it */
  },
): Command {
  const program = new Command('acmex')
    .description('TLS certificates from any ACME server')
    .version(version, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show the help')
    .helpCommand('help [command]', 'show the help of a command')
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
    })
    .showHelpAfterError('(see acmex --help)')
    .exitOverride()
    .hook('preAction', async (_, command) => {
      if (command.options.some((one) => one.attributeName() === 'encryptionKeyFile'))
        await (await import('./configuration.ts')).configure(command, terminal);
    });
  const logLevel = () =>
    new Option('-l, --log-level <level>', 'how much to say').choices(logLevels).default('info');

  program
    .command('obtain')
    .description('get a certificate for one or more names')
    .option(
      '-d, --domains <names>',
      'a name, or several with commas between; can be given again',
      collect,
    )
    .option(
      '--csr <file>',
      'a certificate signing request of your own, in place of names and a new key',
    )
    .option('-e, --email <address>', 'where the CA can reach you')
    .option(
      '--cert-path <file>',
      'where to write the certificate with its chain',
      'certificate.pem',
    )
    .option('-k, --key-path <file>', 'where to write the private key', 'private_key.pem')
    .addOption(
      new Option('--key-type <type>', 'type of the private key')
        .choices(keyTypes)
        .default('ec-p256'),
    )
    .option('--prod', "Let's Encrypt itself, not its staging")
    .option('--ca <name>', caNames)
    .option('--server <url>', 'any CA, by the URL of its ACME directory')
    .option('--ca-certificate <file>', "root certificate of the CA's own https, for a private CA")
    .option('--accept-tos', "agree to the CA's terms of service")
    .option('--account-key <file>', 'use the account of this key in place of the one that is kept')
    .option('--eab-kid <id>', 'key identifier of an external account, as the CA handed it out')
    .option('--eab-hmac-key <key>', 'its HMAC key, in base64url; better in ACMEX_EAB_HMAC_KEY')
    .addOption(
      new Option('-c, --challenge <type>', 'how to prove control of the names')
        .choices(['http-01', 'dns-01', 'tls-alpn-01', 'dns-account-01', 'dns-persist-01'])
        .default('http-01'),
    )
    .option(
      '--challenge-draft <version>',
      'for dns-account-01 and dns-persist-01, which are no RFC yet: the draft that the CA follows, as draft-ietf-acme-dns-persist-02',
    )
    .option('--http-port <port>', 'port to answer http-01 on', port, 80)
    .option(
      '--webroot <directory>',
      'put http-01 responses into this directory of a web server in place of answering',
    )
    .option('--tls-port <port>', 'port to answer tls-alpn-01 on', port, 443)
    .option(
      '--dns-provider <name>',
      'who writes records for dns-01 and dns-account-01: one of the configuration, a kind of acmex dns list with its variables in the environment, or manual',
    )
    .option(
      '--dns-env <names>',
      'environment variables that a program which writes records sees, with commas between; can be given again',
      collect,
    )
    .option(
      '--dns-resolver <host:port>',
      'ask this server about zones and records; can be given again',
      collect,
    )
    .option(
      '--propagation-wait <seconds>',
      'wait this long for records in place of looking for them, or skip',
      seconds,
    )
    .option('--profile <name>', "one of the CA's certificate profiles")
    .option('--preferred-chain <name>', 'common name of the issuer that the chain should end in')
    .option('--not-after <time>', 'wished end of validity, RFC 3339; many CAs refuse it', moment)
    .option('--must-staple', 'ask for a certificate that needs a stapled OCSP answer')
    .option('--config <file>', configFile)
    .option(
      '--storage <place>',
      'where accounts are kept: file:PATH, redis://HOST:PORT or rediss://…; ACMEX_STORAGE otherwise',
    )
    .option('--encryption-key-file <file>', "the storage's encryption keys")
    .option(
      '--deploy-directory <directory>',
      'keep live/NAME/fullchain.pem and privkey.pem there, switched in one step; can be given with the files',
    )
    .option(
      '--deploy-hook <command>',
      'run this when the certificate was written: a program and its arguments, split at blanks, no shell',
    )
    .option('--probe <host:port>', 'then wait until this server shows the new certificate', place)
    .option('--no-manage', 'write the files and keep nothing but the account: nothing renews it')
    .option(
      '--save-credentials',
      'keep the variables of the DNS provider and of --dns-env in the storage, so that a renewal finds them',
    )
    .option('--force', 'replace files that exist, and order again what is current')
    .option('--json', 'write the result as one JSON document')
    .addOption(logLevel())
    .action(async (options: ObtainOptions) =>
      (await import('./obtain/obtain.ts')).obtain(options, terminal),
    );

  program
    .command('info')
    .description('show what stands in a certificate file')
    .requiredOption('-c, --cert <file>', 'the certificate, PEM')
    .option('--json', 'write it as one JSON document')
    .addOption(logLevel())
    .action(async (options: InfoOptions) => (await import('./info.ts')).info(options, terminal));

  addManagedCommands(program, terminal, logLevel, end);
  addAccountCommands(program, terminal, logLevel);
  addConfigCommands(program, terminal);
  addDnsCommands(program, terminal, logLevel);
  addServerCommands(program, terminal, logLevel, version);
  addAgentCommand(program, terminal, logLevel, { version, end });
  addStorageCommands(program, terminal, logLevel);
  addCaCommands(program, terminal, logLevel);
  addDemoCommand(program, terminal, logLevel);

  for (const command of program.commands)
    command
      .copyInheritedSettings(program)
      .showHelpAfterError(`(see acmex ${command.name()} --help)`);
  return program;
}

function exitCodeOfSignal(reason: unknown): number {
  return reason === 'SIGTERM' ? 143 : 130;
}
