import { keyTypes } from '@acmex/certificate';
import { bundleFormatNames } from '@acmex/certificate/formats';
import { subscriberRevocationReasons } from '@acmex/protocol';
import { command } from './command.ts';
import { choice, type Flag, isPresent, parsed, text } from './flag.ts';
import {
  accountFlags,
  caFlags,
  configurationFlags,
  loggingFlags,
  metricsFlags,
  logFileFlags,
  networkFlags,
  outputFlags,
  storageFlags,
} from './flag-groups.ts';
import { away, dayOrTime, revocation } from '../rehearse/values.ts';
import { count, days, list, localAddress, manyCertificates, port } from './values.ts';

const stored = [configurationFlags, storageFlags, outputFlags, loggingFlags] as const;
const connected = [networkFlags, ...stored] as const;

const concurrency = parsed('--concurrency <number>', 'Maximum orders at a time', count, 5);

/** Commander gives a flag that begins with `--no-` the value true where it is absent. */
const isAwaited: Flag<boolean> = {
  syntax: '--no-wait',
  description: 'Leave the orders to acmex daemon, acmex serve or acmex renew',
};

const renewalCommands = [
  command({
    path: 'apply',
    description:
      'Make the managed certificates those of acmex.toml and certificates.d, and execute their orders; exit code 10: there is a difference, and nothing was changed',
    needs: 'configuration',
    flags: {
      dryRun: isPresent('--dry-run', 'Show the difference, and change nothing'),
      prune: isPresent(
        '--prune',
        'Retire what is not declared any more: it is not renewed, and never revoked',
      ),
      yes: isPresent('-y, --yes', 'Retire without a question'),
      wait: isAwaited,
      concurrency,
    },
    groups: connected,
    run: async ({ options, terminal }) =>
      await (await import('../managed/apply.ts')).apply(options, terminal),
  }),
  command({
    path: 'renew',
    description: 'Renew and deploy every certificate that is due, and exit',
    needs: 'configuration',
    flags: {
      domains: parsed(
        '-d, --domains <names>',
        'Only the certificates with these names or ids, separated by commas; repeatable',
        list,
      ),
      all: isPresent('--all', 'Check every certificate, not only those known to be due'),
      force: isPresent('--force', 'Order again before renewal is due'),
      dryRun: isPresent(
        '--dry-run',
        "Prove the names to the CA's staging environment, and change nothing",
      ),
      server: text('--server <url>', 'With --dry-run: ACME directory to use instead of staging'),
      caCertificate: text(
        '--ca-certificate <file>',
        "With --dry-run: root certificate of that directory's HTTPS server",
      ),
      concurrency,
      metricsFile: text(
        '--metrics-file <file>',
        'File for metrics after the run, for the textfile collector of node_exporter; use a name that ends with .prom',
      ),
    },
    groups: connected,
    run: async ({ options, terminal }) =>
      await (await import('../managed/renew.ts')).renew(options, terminal),
  }),
  command({
    path: 'daemon',
    description: 'Renew and deploy every certificate when it is due, until stopped',
    needs: 'configuration',
    flags: {
      checkInterval: parsed(
        '--check-interval <seconds>',
        'How often to rescan the storage, in seconds',
        count,
        60,
      ),
      concurrency,
      renewBeforeDays: parsed(
        '--renew-before-days <days>',
        'Renew at least this many days before expiry; by default the CA or the lifetime decides',
        days,
      ),
      answerHttp: parsed(
        '--answer-http <port>',
        'Port that answers http-01 for every process with this storage',
        port,
      ),
      answerHttpAddress: parsed(
        '--answer-http-address <address>',
        'Address of this machine for --answer-http (default: all)',
        localAddress,
      ),
      answerTls: parsed(
        '--answer-tls <port>',
        'Port that answers tls-alpn-01 for every process with this storage',
        port,
      ),
      answerTlsAddress: parsed(
        '--answer-tls-address <address>',
        'Address of this machine for --answer-tls (default: all)',
        localAddress,
      ),
      perIssuer: parsed('--per-issuer <number>', 'Maximum orders at a time at one CA', count, 5),
    },
    groups: [...connected, metricsFlags, logFileFlags],
    run: async ({ options, terminal }) =>
      await (await import('../managed/daemon.ts')).daemon(options, terminal),
  }),
  command({
    path: 'status',
    description:
      'Summarise all certificates; exit codes follow the Nagios plugin convention: 0 OK, 1 warning, 2 critical',
    needs: 'configuration',
    flags: {
      warn: parsed('--warn <days>', 'Warn below this many days before expiry', days, 14),
      crit: parsed('--crit <days>', 'Critical below this many days before expiry', days, 7),
    },
    groups: stored,
    run: async ({ options, terminal }) =>
      await (await import('../managed/status.ts')).status(options, terminal),
  }),
  command({
    path: 'rehearse',
    description:
      'Show what happens to the certificates over the next years: by the same code, on a clock that jumps; no request is sent',
    needs: 'configuration',
    flags: {
      from: parsed('--from <day>', 'First day, as 2027-01-01; by default now', dayOrTime),
      until: parsed(
        '--until <day>',
        'Day after the last one, as 2029-01-01; by default two years after the first',
        dayOrTime,
      ),
      away: parsed(
        '--away <issuer=interval>',
        'A CA is away, as letsencrypt=2027-05-01/P7D; repeatable',
        away,
      ),
      revoke: parsed(
        '--revoke <issuer=interval>',
        'A CA announces a revocation and revokes, as letsencrypt=2027-05-01/P3D, or a share, as letsencrypt=2027-05-01/P3D,30%; repeatable',
        revocation,
      ),
      certificates: parsed(
        '--certificates <number>',
        'Make up so many certificates, in place of those in the storage',
        manyCertificates,
      ),
      chart: text('--chart <file>', 'File for a chart of each day, as SVG'),
    },
    groups: stored,
    run: async ({ options, terminal }) =>
      await (await import('../rehearse/rehearse.ts')).rehearseCertificates(options, terminal),
  }),
];

const certificateCommands = [
  command({
    path: 'cert list',
    description: 'List the managed certificates',
    needs: 'configuration',
    groups: stored,
    run: async ({ options, terminal }) =>
      await (await import('../managed/certificates.ts')).certList(options, terminal),
  }),
  command({
    path: 'cert show',
    argument: '<which>',
    description: 'Show a certificate by its id or one of its names',
    needs: 'configuration',
    groups: stored,
    run: async ({ argument: which, options, terminal }) =>
      await (await import('../managed/certificates.ts')).certShow(which, options, terminal),
  }),
  command({
    path: 'cert export',
    argument: '<which>',
    description: 'Write a stored certificate to standard output or to files',
    needs: 'configuration',
    flags: {
      certPath: text('--cert-path <file>', 'File for the certificate and its chain'),
      keyPath: text('-k, --key-path <file>', 'File for the private key'),
      refused: text(
        '--refused <id>',
        'A certificate that was issued and is not used: its id, from acmex cert show',
      ),
      chain: text(
        '--chain <chain>',
        'Chain to write: its number in acmex cert show, the common name of the issuer that it ends in, or the SHA-256 fingerprint of any certificate in it; the chain in use by default',
      ),
      keyType: choice(
        '--key-type <type>',
        'Of a certificate with two key types, the one to write; the first by default',
        keyTypes,
      ),
      format: choice('--format <format>', 'Write it in this format', bundleFormatNames),
      out: text('--out <file>', 'With --format: file to write; standard output by default'),
      passphraseFile: text(
        '--passphrase-file <file>',
        'With --format: passphrase that encrypts it; by default ACMEX_OUT_PASSPHRASE, or a question on the terminal',
      ),
      force: isPresent('--force', 'With --out: replace an existing file'),
    },
    groups: stored,
    run: async ({ argument: which, options, terminal }) =>
      await (await import('../managed/certificates.ts')).certExport(which, options, terminal),
  }),
  command({
    path: 'cert revoke',
    argument: '[which]',
    description: 'Revoke certificates: managed ones, which stay managed, or that of a file',
    needs: 'configuration',
    flags: {
      cert: {
        ...text(
          '--cert <file>',
          'File with the certificate, PEM or DER, which need not be in the storage; the account in the storage signs, unless --key or --prove is used',
        ),
        conflicts: ['replace', 'confirm', 'signer'],
      },
      key: {
        ...text(
          '--key <file>',
          'With --cert: private key of the certificate, which signs in place of an account; or the reference of a key in a device',
        ),
        conflicts: ['prove'],
      },
      passphraseFile: text(
        '--passphrase-file <file>',
        'With --key: passphrase of the key; by default ACMEX_PASSPHRASE, or a question on the terminal',
      ),
      prove: isPresent(
        '--prove',
        'With --cert: prove control of all its names first, as configured in [challenge]; the account need not be that of the certificate',
      ),
      yes: isPresent('-y, --yes', 'With --cert: revoke without a question'),
      serial: text(
        '--serial <number>',
        'The certificate with this serial number, also an earlier one that is stored',
      ),
      issuer: text('--issuer <name>', 'All certificates in use of this issuer'),
      label: text('--label <name=value>', 'All certificates in use with this label'),
      confirm: parsed(
        '--confirm <count>',
        'With --issuer or --label: how many certificates are to be revoked',
        count,
      ),
      replace: isPresent(
        '--replace',
        'Obtain and deploy a new certificate first, and revoke only what is replaced',
      ),
      drill: isPresent(
        '--drill',
        'Do everything except the revocation, and show who would sign it',
      ),
      signer: choice(
        '--signer <signer>',
        'Whose key signs for a stored certificate; by default that of the account, and that of the certificate where there is no account or the CA refuses it',
        ['account', 'certificate'],
      ),
      reason: choice('--reason <reason>', 'Reason for the revocation', subscriberRevocationReasons),
    },
    groups: [caFlags, accountFlags, ...connected],
    run: async ({ argument: which, options, terminal }) =>
      await (await import('../managed/revoke.ts')).certRevoke(which, options, terminal),
  }),
  ...(
    [
      ['pause', 'Stop renewing a certificate until it is resumed'],
      ['resume', 'Renew a paused certificate again'],
      ['remove', 'Remove a certificate and its keys from the storage'],
    ] as const
  ).map(([change, description]) =>
    command({
      path: `cert ${change}`,
      argument: '<which>',
      description,
      needs: 'configuration',
      groups: stored,
      run: async ({ argument: which, options, terminal }) =>
        await (
          await import('../managed/certificates.ts')
        ).certChange(change, which, options, terminal),
    }),
  ),
];

const queueCommands = [
  command({
    path: 'queue show',
    description: 'Show what is due and what fails; the same as acmex queue',
    isDefault: true,
    needs: 'configuration',
    groups: stored,
    run: async ({ options, terminal }) =>
      await (await import('../managed/queue.ts')).queue(options, terminal),
  }),
  command({
    path: 'queue replay',
    argument: '[which...]',
    description: 'Retry failed certificates now: all of them, or some by their ids or names',
    needs: 'configuration',
    groups: stored,
    run: async ({ args, options, terminal }) =>
      await (await import('../managed/queue.ts')).replay(args, options, terminal),
  }),
];

const orderCommands = [
  command({
    path: 'order list',
    description: 'List all orders',
    needs: 'configuration',
    groups: stored,
    run: async ({ options, terminal }) =>
      await (await import('../managed/orders.ts')).orderList(options, terminal),
  }),
  command({
    path: 'order show',
    argument: '<id>',
    description: 'Show an order and its steps',
    needs: 'configuration',
    groups: stored,
    run: async ({ argument: id, options, terminal }) =>
      await (await import('../managed/orders.ts')).orderShow(id, options, terminal),
  }),
  command({
    path: 'order cancel',
    argument: '<id>',
    description: 'Cancel an order that is not finished',
    needs: 'configuration',
    groups: stored,
    run: async ({ argument: id, options, terminal }) =>
      await (await import('../managed/orders.ts')).orderCancel(id, options, terminal),
  }),
  command({
    path: 'order retry',
    argument: '<id>',
    description: 'Retry an order now',
    needs: 'configuration',
    groups: connected,
    run: async ({ argument: id, options, terminal }) =>
      await (await import('../managed/orders.ts')).orderRetry(id, options, terminal),
  }),
];

const tenant = text(
  '--tenant <name>',
  'Tenant of the server; by default the certificates of the command line',
);

const notifyCommands = [
  command({
    path: 'notify test',
    argument: '[name]',
    description: 'Send a test message to a receiver, or to all, and show what each answered',
    needs: 'configuration',
    flags: {
      event: text('--event <name>', 'Send an example of this event instead: see docs/events.md'),
      channel: text('--channel <name>', 'Same as the argument: the receiver'),
      tenant,
    },
    groups: stored,
    run: async ({ args: [name], options, terminal }) =>
      await (await import('../managed/notify.ts')).notifyTest(name, options, terminal),
  }),
  command({
    path: 'notify list',
    description: 'List the notifications that wait to be sent, and the dead letters',
    needs: 'configuration',
    flags: { tenant },
    groups: stored,
    run: async ({ options, terminal }) =>
      await (await import('../managed/notify.ts')).notifyList(options, terminal),
  }),
  command({
    path: 'notify replay',
    argument: '[id...]',
    description: 'Send dead letters again: some by their ids, or all of them',
    needs: 'configuration',
    flags: { all: isPresent('--all', 'Every dead letter'), tenant },
    groups: stored,
    run: async ({ args, options, terminal }) =>
      await (await import('../managed/notify.ts')).notifyReplay(args, options, terminal),
  }),
];

export const managedCommands = [
  ...renewalCommands,
  ...certificateCommands,
  ...queueCommands,
  ...orderCommands,
  ...notifyCommands,
];
