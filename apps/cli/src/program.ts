import { Command, CommanderError, type CommandOptions, InvalidArgumentError, Option } from 'commander';
import type { RevocationReason } from '@acmex/protocol';
import type { AccountCommandOptions } from './account/account.ts';
import type { AgentCommandOptions } from './agent/command.ts';
import type { InitOptions } from './ca/init.ts';
import type { CaOptions } from './ca/options.ts';
import type { ServeOptions } from './ca/serve.ts';
import type { ConfigOptions } from './config/config.ts';
import type { DemoOptions } from './demo.ts';
import type { DnsCommandOptions } from './dns/dns.ts';
import type { PersistOptions } from './dns/persist.ts';
import type { InfoOptions } from './info.ts';
import type { ManagedCommandOptions } from './managed/command.ts';
import type { DaemonOptions } from './managed/daemon.ts';
import type { RenewOptions } from './managed/renew.ts';
import type { ObtainOptions } from './obtain/options.ts';
import type { KeyCreateOptions } from './server/keys.ts';
import type { ServeCommandOptions } from './server/serve.ts';
import type { BackupOptions } from './storage/backup.ts';
import type { RotateKeyOptions } from './storage/encryption.ts';
import type { MigrateOptions } from './storage/migrate.ts';
import type { StorageOptions } from './storage/options.ts';
import { logLevels, type Terminal } from './terminal.ts';

const caNames = 'a CA by its name in the configuration, or letsencrypt, letsencrypt-staging, google, google-staging, zerossl, sslcom, sslcom-ecc';
const configFile = 'the configuration; else the first of ./acmex.toml, ~/.config/acmex/acmex.toml and /etc/acmex/acmex.toml';
const keyTypes = ['ec-p256', 'ec-p384', 'ec-p521', 'rsa-2048', 'rsa-3072', 'rsa-4096', 'ed25519'];

/**
 * Runs the command line. A command's code is loaded when the command is named.
 * @returns the exit code: see `exitCodeOf`; 130 or 143 when a signal ended it
 */
export async function run(args: readonly string[], version: string, terminal: Terminal): Promise<number> {
  let code = 0;
  const program = commandLine(version, terminal, (own) => { code = own; });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (terminal.signal.aborted) return exitCodeOfSignal(terminal.signal.reason);
    const { tellError } = await import('./tell-error.ts');
    return tellError(error, { debug: args.includes('debug'), json: args.includes('--json') }, terminal);
  }
}

/** The commands and their flags; the reference of the flags is made from this. @param end takes the exit code of a command that has one of its own */
export function commandLine(version: string, terminal: Terminal, end: (code: number) => void = () => { /* nobody runs it */ }): Command {
  const program = new Command('acmex')
    .description('TLS certificates from any ACME server')
    .version(version, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show the help')
    .helpCommand('help [command]', 'show the help of a command')
    .configureOutput({ writeOut: (text) => terminal.stdout.write(text), writeErr: (text) => terminal.stderr.write(text) })
    .showHelpAfterError('(see acmex --help)')
    .exitOverride()
    .hook('preAction', async (_, command) => {
      if (command.options.some((one) => one.attributeName() === 'encryptionKeyFile')) await (await import('./configuration.ts')).configure(command, terminal);
    });
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
    .option('--ca <name>', caNames)
    .option('--server <url>', 'any CA, by the URL of its ACME directory')
    .option('--ca-certificate <file>', 'root certificate of the CA\'s own https, for a private CA')
    .option('--accept-tos', 'agree to the CA\'s terms of service')
    .option('--account-key <file>', 'use the account of this key in place of the one that is kept')
    .option('--eab-kid <id>', 'key identifier of an external account, as the CA handed it out')
    .option('--eab-hmac-key <key>', 'its HMAC key, in base64url; better in ACMEX_EAB_HMAC_KEY')
    .addOption(new Option('-c, --challenge <type>', 'how to prove control of the names').choices(['http-01', 'dns-01', 'tls-alpn-01', 'dns-account-01', 'dns-persist-01']).default('http-01'))
    .option('--challenge-draft <version>', 'for dns-account-01 and dns-persist-01, which are no RFC yet: the draft that the CA follows, as draft-ietf-acme-dns-persist-02')
    .option('--http-port <port>', 'port to answer http-01 on', port, 80)
    .option('--webroot <directory>', 'put http-01 responses into this directory of a web server in place of answering')
    .option('--tls-port <port>', 'port to answer tls-alpn-01 on', port, 443)
    .option('--dns-provider <name>', 'who writes records for dns-01 and dns-account-01: one of the configuration, a kind of acmex dns list with its variables in the environment, or manual')
    .option('--dns-env <names>', 'environment variables that a program which writes records sees, with commas between; can be given again', collect)
    .option('--dns-resolver <host:port>', 'ask this server about zones and records; can be given again', collect)
    .option('--propagation-wait <seconds>', 'wait this long for records in place of looking for them, or skip', seconds)
    .option('--profile <name>', 'one of the CA\'s certificate profiles')
    .option('--preferred-chain <name>', 'common name of the issuer that the chain should end in')
    .option('--not-after <time>', 'wished end of validity, RFC 3339; many CAs refuse it', moment)
    .option('--must-staple', 'ask for a certificate that needs a stapled OCSP answer')
    .option('--config <file>', configFile)
    .option('--storage <place>', 'where accounts are kept: file:PATH, redis://HOST:PORT or rediss://…; ACMEX_STORAGE otherwise')
    .option('--encryption-key-file <file>', 'the storage\'s encryption keys')
    .option('--deploy-directory <directory>', 'keep live/NAME/fullchain.pem and privkey.pem there, switched in one step; can be given with the files')
    .option('--deploy-hook <command>', 'run this when the certificate was written: a program and its arguments, split at blanks, no shell')
    .option('--probe <host:port>', 'then wait until this server shows the new certificate', place)
    .option('--no-manage', 'write the files and keep nothing but the account: nothing renews it')
    .option('--save-credentials', 'keep the variables of the DNS provider and of --dns-env in the storage, so that a renewal finds them')
    .option('--force', 'replace files that exist, and order again what is current')
    .option('--json', 'write the result as one JSON document')
    .addOption(logLevel())
    .action(async (options: ObtainOptions) => (await import('./obtain/obtain.ts')).obtain(options, terminal));

  program.command('info')
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

  for (const command of program.commands) command.copyInheritedSettings(program).showHelpAfterError(`(see acmex ${command.name()} --help)`);
  return program;
}

function addManagedCommands(program: Command, terminal: Terminal, logLevel: () => Option, end: (code: number) => void): void {
  const add = (parent: Command, name: string, description: string, options: CommandOptions = {}) => parent.command(name, options)
    .description(description)
    .copyInheritedSettings(program)
    .showHelpAfterError(`(see acmex ${parent === program ? '' : `${parent.name()} `}${name.split(' ', 1)[0]} --help)`)
    .option('--config <file>', configFile)
    .option('--storage <place>', 'where certificates are kept: file:PATH, redis://HOST:PORT or rediss://…; ACMEX_STORAGE otherwise')
    .option('--encryption-key-file <file>', 'the storage\'s encryption keys')
    .addOption(new Option('-o, --output <format>', 'how to write the result').choices(['text', 'json', 'csv']).default('text'))
    .addOption(logLevel());

  add(program, 'renew', 'renew what is due, deploy what is not, and end')
    .option('-d, --domains <names>', 'only the certificates with these names, or of these ids; can be given again', collect)
    .option('--all', 'look at every certificate, not only at what is known to be due')
    .option('--force', 'order also what is not due')
    .option('--dry-run', 'prove the names to the CA\'s staging, and change nothing here')
    .option('--server <url>', 'with --dry-run: the ACME directory to try it at')
    .option('--ca-certificate <file>', 'with --dry-run: root certificate of that directory\'s own https')
    .option('--concurrency <number>', 'how many at once', number, 5)
    .action(async (options: RenewOptions) => { end(await (await import('./managed/renew.ts')).renew(options, terminal)); });
  add(program, 'daemon', 'keep every certificate current until it is told to stop')
    .option('--check-interval <seconds>', 'look for what others have written at least so often', number, 60)
    .option('--concurrency <number>', 'how many at once', number, 5)
    .option('--renew-before-days <days>', 'renew no later than so long before the end; the CA and the lifetime say when otherwise', days)
    .option('--answer-http <port>', 'answer http-01 on this port for every machine and command with the storage', port)
    .option('--answer-tls <port>', 'the same for tls-alpn-01', port)
    .option('--per-issuer <number>', 'how many at once at one CA', number, 5)
    .action(async (options: DaemonOptions) => (await import('./managed/daemon.ts')).daemon(options, terminal));
  add(program, 'status', 'say how all certificates stand, with the exit codes of monitoring plugins: 0, 1 warning, 2 critical')
    .option('--warn <days>', 'warn when less is left', days, 14)
    .option('--crit <days>', 'critical when less is left', days, 7)
    .action(async (options: ManagedCommandOptions & { readonly warn: number; readonly crit: number }) => { end(await (await import('./managed/certificates.ts')).status(options, terminal)); });

  const cert = program.command('cert').description('the certificates that are kept current');
  add(cert, 'list', 'list them')
    .action(async (options: ManagedCommandOptions) => (await import('./managed/certificates.ts')).certList(options, terminal));
  add(cert, 'show <which>', 'show one, by its id or a name of it')
    .action(async (which: string, options: ManagedCommandOptions) => (await import('./managed/certificates.ts')).certShow(which, options, terminal));
  add(cert, 'export <which>', 'write one from the storage: its chain to standard output, or into files')
    .option('--cert-path <file>', 'where to write the certificate with its chain')
    .option('-k, --key-path <file>', 'where to write the private key')
    .action(async (which: string, options: ManagedCommandOptions) => (await import('./managed/certificates.ts')).certExport(which, options, terminal));
  for (const [what, description] of [['pause', 'do nothing for it until it is resumed'], ['resume', 'keep it current again'], ['remove', 'forget it, and its keys in the storage']] as const) {
    add(cert, `${what} <which>`, description)
      .action(async (which: string, options: ManagedCommandOptions) => (await import('./managed/certificates.ts')).certChange(what, which, options, terminal));
  }
  add(cert, 'revoke <which>', 'revoke the one that is in use; it stays managed')
    .addOption(new Option('--reason <reason>', 'why').choices(['unspecified', 'keyCompromise', 'affiliationChanged', 'superseded', 'cessationOfOperation', 'privilegeWithdrawn']))
    .action(async (which: string, options: ManagedCommandOptions & { readonly reason?: string }) => (await import('./managed/certificates.ts')).certRevoke(which, options, terminal));
  const queue = program.command('queue').description('what is due and not done, and what fails');
  add(queue, 'show', 'show it, which is what acmex queue does', { isDefault: true })
    .action(async (options: ManagedCommandOptions) => (await import('./managed/queue.ts')).queue(options, terminal));
  add(queue, 'replay [which...]', 'try what failed again now: everything, or certificates by their ids or names')
    .action(async (which: readonly string[], options: ManagedCommandOptions) => (await import('./managed/queue.ts')).replay(which, options, terminal));
  const order = program.command('order').description('what was ordered, and how it went');
  add(order, 'list', 'list all orders')
    .action(async (options: ManagedCommandOptions) => (await import('./managed/orders.ts')).orderList(options, terminal));
  add(order, 'show <id>', 'show the steps of one')
    .action(async (id: string, options: ManagedCommandOptions) => (await import('./managed/orders.ts')).orderShow(id, options, terminal));
  add(order, 'cancel <id>', 'end one that is under way')
    .action(async (id: string, options: ManagedCommandOptions) => (await import('./managed/orders.ts')).orderCancel(id, options, terminal));
  add(order, 'retry <id>', 'try one again now')
    .action(async (id: string, options: ManagedCommandOptions) => (await import('./managed/orders.ts')).orderRetry(id, options, terminal));
}

function addAccountCommands(program: Command, terminal: Terminal, logLevel: () => Option): void {
  const group = program.command('account').description('the accounts at CAs that are kept');
  const add = (name: string, description: string) => group.command(name)
    .description(description)
    .copyInheritedSettings(program)
    .showHelpAfterError(`(see acmex account ${name} --help)`)
    .option('--config <file>', configFile)
    .option('--storage <place>', 'where accounts are kept: file:PATH, redis://HOST:PORT or rediss://…; ACMEX_STORAGE otherwise')
    .option('--encryption-key-file <file>', 'the storage\'s encryption keys')
    .addOption(new Option('-o, --output <format>', 'how to write the result').choices(['text', 'json', 'csv']).default('text'))
    .addOption(logLevel());
  const at = (command: Command) => command
    .option('--prod', 'Let\'s Encrypt itself, not its staging')
    .option('--ca <name>', caNames)
    .option('--server <url>', 'any CA, by the URL of its ACME directory')
    .option('--ca-certificate <file>', 'root certificate of the CA\'s own https, for a private CA');

  add('list', 'list them')
    .action(async (options: AccountCommandOptions) => (await import('./account/account.ts')).accountList(options, terminal));
  at(add('register', 'make an account at a CA, unless there is one'))
    .option('-e, --email <address>', 'where the CA can reach you')
    .option('--accept-tos', 'agree to the CA\'s terms of service')
    .option('--eab-kid <id>', 'key identifier of an external account, as the CA handed it out')
    .option('--eab-hmac-key <key>', 'its HMAC key, in base64url; better in ACMEX_EAB_HMAC_KEY')
    .action(async (options: AccountCommandOptions) => (await import('./account/account.ts')).accountRegister(options, terminal));
  at(add('show', 'show what the CA has of it'))
    .action(async (options: AccountCommandOptions) => (await import('./account/account.ts')).accountShow(options, terminal));
  at(add('update', 'give the CA other contacts'))
    .option('-e, --email <addresses>', 'where the CA can reach you, with commas between; an empty one for nowhere')
    .action(async (options: AccountCommandOptions) => (await import('./account/account.ts')).accountUpdate(options, terminal));
  at(add('rotate-key', 'give it another key'))
    .action(async (options: AccountCommandOptions) => (await import('./account/account.ts')).accountRotateKey(options, terminal));
  at(add('deactivate', 'give it up, for good'))
    .option('--force', 'really')
    .action(async (options: AccountCommandOptions) => (await import('./account/account.ts')).accountDeactivate(options, terminal));
}

function addDnsCommands(program: Command, terminal: Terminal, logLevel: () => Option): void {
  const group = program.command('dns').description('who writes records for dns-01, whether that works, and records that are set once');
  const add = (name: string, description: string) => group.command(name)
    .description(description)
    .copyInheritedSettings(program)
    .showHelpAfterError(`(see acmex dns ${name.split(' ', 1)[0]} --help)`)
    .addOption(new Option('-o, --output <format>', 'how to write the result').choices(['text', 'json', 'csv']).default('text'))
    .addOption(logLevel());
  add('list', 'list every kind of DNS provider, and what each needs in acmex.toml')
    .action(async (options: DnsCommandOptions) => (await import('./dns/dns.ts')).dnsList(options, terminal));
  add('check <name>', 'write records at a name that nobody uses beside it, look for them, and take them away')
    .option('--config <file>', configFile)
    .option('--dns-provider <name>', 'one of the configuration, or a kind of acmex dns list with its variables in the environment; who writes the name\'s records by default')
    .option('--dns-env <names>', 'environment variables that a program which writes records sees, with commas between; can be given again', collect)
    .option('--dns-resolver <address:port>', 'look for records at this server, not at the authoritative ones; can be given again', collect)
    .action(async (name: string, options: DnsCommandOptions) => (await import('./dns/dns.ts')).dnsCheck(name, options, terminal));
  add('trace <name>', 'show where the record of a name goes, and what each server that answers for it shows')
    .option('--config <file>', configFile)
    .option('--dns-provider <name>', 'whose zones count, also where DNS does not show them: as acmex dns check has it')
    .option('--dns-env <names>', 'environment variables that a program which writes records sees, with commas between; can be given again', collect)
    .option('--dns-resolver <address:port>', 'ask this server; the system\'s by default', collect)
    .action(async (name: string, options: DnsCommandOptions) => (await import('./dns/dns.ts')).dnsTrace(name, options, terminal));
  add('persist <name>', 'show the record to set once for dns-persist-01, or look whether it stands')
    .option('--check', 'look for it at every authoritative server, and keep how long it will serve')
    .option('--challenge-draft <version>', 'the draft that the CA follows, as draft-ietf-acme-dns-persist-02; challenge.challenge_draft otherwise')
    .option('--wildcard', 'a record for *.NAME too, as for a name that begins with *.')
    .option('--persist-until <time>', 'a record that serves until then, RFC 3339', moment)
    .option('--issuer-domain <name>', 'by which name the CA goes in records, where its directory does not say')
    .option('--dns-resolver <address:port>', 'look for it at this server, not at the authoritative ones; can be given again', collect)
    .option('--prod', 'Let\'s Encrypt itself, not its staging')
    .option('--ca <name>', caNames)
    .option('--server <url>', 'any CA, by the URL of its ACME directory')
    .option('--ca-certificate <file>', 'root certificate of the CA\'s own https, for a private CA')
    .option('-e, --email <address>', 'where the CA can reach you, for an account that is new')
    .option('--accept-tos', 'agree to the CA\'s terms of service, for an account that is new')
    .option('--config <file>', configFile)
    .option('--storage <place>', 'where accounts are kept: file:PATH, redis://HOST:PORT or rediss://…; ACMEX_STORAGE otherwise')
    .option('--encryption-key-file <file>', 'the storage\'s encryption keys')
    .action(async (name: string, options: PersistOptions) => (await import('./dns/persist.ts')).dnsPersist(name, options, terminal));
}

function addServerCommands(program: Command, terminal: Terminal, logLevel: () => Option, version: string): void {
  const server = program.command('server').description('look after the server from the machine that it runs on');
  const key = server.command('key').description('the API keys');
  const add = (parent: Command, name: string, description: string) => parent.command(name)
    .description(description)
    .copyInheritedSettings(program)
    .showHelpAfterError(`(see acmex ${parent === program ? '' : parent === key ? 'server key ' : 'server '}${name.split(' ', 1)[0]} --help)`)
    .option('--config <file>', configFile)
    .option('--storage <place>', 'where everything is kept: file:PATH, redis://HOST:PORT or rediss://…; ACMEX_STORAGE otherwise')
    .option('--encryption-key-file <file>', 'the storage\'s encryption keys')
    .addOption(logLevel());

  add(program, 'serve', 'serve the REST API, and keep every certificate current, until it is told to stop')
    .option('-a, --addr <host:port>', 'where to listen; server.listen_addr otherwise, which is 127.0.0.1:8080 by default')
    .addOption(new Option('--role <role>', 'what this process does of what several share by Redis (ACMEX_REDIS_URL): serve the API, work, or all of it').choices(['all', 'api', 'worker']).default('all'))
    .action(async (options: ServeCommandOptions) => (await import('./server/serve.ts')).serve({ ...options, version }, terminal));
  add(server, 'agents', 'show which host serves which certificate, and which is behind')
    .option('--tenant <name>', 'whose they are; the first of the configuration by default')
    .addOption(new Option('-o, --output <format>', 'how to write the result').choices(['text', 'json', 'csv']).default('text'))
    .action(async (options: KeyCreateOptions) => (await import('./server/agents.ts')).agents(options, terminal));
  add(key, 'create', 'make an API key; it is shown this once')
    .option('--scopes <names>', 'what it may do, with commas between; everything by default', collect)
    .option('--names <patterns>', 'names that it may use: a name, *.example.com for all below it, or *, which is the default', collect)
    .option('--title <text>', 'what to call it')
    .option('--expires <time>', 'its end, RFC 3339', moment)
    .option('--tenant <name>', 'whose it is; the first of the configuration by default')
    .addOption(new Option('-o, --output <format>', 'how to write the result').choices(['text', 'json', 'csv']).default('text'))
    .action(async (options: KeyCreateOptions) => (await import('./server/keys.ts')).keyCreate(options, terminal));
  add(key, 'list', 'list them, without their secrets')
    .option('--tenant <name>', 'whose they are; the first of the configuration by default')
    .addOption(new Option('-o, --output <format>', 'how to write the result').choices(['text', 'json', 'csv']).default('text'))
    .action(async (options: KeyCreateOptions) => (await import('./server/keys.ts')).keyList(options, terminal));
  add(key, 'revoke <id>', 'take one no more, at once')
    .option('--tenant <name>', 'whose it is; the first of the configuration by default')
    .addOption(new Option('-o, --output <format>', 'how to write the result').choices(['text', 'json', 'csv']).default('text'))
    .action(async (id: string, options: KeyCreateOptions) => (await import('./server/keys.ts')).keyRevoke(id, options, terminal));
}

function addAgentCommand(program: Command, terminal: Terminal, logLevel: () => Option, { version, end }: { readonly version: string; readonly end: (code: number) => void }): void {
  program.command('agent')
    .description('keep the certificates of a server in the files of this host, until it is told to stop')
    .requiredOption('--server <url>', 'the AcmeX server, as https://acmex.example; where it fails, the next one that is given is asked', collect)
    .requiredOption('--key-file <file>', 'the API key, with the scopes certificates:read, private-keys:read and agents:write')
    .option('--certificate <id or name>', 'only this one; can be given again; all that the key may see by default', collect)
    .option('--directory <directory>', 'keep live/NAME/fullchain.pem and privkey.pem there, switched in one step; /var/lib/acmex/agent for root by default, ~/.local/state/acmex/agent for others')
    .option('--deploy-hook <command>', 'run this for each change, when it is written: a program and its arguments, split at blanks, no shell')
    .option('--probe <host:port>', 'look there what is served', place)
    .option('--ca-certificate <file>', 'root certificate of the server\'s https, for a private CA')
    .option('--name <name>', 'what this host is called at the server; its host name by default')
    .option('--once', 'look once and end, for a timer')
    .addOption(logLevel())
    .action(async (options: AgentCommandOptions) => { end(await (await import('./agent/command.ts')).agent({ ...options, version }, terminal)); });
}

function addStorageCommands(program: Command, terminal: Terminal, logLevel: () => Option): void {
  const group = program.command('storage').description('look after what must not be lost');
  const add = (name: string, description: string) => group.command(name)
    .description(description)
    .copyInheritedSettings(program)
    .showHelpAfterError(`(see acmex storage ${name.split(' ', 1)[0]} --help)`)
    .option('--json', 'write the result as one JSON document')
    .addOption(logLevel());
  const withStorage = (command: Command) => command
    .option('--config <file>', configFile)
    .option('--storage <place>', 'file:PATH, redis://HOST:PORT or rediss://…; ACMEX_STORAGE otherwise')
    .option('--encryption-key-file <file>', 'the storage\'s encryption keys, one in a line, the first for writing; ACMEX_STORAGE_ENCRYPTION_KEY_FILE, …_KEY or ACMEX_STORAGE_PASSPHRASE otherwise');

  withStorage(add('check', 'hold a storage against what every storage must do, and read every entry'))
    .action(async (options: StorageOptions) => (await import('./storage/check.ts')).check(options, terminal));
  withStorage(add('migrate', 'copy everything into another storage'))
    .requiredOption('--to <place>', 'the storage to copy into')
    .option('--to-key-file <file>', 'encrypt there with the first key of this file')
    .action(async (options: MigrateOptions) => (await import('./storage/migrate.ts')).migrate(options, terminal));
  withStorage(add('backup <file>', 'write everything as it is at one moment into an encrypted file'))
    .option('--key-file <file>', 'encrypt with the first key of this file, not with the storage\'s')
    .action(async (file: string, options: BackupOptions) => (await import('./storage/backup.ts')).backup(file, options, terminal));
  withStorage(add('restore <file>', 'write a backup into an empty storage'))
    .option('--key-file <file>', 'the backup\'s key, where it is not the storage\'s')
    .action(async (file: string, options: BackupOptions) => (await import('./storage/backup.ts')).restore(file, options, terminal));
  withStorage(add('rotate-key', 'encrypt everything with a new key, while others read and write'))
    .requiredOption('--new-key-file <file>', 'the new key')
    .action(async (options: RotateKeyOptions) => (await import('./storage/encryption.ts')).rotateKey(options, terminal));
  withStorage(add('encrypt', 'encrypt a storage in place that is in clear'))
    .action(async (options: StorageOptions) => (await import('./storage/encryption.ts')).encrypt(options, terminal));
  add('new-key <file>', 'make an encryption key')
    .action(async (file: string, options: StorageOptions) => (await import('./storage/encryption.ts')).newKey(file, options, terminal));
}

function addConfigCommands(program: Command, terminal: Terminal): void {
  const group = program.command('config').description('look at acmex.toml, and at what holds');
  const add = (name: string, description: string) => group.command(name)
    .description(description)
    .copyInheritedSettings(program)
    .showHelpAfterError(`(see acmex config ${name} --help)`);
  const withFile = (command: Command) => command
    .option('--config <file>', configFile)
    .addOption(new Option('-o, --output <format>', 'how to write the result').choices(['text', 'json', 'csv']).default('text'));
  withFile(add('check', 'find every fault of the configuration'))
    .action(async (options: ConfigOptions) => (await import('./config/config.ts')).check(options, terminal));
  withFile(add('show', 'show every value that holds, without credentials'))
    .option('--origin', 'and where each came from')
    .action(async (options: ConfigOptions) => (await import('./config/config.ts')).show(options, terminal));
  add('schema', 'write the JSON Schema of the configuration, for editors')
    .action(async (options: unknown) => (await import('./config/config.ts')).schema(options, terminal));
}

function addDemoCommand(program: Command, terminal: Terminal, logLevel: () => Option): void {
  program.command('demo')
    .description('get a certificate from a throw-away CA on this machine: no network, no root')
    .option('--directory <directory>', 'where to put the files', 'acmex-demo')
    .addOption(logLevel())
    .action(async (options: DemoOptions) => (await import('./demo.ts')).demo(options, terminal));
}

function addCaCommands(program: Command, terminal: Terminal, logLevel: () => Option): void {
  const group = program.command('ca').description('be a CA: an ACME server of your own');
  const add = (parent: Command, name: string, description: string) => parent.command(name)
    .description(description)
    .copyInheritedSettings(program)
    .showHelpAfterError(`(see acmex ${parent === group ? 'ca' : `ca ${parent.name()}`} ${name.split(' ', 1)[0]} --help)`)
    .option('--config <file>', configFile)
    .option('--storage <place>', 'where the CA is kept: file:PATH, redis://HOST:PORT or rediss://…; ACMEX_STORAGE otherwise')
    .option('--encryption-key-file <file>', 'the storage\'s encryption keys')
    .option('--json', 'write the result as one JSON document')
    .addOption(logLevel());

  add(group, 'init', 'make a CA: an offline root, and an issuing certificate below it')
    .option('--name <name>', 'what the CA is called')
    .option('--domains <names>', 'domains that it is for, each with all names below; can be given again', collect)
    .option('--addresses <ranges>', 'address ranges that it is for; can be given again', collect)
    .option('--unconstrained', 'let its key issue for every name there is')
    .addOption(new Option('--key-type <type>', 'type of its keys').choices(['ec-p256', 'ec-p384', 'rsa-2048', 'rsa-3072', 'rsa-4096']).default('ec-p384'))
    .option('--root-days <days>', 'how long the root is valid', days, 3650)
    .option('--issuing-days <days>', 'how long the issuing certificate is valid', days, 1095)
    .option('--passphrase-file <file>', 'the passphrase of the root\'s key; ACMEX_CA_PASSPHRASE otherwise')
    .option('--root-certificate <file>', 'where to write the root certificate', 'ca-root.pem')
    .option('--root-key <file>', 'where to write the root\'s encrypted key', 'ca-root-key.pem')
    .option('--issuing-certificate <file>', 'an issuing certificate of your own, in place of a new CA')
    .option('--issuing-key <file>', 'its key, PEM')
    .action(async (options: InitOptions) => (await import('./ca/init.ts')).init(options, terminal));
  add(group, 'serve', 'answer ACME clients until told to stop')
    .addOption(new Option('--listen <host:port>', 'address and port; port 0 for a free one').argParser(place).default({ host: '127.0.0.1', port: 14_443 }, '127.0.0.1:14443'))
    .option('--url <url>', 'under which clients reach it, with its path; https://HOST:PORT/acme otherwise')
    .option('--root-certificate <file>', 'write the root there for clients')
    .option('--tls-certificate <file>', 'a certificate for the server from elsewhere; one of its own otherwise')
    .option('--tls-key <file>', 'its key')
    .option('--reach <ranges>', 'private address ranges that validation may connect to; can be given again', collect)
    .option('--dns-resolver <host:port>', 'ask this resolver about names; can be given again', collect)
    .option('--caa <domain>', 'obey CAA records, which name this CA so')
    .option('--challenge-draft <versions>', 'offer dns-account-01 or dns-persist-01 by this version of its draft; needs --caa for the latter; can be given again', collect)
    .option('--eab-required', 'take accounts only with an external account: see acmex ca eab')
    .option('--terms <url>', 'terms of service')
    .option('--development', 'a throw-away CA in memory, for this machine alone: "AcmeX Development, do not trust"')
    .option('--http-port <port>', 'with --development: where http-01 is answered', port)
    .option('--tls-port <port>', 'with --development: where tls-alpn-01 is answered', port)
    .action(async (options: ServeOptions) => (await import('./ca/serve.ts')).serve(options, terminal));
  add(group, 'list', 'list the certificates that were issued')
    .action(async (options: CaOptions) => (await import('./ca/records.ts')).list(options, terminal));
  add(group, 'revoke <serial>', 'revoke a certificate')
    .addOption(new Option('--reason <reason>', 'why').choices(['unspecified', 'keyCompromise', 'affiliationChanged', 'superseded', 'cessationOfOperation', 'privilegeWithdrawn']).default('unspecified'))
    .action(async (serial: string, options: CaOptions & { readonly reason: RevocationReason }) => (await import('./ca/records.ts')).revoke(serial, options, terminal));
  add(group, 'crl <file>', 'write the list of revoked certificates, DER')
    .action(async (file: string, options: CaOptions) => (await import('./ca/records.ts')).crl(file, options, terminal));
  const eab = group.command('eab').description('external accounts: who may make an account');
  add(eab, 'create', 'make an external account; its key is shown once')
    .option('--description <text>', 'who it is for')
    .option('--reusable', 'more than one account may be bound to it')
    .action(async (options: CaOptions & { readonly description?: string; readonly reusable?: boolean }) => (await import('./ca/records.ts')).eabCreate(options, terminal));
  add(eab, 'list', 'list external accounts, without their keys')
    .action(async (options: CaOptions) => (await import('./ca/records.ts')).eabList(options, terminal));
  add(eab, 'revoke <kid>', 'bind no further accounts to it')
    .action(async (kid: string, options: CaOptions) => (await import('./ca/records.ts')).eabRevoke(kid, options, terminal));
}

function collect(names: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...names.split(',').filter((name) => name.trim() !== '')];
}

function port(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > 65_535) throw new InvalidArgumentError('A port is a number from 1 to 65535.');
  return number;
}

function place(text: string): { readonly host: string; readonly port: number } {
  const [, host, number] = /^(\[[0-9a-f:.]+\]|[^:[\]]+):(\d{1,5})$/i.exec(text) ?? [];
  if (host === undefined || Number(number) > 65_535) throw new InvalidArgumentError('A place is written as 127.0.0.1:14443 or [::1]:14443.');
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(number) };
}

function number(text: string): number {
  if (!/^\d{1,4}$/.test(text) || Number(text) < 1) throw new InvalidArgumentError('Give a number from 1.');
  return Number(text);
}

function days(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) < 1) throw new InvalidArgumentError('Give a number of days.');
  return Number(text);
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
