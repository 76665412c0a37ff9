import { type Command, type CommandOptions, Option } from 'commander';
import type { ConfiguredOutputOptions } from '../output.ts';
import type { DaemonOptions } from '../managed/daemon.ts';
import type { RenewOptions } from '../managed/renew.ts';
import type { Terminal } from '../terminal.ts';
import { collect, configFile, days, number, port } from './flags.ts';

export function addManagedCommands(
  program: Command,
  terminal: Terminal,
  logLevel: () => Option,
  end: (code: number) => void,
): void {
  const add = (parent: Command, name: string, description: string, options: CommandOptions = {}) =>
    parent
      .command(name, options)
      .description(description)
      .copyInheritedSettings(program)
      .showHelpAfterError(
        `(see acmex ${parent === program ? '' : `${parent.name()} `}${name.split(' ', 1)[0]} --help)`,
      )
      .option('--config <file>', configFile)
      .option(
        '--storage <place>',
        'where certificates are kept: file:PATH, redis://HOST:PORT or rediss://…; ACMEX_STORAGE otherwise',
      )
      .option('--encryption-key-file <file>', "the storage's encryption keys")
      .addOption(
        new Option('-o, --output <format>', 'how to write the result')
          .choices(['text', 'json', 'csv'])
          .default('text'),
      )
      .addOption(logLevel());

  add(program, 'renew', 'renew what is due, deploy what is not, and end')
    .option(
      '-d, --domains <names>',
      'only the certificates with these names, or of these ids; can be given again',
      collect,
    )
    .option('--all', 'look at every certificate, not only at what is known to be due')
    .option('--force', 'order also what is not due')
    .option('--dry-run', "prove the names to the CA's staging, and change nothing here")
    .option('--server <url>', 'with --dry-run: the ACME directory to try it at')
    .option(
      '--ca-certificate <file>',
      "with --dry-run: root certificate of that directory's own https",
    )
    .option('--concurrency <number>', 'how many at once', number, 5)
    .action(async (options: RenewOptions) => {
      end(await (await import('../managed/renew.ts')).renew(options, terminal));
    });
  add(program, 'daemon', 'keep every certificate current until it is told to stop')
    .option(
      '--check-interval <seconds>',
      'look for what others have written at least so often',
      number,
      60,
    )
    .option('--concurrency <number>', 'how many at once', number, 5)
    .option(
      '--renew-before-days <days>',
      'renew no later than so long before the end; the CA and the lifetime say when otherwise',
      days,
    )
    .option(
      '--answer-http <port>',
      'answer http-01 on this port for every machine and command with the storage',
      port,
    )
    .option('--answer-tls <port>', 'the same for tls-alpn-01', port)
    .option('--per-issuer <number>', 'how many at once at one CA', number, 5)
    .action(async (options: DaemonOptions) =>
      (await import('../managed/daemon.ts')).daemon(options, terminal),
    );
  add(
    program,
    'status',
    'say how all certificates stand, with the exit codes of monitoring plugins: 0, 1 warning, 2 critical',
  )
    .option('--warn <days>', 'warn when less is left', days, 14)
    .option('--crit <days>', 'critical when less is left', days, 7)
    .action(
      async (
        options: ConfiguredOutputOptions & { readonly warn: number; readonly crit: number },
      ) => {
        end(await (await import('../managed/certificates.ts')).status(options, terminal));
      },
    );

  const cert = program.command('cert').description('the certificates that are kept current');
  add(cert, 'list', 'list them').action(async (options: ConfiguredOutputOptions) =>
    (await import('../managed/certificates.ts')).certList(options, terminal),
  );
  add(cert, 'show <which>', 'show one, by its id or a name of it').action(
    async (which: string, options: ConfiguredOutputOptions) =>
      (await import('../managed/certificates.ts')).certShow(which, options, terminal),
  );
  add(
    cert,
    'export <which>',
    'write one from the storage: its chain to standard output, or into files',
  )
    .option('--cert-path <file>', 'where to write the certificate with its chain')
    .option('-k, --key-path <file>', 'where to write the private key')
    .action(async (which: string, options: ConfiguredOutputOptions) =>
      (await import('../managed/certificates.ts')).certExport(which, options, terminal),
    );
  for (const [what, description] of [
    ['pause', 'do nothing for it until it is resumed'],
    ['resume', 'keep it current again'],
    ['remove', 'forget it, and its keys in the storage'],
  ] as const) {
    add(cert, `${what} <which>`, description).action(
      async (which: string, options: ConfiguredOutputOptions) =>
        (await import('../managed/certificates.ts')).certChange(what, which, options, terminal),
    );
  }
  add(cert, 'revoke <which>', 'revoke the one that is in use; it stays managed')
    .addOption(
      new Option('--reason <reason>', 'why').choices([
        'unspecified',
        'keyCompromise',
        'affiliationChanged',
        'superseded',
        'cessationOfOperation',
        'privilegeWithdrawn',
      ]),
    )
    .action(
      async (which: string, options: ConfiguredOutputOptions & { readonly reason?: string }) =>
        (await import('../managed/certificates.ts')).certRevoke(which, options, terminal),
    );
  const queue = program.command('queue').description('what is due and not done, and what fails');
  add(queue, 'show', 'show it, which is what acmex queue does', { isDefault: true }).action(
    async (options: ConfiguredOutputOptions) =>
      (await import('../managed/queue.ts')).queue(options, terminal),
  );
  add(
    queue,
    'replay [which...]',
    'try what failed again now: everything, or certificates by their ids or names',
  ).action(async (which: readonly string[], options: ConfiguredOutputOptions) =>
    (await import('../managed/queue.ts')).replay(which, options, terminal),
  );
  const order = program.command('order').description('what was ordered, and how it went');
  add(order, 'list', 'list all orders').action(async (options: ConfiguredOutputOptions) =>
    (await import('../managed/orders.ts')).orderList(options, terminal),
  );
  add(order, 'show <id>', 'show the steps of one').action(
    async (id: string, options: ConfiguredOutputOptions) =>
      (await import('../managed/orders.ts')).orderShow(id, options, terminal),
  );
  add(order, 'cancel <id>', 'end one that is under way').action(
    async (id: string, options: ConfiguredOutputOptions) =>
      (await import('../managed/orders.ts')).orderCancel(id, options, terminal),
  );
  add(order, 'retry <id>', 'try one again now').action(
    async (id: string, options: ConfiguredOutputOptions) =>
      (await import('../managed/orders.ts')).orderRetry(id, options, terminal),
  );
}
