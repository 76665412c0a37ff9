import { challengeTypes } from '@acmex/protocol';
import { draftChallengeTypes } from '@acmex/protocol/drafts';
import { command } from './command.ts';
import { choice, isPresent, parsed, requiredText, text } from './flag.ts';
import { configurationFlags, loggingFlags, outputFlags, storageFlags } from './flag-groups.ts';
import { port } from './values.ts';

const flags = {
  dryRun: isPresent('--dry-run', 'Show what would be taken over, and change nothing'),
  replace: isPresent(
    '--replace',
    'Replace managed certificates with the same names and key type that are older',
  ),
  server: text(
    '--server <url>',
    'CA by the URL of its ACME directory, where the directory of the client does not say it',
  ),
  caCertificate: text(
    '--ca-certificate <file>',
    "Root certificate of the CA's HTTPS server, for a private CA",
  ),
  challenge: choice(
    '-c, --challenge <type>',
    'How to prove control of the names from now on; by default as the client does it',
    [...challengeTypes, ...draftChallengeTypes],
  ),
  webroot: text(
    '--webroot <directory>',
    'Document root of a running web server, for http-01 responses',
  ),
  httpPort: parsed('--http-port <port>', 'Port that answers http-01', port),
  dnsProvider: text(
    '--dns-provider <name>',
    'DNS provider for the records: a name in the configuration, or a type of acmex dns list',
  ),
};

const certbotFlags = {
  ...flags,
  takeOver: isPresent(
    '--take-over',
    'Let the links that servers read in live/ lead to files that AcmeX deploys to',
  ),
  undo: isPresent('--undo', 'Give these links back as they were, and pause the certificates'),
};

const acmexFlags = {
  ...flags,
  sourceKeyFile: text(
    '--source-key-file <file>',
    'File with the encryption keys of the storage that is read; by default the keys of the storage that is written',
  ),
};

export const importCommands = (
  [
    ['certbot', 'Take over certificates and accounts from certbot: /etc/letsencrypt'],
    ['lego', 'Take over certificates and accounts from lego: .lego'],
    ['acme.sh', 'Take over certificates and accounts from acme.sh: ~/.acme.sh'],
    ['dehydrated', 'Take over certificates and accounts from dehydrated: /var/lib/dehydrated'],
    ['acmex', 'Take over certificates and accounts from another storage of AcmeX in files'],
    ['caddy', 'Take over certificates and accounts from Caddy: ~/.local/share/caddy'],
  ] as const
).map(([client, description]) =>
  command({
    path: `import ${client}`,
    argument: '<directory>',
    description,
    needs: 'configuration',
    flags: flagsOf(client),
    groups: [configurationFlags, storageFlags, outputFlags, loggingFlags],
    run: async ({ argument: directory, options, terminal }) =>
      await (
        await import('../import/import.ts')
      ).importClient(client, directory, options, terminal),
  }),
);

export const recoverCommands = [
  command({
    path: 'recover',
    description:
      'Manage certificates again whose storage is lost, from the files they are deployed to',
    needs: 'configuration',
    flags: {
      ...flags,
      fromLive: requiredText(
        '--from-live <directory>',
        'Directory with certificates and their keys',
      ),
    },
    groups: [configurationFlags, storageFlags, outputFlags, loggingFlags],
    run: async ({ options: { fromLive, ...options }, terminal }) =>
      await (
        await import('../import/import.ts')
      ).importClient('deployed files', fromLive, options, terminal),
  }),
];

function flagsOf(client: string) {
  if (client === 'certbot') return certbotFlags;
  return client === 'acmex' ? acmexFlags : flags;
}
