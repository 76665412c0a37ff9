import { command } from './command.ts';
import { isPresent, parsed, text } from './flag.ts';
import {
  accountFlags,
  caFlags,
  configurationFlags,
  loggingFlags,
  networkFlags,
  outputFlags,
  storageFlags,
} from './flag-groups.ts';
import { list, time } from './values.ts';

const providerFlags = {
  dnsProvider: text(
    '--dns-provider <name>',
    'DNS provider: a name in the configuration, or a type of acmex dns list with its variables in the environment; by default the one that the configuration has for the name',
  ),
  dnsEnv: parsed(
    '--dns-env <names>',
    'Environment variables that a DNS program receives, separated by commas; repeatable',
    list,
  ),
  dnsResolver: parsed(
    '--dns-resolver <address:port>',
    'DNS server to query instead of the authoritative ones; repeatable',
    list,
  ),
};

export const dnsCommands = [
  command({
    path: 'dns list',
    description: 'List every type of DNS provider with its keys of acmex.toml',
    groups: [outputFlags, loggingFlags],
    run: async ({ options, terminal }) =>
      await (await import('../dns/dns.ts')).dnsList(options, terminal),
  }),
  command({
    path: 'dns check',
    argument: '<name>',
    description:
      'Write test records at an unused name, wait until they are visible, and remove them',
    needs: 'configuration',
    flags: providerFlags,
    groups: [networkFlags, configurationFlags, outputFlags, loggingFlags],
    run: async ({ argument: name, options, terminal }) =>
      await (await import('../dns/dns.ts')).dnsCheck(name, options, terminal),
  }),
  command({
    path: 'dns trace',
    argument: '<name>',
    description:
      "Show where a name's challenge record belongs, and what each of its servers answers",
    needs: 'configuration',
    flags: providerFlags,
    groups: [networkFlags, configurationFlags, outputFlags, loggingFlags],
    run: async ({ argument: name, options, terminal }) =>
      await (await import('../dns/dns.ts')).dnsTrace(name, options, terminal),
  }),
  command({
    path: 'dns persist',
    argument: '<name>',
    description: 'Show the permanent record that dns-persist-01 needs, or check it',
    needs: 'configuration',
    flags: {
      check: isPresent(
        '--check',
        'Query every authoritative server for the record, and store when it expires',
      ),
      challengeDraft: text(
        '--challenge-draft <version>',
        'Draft that the CA follows, as draft-ietf-acme-dns-persist-02; by default challenge.challenge_draft',
      ),
      wildcard: isPresent('--wildcard', 'Include *.NAME, as for a name that begins with *.'),
      persistUntil: parsed('--persist-until <time>', 'Expiry of the record, RFC 3339', time),
      issuerDomain: text(
        '--issuer-domain <name>',
        "CA's domain name in records, if its directory does not contain one",
      ),
      dnsResolver: providerFlags.dnsResolver,
    },
    groups: [
      caFlags,
      accountFlags,
      networkFlags,
      configurationFlags,
      storageFlags,
      outputFlags,
      loggingFlags,
    ],
    run: async ({ argument: name, options, terminal }) =>
      await (await import('../dns/persist.ts')).dnsPersist(name, options, terminal),
  }),
];
