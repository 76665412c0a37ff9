import { authorityKeyTypes, operatorRevocationReasons } from '@acmex/ca';
import { command } from './command.ts';
import { choice, isPresent, parsed, text } from './flag.ts';
import {
  configurationFlags,
  loggingFlags,
  metricsFlags,
  logFileFlags,
  outputFlags,
  storageFlags,
} from './flag-groups.ts';
import { days, hostPort, keyReference, list, port, time } from './values.ts';

const stored = [configurationFlags, storageFlags, outputFlags, loggingFlags] as const;

const issuingKeyFlag = parsed(
  '--key <uri>',
  'Existing key in a device for the issuing certificate, as pkcs11:token=ca;object=issuing; [keys] in acmex.toml says how to sign with it',
  keyReference,
);

const rootKeyFlag = text(
  '--root-key <file>',
  "The root's encrypted key, or its key in a device",
  'ca-root-key.pem',
);

const passphraseFlag = text(
  '--passphrase-file <file>',
  'File with the passphrase of the root key, or of an existing issuing key, which only you can read; by default ACMEX_CA_PASSPHRASE, or a question on the terminal',
);

const initCommand = command({
  path: 'ca init',
  description: 'Create a CA: an offline root and an issuing certificate',
  needs: 'configuration',
  flags: {
    name: text('--name <name>', 'Name of the CA'),
    domains: parsed(
      '--domains <names>',
      'Domains that the CA may issue for, with every name below them; repeatable',
      list,
    ),
    addresses: parsed(
      '--addresses <ranges>',
      'Address ranges that the CA may issue for; repeatable',
      list,
    ),
    unconstrained: isPresent('--unconstrained', 'Let the CA issue for every name'),
    keyType: choice('--key-type <type>', "Type of the CA's keys", authorityKeyTypes, 'ec-p384'),
    rootDays: parsed('--root-days <days>', 'Lifetime of the root certificate', days, 3650),
    issuingDays: parsed('--issuing-days <days>', 'Lifetime of the issuing certificate', days, 1095),
    passphraseFile: passphraseFlag,
    rootCertificate: text(
      '--root-certificate <file>',
      'File for the root certificate',
      'ca-root.pem',
    ),
    rootKey: text(
      '--root-key <file>',
      "File for the root's encrypted key; or an existing key in a device, as pkcs11:token=ca;object=root",
      'ca-root-key.pem',
    ),
    key: issuingKeyFlag,
    issuingCertificate: text(
      '--issuing-certificate <file>',
      'Existing issuing certificate to use instead of a new CA',
    ),
    issuingKey: text(
      '--issuing-key <file>',
      'Key of the existing issuing certificate: a PEM file, or a key in a device',
    ),
  },
  groups: stored,
  run: async ({ options, terminal }) =>
    await (await import('../ca/init.ts')).init(options, terminal),
});

const serveFlags = {
  listen: parsed(
    '--listen <host:port>',
    'Address to listen on; port 0 chooses a free port',
    hostPort,
    { host: '127.0.0.1', port: 14_443 },
    '127.0.0.1:14443',
  ),
  url: text('--url <url>', 'URL that clients use; by default https://HOST:PORT/acme'),
  repositoryListen: parsed(
    '--repository-listen <host:port>',
    'Address for the CRL and the issuing certificate over plain http; by default the host of --listen, with port 80 for 443, else the next port; none with --development',
    hostPort,
  ),
  repositoryUrl: text(
    '--repository-url <url>',
    'URL of --repository-listen that certificates contain; by default with the host of --url',
  ),
  rootCertificate: text('--root-certificate <file>', 'Write the root certificate to this file'),
  tlsCertificate: text(
    '--tls-certificate <file>',
    'TLS certificate of the server; by default the CA issues one',
  ),
  tlsKey: text('--tls-key <file>', 'Key of --tls-certificate'),
  tlsKeyPassphraseFile: text(
    '--tls-key-passphrase-file <file>',
    'Passphrase of an encrypted --tls-key; by default ACMEX_CA_TLS_KEY_PASSPHRASE, or a question on the terminal',
  ),
  reach: parsed(
    '--reach <ranges>',
    'Private address ranges that validation may connect to; repeatable',
    list,
  ),
  dnsResolver: parsed(
    '--dns-resolver <host:port>',
    'DNS resolver for validation; repeatable',
    list,
  ),
  caa: text('--caa <domain>', 'Check CAA records, with this domain for the CA'),
  challengeDraft: parsed(
    '--challenge-draft <versions>',
    'Offer dns-account-01 or dns-persist-01 by this draft; dns-persist-01 also needs --caa; repeatable',
    list,
  ),
  eabRequired: isPresent(
    '--eab-required',
    'Require an external account for registration: see acmex ca eab',
  ),
  ocsp: isPresent(
    '--ocsp',
    'Answer OCSP requests at the URL of the CRL, and name it in certificates',
  ),
  terms: text('--terms <url>', 'Terms of service'),
  admin: isPresent(
    '--admin',
    'Serve the list of issued certificates below URL/admin/certificates, with a key',
  ),
  adminKeyFile: text(
    '--admin-key-file <file>',
    'With --admin: its bearer token, 32 characters or more; by default ACMEX_CA_ADMIN_KEY',
  ),
  development: isPresent(
    '--development',
    'Use a temporary CA in memory, for this machine only: "AcmeX Development, do not trust"',
  ),
  httpPort: parsed('--http-port <port>', 'With --development: port of http-01', port),
  tlsPort: parsed('--tls-port <port>', 'With --development: port of tls-alpn-01', port),
};

const issuedCommands = [
  command({
    path: 'ca list',
    description: 'List the issued certificates',
    needs: 'configuration',
    groups: stored,
    run: async ({ options, terminal }) =>
      await (await import('../ca/records.ts')).list(options, terminal),
  }),
  command({
    path: 'ca revoke',
    argument: '<serial>',
    description: 'Revoke a certificate by its serial number',
    needs: 'configuration',
    flags: {
      reason: choice(
        '--reason <reason>',
        'Reason for the revocation',
        operatorRevocationReasons,
        'unspecified',
      ),
    },
    groups: stored,
    run: async ({ argument: serial, options, terminal }) =>
      await (await import('../ca/records.ts')).revoke(serial, options, terminal),
  }),
  command({
    path: 'ca crl',
    argument: '<file>',
    description:
      'Write the certificate revocation lists of all issuers: DER, or all in one file that ends with .pem',
    needs: 'configuration',
    groups: stored,
    run: async ({ argument: file, options, terminal }) =>
      await (await import('../ca/crl.ts')).writeCrls(file, options, terminal),
  }),
];

const issuingCommands = [
  command({
    path: 'ca replace-issuing',
    description:
      'Replace the issuing certificate, signed by the root; a running acmex ca serve uses it from then on',
    needs: 'configuration',
    flags: {
      rootKey: rootKeyFlag,
      key: issuingKeyFlag,
      passphraseFile: passphraseFlag,
      keyType: choice('--key-type <type>', 'Type of the new key', authorityKeyTypes, 'ec-p384'),
      issuingDays: parsed('--issuing-days <days>', 'Lifetime of the certificate', days, 1095),
    },
    groups: stored,
    run: async ({ options, terminal }) =>
      await (await import('../ca/replace-issuing.ts')).replaceIssuing(options, terminal),
  }),
  command({
    path: 'ca root-crl',
    description: "Sign the root's list of revoked issuing certificates, which is then served",
    needs: 'configuration',
    flags: {
      rootKey: rootKeyFlag,
      passphraseFile: passphraseFlag,
      revoke: parsed(
        '--revoke <serial>',
        'Serial number of a replaced issuing certificate to revoke; repeatable',
        list,
      ),
      days: parsed('--days <days>', 'Lifetime of the list', days, 365),
    },
    groups: stored,
    run: async ({ options, terminal }) =>
      await (await import('../ca/crl.ts')).rootCrl(options, terminal),
  }),
  command({
    path: 'ca renewal-window',
    description: 'Move the time at which clients renew (ARI), for an incident or to rehearse one',
    needs: 'configuration',
    flags: {
      start: parsed('--start <time>', 'Start of the window, as 2027-01-31T12:00:00Z', time),
      end: parsed('--end <time>', 'End of the window', time),
      serial: text('--serial <serial>', 'Only the certificate with this serial number'),
      explanation: text('--explanation <url>', 'Page with the reason'),
      restore: isPresent('--restore', 'Use the usual windows again'),
    },
    groups: stored,
    run: async ({ options, terminal }) =>
      await (await import('../ca/records.ts')).renewalWindow(options, terminal),
  }),
];

const externalAccountCommands = [
  command({
    path: 'ca eab create',
    description: 'Create an external account, and show its key this one time',
    needs: 'configuration',
    flags: {
      description: text('--description <text>', 'Who the external account is for'),
      reusable: isPresent('--reusable', 'Allow more than one ACME account'),
    },
    groups: stored,
    run: async ({ options, terminal }) =>
      await (await import('../ca/records.ts')).eabCreate(options, terminal),
  }),
  command({
    path: 'ca eab list',
    description: 'List the external accounts, without their keys',
    needs: 'configuration',
    groups: stored,
    run: async ({ options, terminal }) =>
      await (await import('../ca/records.ts')).eabList(options, terminal),
  }),
  command({
    path: 'ca eab revoke',
    argument: '<kid>',
    description: 'Reject further ACME accounts for an external account',
    needs: 'configuration',
    groups: stored,
    run: async ({ argument: kid, options, terminal }) =>
      await (await import('../ca/records.ts')).eabRevoke(kid, options, terminal),
  }),
];

export const caCommands = [
  initCommand,
  command({
    path: 'ca serve',
    description: 'Serve ACME clients, until stopped',
    needs: 'configuration',
    flags: serveFlags,
    groups: [...stored, metricsFlags, logFileFlags],
    run: async ({ options, terminal }) =>
      await (await import('../ca/serve.ts')).serve(options, terminal),
  }),
  ...issuedCommands,
  ...issuingCommands,
  ...externalAccountCommands,
  command({
    path: 'demo',
    description:
      'Obtain a certificate from a temporary CA on this machine, without network or root',
    flags: {
      directory: text('--directory <directory>', 'Directory for the files', 'acmex-demo'),
      serve: isPresent(
        '--serve',
        'Start a server with its dashboard and twelve certificates instead, until stopped',
      ),
      addr: text('--addr <host:port>', 'The address of the dashboard', '127.0.0.1:8080'),
    },
    groups: [loggingFlags],
    async run({ options, terminal, version }) {
      if (options.serve)
        await (
          await import('../demo/demo-server.ts')
        ).demoServer({ ...options, version }, terminal);
      else await (await import('../demo/demo.ts')).demo(options, terminal);
    },
  }),
];
