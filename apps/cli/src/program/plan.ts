import { command } from './command.ts';
import { text } from './flag.ts';
import {
  caFlags,
  configurationFlags,
  loggingFlags,
  outputFlags,
  storageFlags,
} from './flag-groups.ts';

export const planCommands = [
  command({
    path: 'plan',
    argument: '[file]',
    description:
      'Show when the limits of the CA allow each certificate, and what it would refuse, without a request to it. The file has the names of a certificate on each line; without one, the certificates of the configuration are planned',
    needs: 'configuration',
    flags: {
      profile: text('--profile <name>', "One of the CA's certificate profiles"),
    },
    groups: [caFlags, configurationFlags, storageFlags, outputFlags, loggingFlags],
    run: async ({ argument: file, options, terminal }) =>
      await (
        await import('../plan/plan.ts')
      ).planCertificates(file === '' ? undefined : file, options, terminal),
  }),
];
