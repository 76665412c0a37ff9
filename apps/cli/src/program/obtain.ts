import { type KeyType, keyTypes } from '@acmex/certificate';
import { bundleFormatNames } from '@acmex/certificate/formats';
import { challengeTypes } from '@acmex/protocol';
import {
  type DnsAccountDraft,
  type DnsPersistDraft,
  draftChallengeTypes,
} from '@acmex/protocol/drafts';
import { startTlsProtocols } from '@acmex/probe';
import { command } from './command.ts';
import { choice, type Flag, isPresent, parsed, requiredText, text } from './flag.ts';
import {
  accountFlags,
  caFlags,
  configurationFlags,
  loggingFlags,
  networkFlags,
  outputFlags,
  storageFlags,
} from './flag-groups.ts';
import {
  argv,
  fileMode,
  hostPort,
  keyReference,
  list,
  localAddress,
  port,
  secondsOrSkip,
  severalKeyTypes,
  time,
} from './values.ts';

const challengeDraft: Flag<DnsAccountDraft | DnsPersistDraft | undefined> = {
  syntax: '--challenge-draft <version>',
  description:
    'Draft that the CA follows for dns-account-01 and dns-persist-01, which are not RFCs yet, as draft-ietf-acme-dns-persist-02',
};

const nameFlags = {
  domains: parsed('-d, --domains <names>', 'Names, separated by commas; repeatable', list),
  csr: text('--csr <file>', 'Certificate signing request to use instead of names and a new key'),
  certPath: text('--cert-path <file>', 'File for the certificate and its chain', 'certificate.pem'),
  keyPath: text('-k, --key-path <file>', 'File for the private key', 'private_key.pem'),
  key: parsed(
    '--key <uri>',
    'Key in a device that signs the request, as pkcs11:token=web;object=www; [keys] in acmex.toml says how to sign with it, and no file is written for it',
    keyReference,
  ),
  keyType: {
    ...parsed<KeyType | readonly KeyType[]>(
      '--key-type <type>',
      'Type of the new private key; given twice, an EC and an RSA type, the certificate has both, and -rsa or -ec in the names of the second files',
      severalKeyTypes,
      'ec-p256',
    ),
    choices: keyTypes,
    conflicts: ['key', 'csr'],
  },
};

const challengeFlags = {
  challenge: choice(
    '-c, --challenge <type>',
    'How to prove control of the names',
    [...challengeTypes, ...draftChallengeTypes],
    'http-01',
  ),
  challengeDraft,
  httpPort: parsed('--http-port <port>', 'Port that answers http-01', port, 80),
  httpAddress: parsed(
    '--http-address <address>',
    'Address of this machine that answers http-01 (default: all)',
    localAddress,
  ),
  webroot: text(
    '--webroot <directory>',
    'Document root of a running web server, for http-01 responses; acmex then opens no port',
  ),
  tlsPort: parsed('--tls-port <port>', 'Port that answers tls-alpn-01', port, 443),
  tlsAddress: parsed(
    '--tls-address <address>',
    'Address of this machine that answers tls-alpn-01 (default: all)',
    localAddress,
  ),
  dnsProvider: text(
    '--dns-provider <name>',
    'DNS provider for the records: a name in the configuration, a type of acmex dns list with its variables in the environment, or manual',
  ),
  dnsEnv: parsed(
    '--dns-env <names>',
    'Environment variables that a DNS program receives, separated by commas; repeatable',
    list,
  ),
  dnsResolver: parsed(
    '--dns-resolver <host:port>',
    'DNS server for zones and records; repeatable',
    list,
  ),
  propagationWait: parsed(
    '--propagation-wait <seconds>',
    'Wait this long for DNS records instead of checking them, or skip',
    secondsOrSkip,
  ),
};

const requestFlags = {
  issuer: {
    ...parsed(
      '--issuer <names>',
      'Issuers of the configuration, in the order in which they are tried, separated by commas; repeatable',
      list,
    ),
    conflicts: ['ca', 'prod', 'server'],
  },
  accountKey: text(
    '--account-key <file>',
    'Account key to use instead of the stored account: PKCS#8, SEC1 or PKCS#1, PEM or DER, or a JWK',
  ),
  accountKeyPassphraseFile: text(
    '--account-key-passphrase-file <file>',
    'Passphrase of an encrypted account key; by default ACMEX_ACCOUNT_KEY_PASSPHRASE, or a question on the terminal',
  ),
  profile: text('--profile <name>', 'Certificate profile of the CA'),
  preferredChain: text(
    '--preferred-chain <name>',
    'Chain to use: the common name of the issuer at its end, or the SHA-256 fingerprint of a certificate in it',
  ),
  notAfter: parsed('--not-after <time>', 'Requested expiry, RFC 3339; many CAs refuse it', time),
  mustStaple: isPresent(
    '--must-staple',
    "Request a certificate that requires OCSP stapling; Let's Encrypt has ended OCSP",
  ),
  allowSubsetOfNames: isPresent(
    '--allow-subset-of-names',
    'Leave out names that are not validated; they are tried again each week at least',
  ),
};

/** Commander gives a flag that begins with `--no-` the value true where it is absent. */
const manage: Flag<boolean> = {
  syntax: '--no-manage',
  description: 'Store only the account: the certificate is not renewed',
};

const deploymentFlags = {
  deployDirectory: text(
    '--deploy-directory <directory>',
    'Also write live/NAME/fullchain.pem and privkey.pem below this directory, and replace both in one step',
  ),
  keyMode: parsed(
    '--key-mode <mode>',
    'Mode of the private key, such as 0640 (default: that of the replaced file, at most 0640, or 0600)',
    fileMode,
  ),
  owner: text(
    '--owner <user>',
    'User that the files belong to (default: that of the replaced file)',
  ),
  group: text(
    '--group <group>',
    'Group that the files belong to (default: that of the replaced file)',
  ),
  deployHook: parsed(
    '--deploy-hook <command>',
    'Program and arguments, separated by blanks, to run when the files are written; quotes and backslashes keep blanks, as in a shell, but no shell runs it',
    argv,
  ),
  deployTo: parsed(
    '--deploy-to <names>',
    'Deploy targets of the configuration that get the certificate too, separated by commas; repeatable',
    list,
  ),
  probe: parsed(
    '--probe <host:port>',
    'TLS server that must serve the new certificate afterwards',
    hostPort,
  ),
  manage,
  saveCredentials: isPresent(
    '--save-credentials',
    'Store the variables of the DNS provider and of --dns-env, so that renewals can use them',
  ),
  force: isPresent('--force', 'Replace existing files, and order again before renewal is due'),
};

const anchors = parsed(
  '--anchors <files>',
  'Trusted certificates, PEM or DER, separated by commas; repeatable; by default those of Node.js, and the roots that the configuration names for the CA',
  list,
);

export const obtainCommands = [
  command({
    path: 'obtain',
    description: 'Obtain a certificate for one or more names',
    needs: 'configuration',
    flags: { ...nameFlags, ...challengeFlags, ...requestFlags, ...deploymentFlags },
    groups: [
      caFlags,
      accountFlags,
      networkFlags,
      configurationFlags,
      storageFlags,
      outputFlags,
      loggingFlags,
    ],
    run: async ({ options, terminal }) =>
      await (await import('../obtain/obtain.ts')).obtain(options, terminal),
  }),
  command({
    path: 'info',
    argument: '[input]',
    description:
      'Show a certificate: of a file, - for standard input, HOST:PORT, or a managed certificate by its name or id',
    needs: 'overrides',
    flags: {
      cert: text('-c, --cert <file>', 'Certificate or chain, PEM or DER, in place of the input'),
      starttls: choice(
        '--starttls <protocol>',
        'Protocol of the server that begins in plain text',
        startTlsProtocols,
      ),
      servername: text(
        '--servername <name>',
        'Name that is sent to the server, and that the certificate must be for (default: the host)',
      ),
      ipv4: isPresent('-4, --ipv4', 'Connect to IPv4 addresses only'),
      ipv6: isPresent('-6, --ipv6', 'Connect to IPv6 addresses only'),
      check: isPresent(
        '--check',
        'Check the chain, the revocation and, for a managed certificate, what its names serve; the exit code is 3 for not trusted or revoked, 10 for a server with a different certificate, 4 for what could not be found out',
      ),
      ctLogs: parsed(
        '--ct-logs <files>',
        'Verify SCTs with these lists of Certificate Transparency logs, JSON of version 3, separated by commas; repeatable; the exit code is 4 if none is valid',
        list,
      ),
      passphraseFile: text(
        '--passphrase-file <file>',
        'Passphrase of a private key in the file, to compare it with the certificate; by default ACMEX_PASSPHRASE',
      ),
      anchors,
      allow: parsed(
        '--allow <ranges>',
        'With --check: private addresses at which OCSP responders and lists may be fetched, as 10.0.0.0/8, separated by commas, then at every port, else 80 and 443; repeatable',
        list,
      ),
    },
    groups: [configurationFlags, storageFlags, outputFlags, loggingFlags],
    run: async ({ argument: input, options, terminal }) =>
      await (await import('../info/info.ts')).info(input, options, terminal),
  }),
  command({
    path: 'convert',
    argument: '<in> <out>',
    description: 'Write a certificate, its chain and its key in another format; - is a stream',
    flags: {
      format: choice(
        '--format <format>',
        'Format to write; by default that of the name: .pem, .crt, .der, .cer, .p7b, .key, .p12, .pfx or .jks',
        bundleFormatNames,
      ),
      key: text('--key <file>', 'File with the private key, where <in> does not have it'),
      chain: text('--chain <file>', 'File with further certificates of the chain'),
      name: text('--name <name>', 'Friendly name or alias; the first name by default'),
      passphraseFile: text(
        '--passphrase-file <file>',
        'Passphrase of <in> and of --key; by default ACMEX_PASSPHRASE, or a question on the terminal',
      ),
      outPassphraseFile: text(
        '--out-passphrase-file <file>',
        'Passphrase that encrypts <out>; by default ACMEX_OUT_PASSPHRASE, or that of <in> where the format needs it',
      ),
      force: isPresent('--force', 'Replace an existing file'),
    },
    groups: [outputFlags, loggingFlags],
    run: async ({ args, options, terminal }) =>
      await (await import('../formats/convert.ts')).convert(args, options, terminal),
  }),
  command({
    path: 'verify',
    description: 'Verify that a certificate leads to a trusted one, and is for a name',
    needs: 'overrides',
    flags: {
      cert: requiredText('-c, --cert <file>', 'Certificate, also with its chain; PEM or DER'),
      anchors,
      intermediates: parsed(
        '--intermediates <files>',
        'Further certificates of the chain, in any order, separated by commas; repeatable',
        list,
      ),
      name: text('--name <name>', 'DNS name, IP address or e-mail address that it must be for'),
      at: parsed(
        '--at <time>',
        'Instant of the check, as 2027-01-31T12:00:00Z; now by default',
        time,
      ),
      profile: choice(
        '--profile <profile>',
        'Rules: RFC 5280, those of public CAs, or lenient ones for a private CA',
        ['rfc5280', 'webpki', 'private'],
        'rfc5280',
      ),
      purpose: choice(
        '--purpose <purpose>',
        'What the certificate is used for',
        ['serverAuth', 'clientAuth', 'emailProtection', 'any'],
        'serverAuth',
      ),
    },
    groups: [configurationFlags, outputFlags, loggingFlags],
    run: async ({ options, terminal }) =>
      await (await import('../verify.ts')).verify(options, terminal),
  }),
];
