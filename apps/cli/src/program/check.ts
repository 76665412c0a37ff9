import { keyTypes } from '@acmex/certificate';
import { challengeTypes } from '@acmex/protocol';
import { draftChallengeTypes } from '@acmex/protocol/drafts';
import { command } from './command.ts';
import { choice, isPresent, parsed, text } from './flag.ts';
import {
  caFlags,
  configurationFlags,
  loggingFlags,
  networkFlags,
  outputFlags,
  storageFlags,
} from './flag-groups.ts';
import { count, list } from './values.ts';

const certificateFlags = {
  challenge: choice(
    '-c, --challenge <type>',
    'For names that are not managed: how control of them is proven; by default challenge.challenge_type',
    [...challengeTypes, ...draftChallengeTypes],
  ),
  webroot: text(
    '--webroot <directory>',
    'For names that are not managed: document root of a running web server',
  ),
  dnsProvider: text(
    '--dns-provider <name>',
    'For names that are not managed: a DNS provider of the configuration, or a type of acmex dns list',
  ),
  dnsResolver: parsed(
    '--dns-resolver <host:port>',
    'For names that are not managed: DNS server to query; repeatable',
    list,
  ),
  profile: text('--profile <name>', 'For names that are not managed: certificate profile'),
  keyType: choice('--key-type <type>', 'For names that are not managed: type of the key', keyTypes),
};

export const checkCommands = [
  command({
    path: 'check',
    argument: '[names...]',
    description:
      'Find what would make orders fail, without an order: names, CA, clock, CAA, ports, DNS, credentials, files; exit code 0, or the lowest of the errors: 2 configuration, 3 this machine, 4 not known, 6 validation',
    needs: 'configuration',
    flags: {
      all: isPresent(
        '--all',
        'Every managed certificate, and those of the configuration; the default without names',
      ),
      ...certificateFlags,
      write: isPresent(
        '--write',
        'Also write test records at an unused name of each zone, and remove them',
      ),
      asService: isPresent(
        '--as-service',
        'Check as the user of the systemd unit that renews, with its credentials, and whether it permits the paths; as root or as that user',
      ),
      serviceUser: text(
        '--service-user <user>',
        'The same for renewals without a unit: check as this user, by name or number',
      ),
      timeout: parsed('--timeout <seconds>', 'Limit for all checks together', count, 60),
      concurrency: parsed('--concurrency <number>', 'Maximum checks at a time', count, 16),
    },
    groups: [caFlags, networkFlags, configurationFlags, storageFlags, outputFlags, loggingFlags],
    begin: async ({ options, terminal }) => {
      if (!options.asService && options.serviceUser === undefined) return undefined;
      return await (await import('../check/service-user.ts')).runAsService(options, terminal);
    },
    run: async ({ args, options, terminal }) =>
      await (await import('../check/check.ts')).check(args, options, terminal),
  }),
];
