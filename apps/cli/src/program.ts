import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { InfoOptions } from './info.ts';
import type { ObtainOptions } from './obtain/options.ts';
import { logLevels, type Terminal } from './terminal.ts';

const keyTypes = ['ec-p256', 'ec-p384', 'ec-p521', 'rsa-2048', 'rsa-3072', 'rsa-4096', 'ed25519'];

/**
 * Runs the command line. A command's code is loaded when the command is named.
 * @returns the exit code: see `exitCodeOf`; 130 or 143 when a signal ended it
 */
export async function run(args: readonly string[], version: string, terminal: Terminal): Promise<number> {
  const program = commandLine(version, terminal);
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (terminal.signal.aborted) return exitCodeOfSignal(terminal.signal.reason);
    const { tellError } = await import('./tell-error.ts');
    return tellError(error, { debug: args.includes('debug'), json: args.includes('--json') }, terminal);
  }
}

/** The commands and their flags; the reference of the flags is made from this. */
export function commandLine(version: string, terminal: Terminal): Command {
  const program = new Command('acmex')
    .description('TLS certificates from any ACME server')
    .version(version, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show the help')
    .helpCommand('help [command]', 'show the help of a command')
    .configureOutput({ writeOut: (text) => terminal.stdout.write(text), writeErr: (text) => terminal.stderr.write(text) })
    .showHelpAfterError('(see acmex --help)')
    .exitOverride();
  const logLevel = () => new Option('-l, --log-level <level>', 'how much to say').choices(logLevels).default('info');

  program.command('obtain')
    .description('get a certificate for one or more names')
    .option('-d, --domains <names>', 'a name, or several with commas between; can be given again', collect)
    .option('--csr <file>', 'a certificate signing request of your own, in place of names and a new key')
    .option('-e, --email <address>', 'where the CA can reach you')
    .option('--cert-path <file>', 'where to write the certificate with its chain', 'certificate.pem')
    .option('-k, --key-path <file>', 'where to write the private key', 'private_key.pem')
    .addOption(new Option('--key-type <type>', 'type of the private key').choices(keyTypes).default('ec-p256'))
    .option('--prod', 'Let\'s Encrypt itself, not its staging')
    .option('--ca <name>', 'a CA by name: letsencrypt, letsencrypt-staging, google, google-staging, zerossl')
    .option('--server <url>', 'any CA, by the URL of its ACME directory')
    .option('--ca-certificate <file>', 'root certificate of the CA\'s own https, for a private CA')
    .option('--accept-tos', 'agree to the CA\'s terms of service')
    .option('--account-key <file>', 'use the account of this key in place of the one that is kept')
    .option('--eab-kid <id>', 'key identifier of an external account, as the CA handed it out')
    .option('--eab-hmac-key <key>', 'its HMAC key, in base64url; better in ACMEX_EAB_HMAC_KEY')
    .addOption(new Option('-c, --challenge <type>', 'how to prove control of the names').choices(['http-01', 'dns-01', 'tls-alpn-01']).default('http-01'))
    .option('--http-port <port>', 'port to answer http-01 on', port, 80)
    .option('--webroot <directory>', 'put http-01 responses into this directory of a web server in place of answering')
    .option('--tls-port <port>', 'port to answer tls-alpn-01 on', port, 443)
    .option('--dns-provider <name>', 'who writes records for dns-01: exec, a program named by EXEC_PATH')
    .option('--dns-env <names>', 'environment variables that the program sees, with commas between; can be given again', collect)
    .option('--dns-resolver <host:port>', 'ask this server about zones and records; can be given again', collect)
    .option('--propagation-wait <seconds>', 'wait this long for records in place of looking for them, or skip', seconds)
    .option('--profile <name>', 'one of the CA\'s certificate profiles')
    .option('--preferred-chain <name>', 'common name of the issuer that the chain should end in')
    .option('--not-after <time>', 'wished end of validity, RFC 3339; many CAs refuse it', moment)
    .option('--must-staple', 'ask for a certificate that needs a stapled OCSP answer')
    .option('--storage <place>', 'where accounts are kept: file:PATH')
    .option('--force', 'replace files that exist')
    .option('--json', 'write the result as one JSON document')
    .addOption(logLevel())
    .action(async (options: ObtainOptions) => (await import('./obtain/obtain.ts')).obtain(options, terminal));

  program.command('info')
    .description('show what stands in a certificate file')
    .requiredOption('-c, --cert <file>', 'the certificate, PEM')
    .option('--json', 'write it as one JSON document')
    .addOption(logLevel())
    .action(async (options: InfoOptions) => (await import('./info.ts')).info(options, terminal));

  for (const command of program.commands) command.copyInheritedSettings(program).showHelpAfterError(`(see acmex ${command.name()} --help)`);
  return program;
}

function collect(names: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...names.split(',').filter((name) => name.trim() !== '')];
}

function port(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > 65_535) throw new InvalidArgumentError('A port is a number from 1 to 65535.');
  return number;
}

function seconds(text: string): number | 'skip' {
  if (text === 'skip') return 'skip';
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('A wait is a number of seconds, or skip.');
  return Number(text);
}

function moment(text: string): string {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text) || Number.isNaN(Date.parse(text))) throw new InvalidArgumentError('A time is written as 2027-01-31T12:00:00Z.');
  return text;
}

function exitCodeOfSignal(reason: unknown): number {
  return reason === 'SIGTERM' ? 143 : 130;
}
