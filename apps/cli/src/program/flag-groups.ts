import { outputFormats } from '../output.ts';
import { logLevels } from '../terminal.ts';
import { choice, type FlagGroup, isPresent, text } from './flag.ts';

export const configurationFlags = {
  title: 'Configuration',
  description:
    'A flag overrides an `ACMEX_*` variable, which overrides the file. `acmex config show --origin` shows each value and its source.',
  flags: {
    config: text(
      '--config <file>',
      'Configuration file; by default the first of ./acmex.toml, ~/.config/acmex/acmex.toml and /etc/acmex/acmex.toml',
    ),
  },
} satisfies FlagGroup;

export const storageFlags = {
  title: 'Storage',
  description:
    'The storage holds accounts, certificates, keys, orders and events. The default is `file:` in /var/lib/acmex for root, and in ~/.local/state/acmex for other users.',
  flags: {
    storage: text(
      '--storage <place>',
      'Storage: file:PATH, redis://HOST:PORT or rediss://HOST:PORT; by default ACMEX_STORAGE or storage.url',
    ),
    encryptionKeyFile: text(
      '--encryption-key-file <file>',
      'Encryption keys of the storage, one per line; the first encrypts. By default ACMEX_STORAGE_ENCRYPTION_KEY_FILE, ACMEX_STORAGE_ENCRYPTION_KEY or ACMEX_STORAGE_PASSPHRASE',
    ),
  },
} satisfies FlagGroup;

export const networkFlags = {
  title: 'Network',
  description:
    'Without the flag, `network.proxy` of the configuration is used; without that, the variables `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.',
  flags: {
    proxy: text(
      '--proxy <url>',
      'HTTP proxy for every outgoing request: http://HOST:PORT, https://HOST:PORT or none; prefer a variable for a password, which other users cannot see',
    ),
  },
} satisfies FlagGroup;

export const caFlags = {
  title: 'Certificate authority',
  description:
    "Without these flags, the CA of `[acme]` in the configuration is used; without that, Let's Encrypt staging, whose certificates browsers do not trust.",
  flags: {
    prod: isPresent('--prod', "Use Let's Encrypt production instead of staging"),
    ca: text(
      '--ca <name>',
      'CA by its name in the configuration, or letsencrypt, letsencrypt-staging, google, google-staging, zerossl, sslcom, sslcom-ecc',
    ),
    server: text('--server <url>', 'CA by the URL of its ACME directory'),
    caCertificate: text(
      '--ca-certificate <file>',
      "Root certificate of the CA's HTTPS server, for a private CA",
    ),
  },
} satisfies FlagGroup;

export const accountFlags = {
  title: 'New account',
  description: 'Used when the storage has no account at the CA yet.',
  flags: {
    email: text(
      '-e, --email <address>',
      'E-mail addresses where the CA can contact you, separated by commas',
    ),
    acceptTos: isPresent('--accept-tos', "Accept the CA's terms of service"),
    eabKid: text('--eab-kid <id>', 'Key identifier of an external account, from the CA'),
    eabHmacKey: text(
      '--eab-hmac-key <key>',
      'HMAC key of the external account, in base64url; prefer the variable ACMEX_EAB_HMAC_KEY, which other users cannot see',
    ),
  },
} satisfies FlagGroup;

export const metricsFlags = {
  title: 'Metrics',
  description:
    'Without the flag, metrics are served if `metrics.enabled` of the configuration is true, at `metrics.listen_addr`.',
  flags: {
    metricsListen: text(
      '--metrics-listen <host:port>',
      'Address that serves metrics for Prometheus at /metrics, over plain HTTP and without a key',
    ),
  },
} satisfies FlagGroup;

export const outputFlags = {
  title: 'Output',
  description:
    'The result is written to standard output. With JSON, an error is written there too, as `{ "error": { "code", "message" } }`.',
  flags: {
    output: choice('-o, --output <format>', 'Format of the result', outputFormats, 'text'),
    json: { ...isPresent('--json', 'Same as --output json'), implies: { output: 'json' } },
  },
} satisfies FlagGroup;

export const logFileFlags = {
  title: 'Log file',
  description:
    'Without the flag, the file is `cli.log_file` of the configuration. `cli.log_max_size` and `cli.log_backup_count` limit it.',
  flags: {
    logFile: text(
      '--log-file <file>',
      'File for the log, as lines of JSON, instead of standard error; SIGHUP opens it again',
    ),
  },
} satisfies FlagGroup;

export const loggingFlags = {
  title: 'Logging',
  description: 'Progress, warnings and errors are written to standard error.',
  flags: {
    logLevel: choice(
      '-l, --log-level <level>',
      'Amount of detail; debug also shows the stack of an error',
      logLevels,
      'info',
    ),
  },
} satisfies FlagGroup;

/** Every group, in the order of the reference. */
export const flagGroups: readonly FlagGroup[] = [
  configurationFlags,
  storageFlags,
  networkFlags,
  caFlags,
  accountFlags,
  metricsFlags,
  logFileFlags,
  outputFlags,
  loggingFlags,
];
