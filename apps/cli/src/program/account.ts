import { command } from './command.ts';
import { choice, isPresent, text } from './flag.ts';
import {
  accountFlags,
  caFlags,
  configurationFlags,
  loggingFlags,
  networkFlags,
  outputFlags,
  storageFlags,
} from './flag-groups.ts';

const stored = [configurationFlags, storageFlags, outputFlags, loggingFlags] as const;

export const accountCommands = [
  command({
    path: 'account list',
    description: 'List the stored accounts',
    needs: 'configuration',
    groups: stored,
    run: async ({ options, terminal }) =>
      await (await import('../account/account.ts')).accountList(options, terminal),
  }),
  command({
    path: 'account register',
    description: 'Register an account at a CA, or show the existing one',
    needs: 'configuration',
    groups: [caFlags, accountFlags, networkFlags, ...stored],
    run: async ({ options, terminal }) =>
      await (await import('../account/account.ts')).accountRegister(options, terminal),
  }),
  command({
    path: 'account show',
    description: 'Show an account as the CA has it',
    needs: 'configuration',
    groups: [caFlags, networkFlags, ...stored],
    run: async ({ options, terminal }) =>
      await (await import('../account/account.ts')).accountShow(options, terminal),
  }),
  command({
    path: 'account update',
    description: 'Replace the contacts of an account',
    needs: 'configuration',
    flags: {
      email: text(
        '-e, --email <addresses>',
        'E-mail addresses, separated by commas; an empty text removes all',
      ),
    },
    groups: [caFlags, networkFlags, ...stored],
    run: async ({ options, terminal }) =>
      await (await import('../account/account.ts')).accountUpdate(options, terminal),
  }),
  command({
    path: 'account accept-terms',
    description: 'Agree to changed terms of service of a CA, and order what waits for it',
    needs: 'configuration',
    flags: {
      acceptTos: isPresent(
        '--accept-tos',
        'Confirm that you have read the terms and agree to them',
      ),
    },
    groups: [caFlags, networkFlags, ...stored],
    run: async ({ options, terminal }) =>
      await (await import('../account/terms.ts')).accountAcceptTerms(options, terminal),
  }),
  command({
    path: 'account rotate-key',
    description: 'Replace the key of an account, by that of account_key in acmex.toml or a new one',
    needs: 'configuration',
    groups: [caFlags, networkFlags, ...stored],
    run: async ({ options, terminal }) =>
      await (await import('../account/account.ts')).accountRotateKey(options, terminal),
  }),
  command({
    path: 'account export',
    argument: '<file>',
    description:
      'Write the key of a stored account, with its URL, to a file that only you can read',
    needs: 'configuration',
    flags: {
      format: choice('--format <format>', 'Format of the key', ['pem', 'jwk'], 'pem'),
      force: isPresent('--force', 'Replace an existing file'),
    },
    groups: [caFlags, ...stored],
    run: async ({ argument: file, options, terminal }) =>
      await (await import('../account/transfer.ts')).accountExport(file, options, terminal),
  }),
  command({
    path: 'account import',
    argument: '<file>',
    description: 'Store an account that exists at a CA: its key as PEM, or as a JWK, with its URL',
    needs: 'configuration',
    flags: { url: text('--url <url>', 'URL of the account, if the file does not have it') },
    groups: [caFlags, ...stored],
    run: async ({ argument: file, options, terminal }) =>
      await (await import('../account/transfer.ts')).accountImport(file, options, terminal),
  }),
  command({
    path: 'account deactivate',
    description: 'Deactivate an account; this cannot be undone',
    needs: 'configuration',
    flags: { force: isPresent('--force', 'Confirm the deactivation') },
    groups: [caFlags, networkFlags, ...stored],
    run: async ({ options, terminal }) =>
      await (await import('../account/account.ts')).accountDeactivate(options, terminal),
  }),
];
