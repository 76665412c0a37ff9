import { command } from './command.ts';
import { requiredText, text } from './flag.ts';
import { configurationFlags, loggingFlags, outputFlags, storageFlags } from './flag-groups.ts';

const stored = [configurationFlags, storageFlags, outputFlags, loggingFlags] as const;

export const storageCommands = [
  command({
    path: 'storage check',
    description: 'Test that a storage keeps its contract, and read every entry',
    needs: 'configuration',
    groups: stored,
    run: async ({ options, terminal }) =>
      await (await import('../storage/check.ts')).check(options, terminal),
  }),
  command({
    path: 'storage migrate',
    description: 'Copy every entry to another storage',
    needs: 'configuration',
    flags: {
      to: requiredText('--to <place>', 'Storage to copy to'),
      toKeyFile: text('--to-key-file <file>', 'Encrypt the copy with the first key of this file'),
    },
    groups: stored,
    run: async ({ options, terminal }) =>
      await (await import('../storage/migrate.ts')).migrate(options, terminal),
  }),
  command({
    path: 'storage backup',
    argument: '<file>',
    description: 'Write a consistent snapshot of the storage to an encrypted file',
    needs: 'configuration',
    flags: {
      keyFile: text(
        '--key-file <file>',
        "Encrypt with the first key of this file instead of the storage's key",
      ),
    },
    groups: stored,
    run: async ({ argument: file, options, terminal }) =>
      await (await import('../storage/backup.ts')).backup(file, options, terminal),
  }),
  command({
    path: 'storage restore',
    argument: '<file>',
    description: 'Restore a backup to an empty storage',
    needs: 'configuration',
    flags: {
      keyFile: text('--key-file <file>', "Key of the backup, if it is not the storage's key"),
    },
    groups: stored,
    run: async ({ argument: file, options, terminal }) =>
      await (await import('../storage/backup.ts')).restore(file, options, terminal),
  }),
  command({
    path: 'storage rotate-key',
    description: 'Encrypt every entry with a new key, while other processes use the storage',
    needs: 'configuration',
    flags: { newKeyFile: requiredText('--new-key-file <file>', 'File with the new key') },
    groups: stored,
    run: async ({ options, terminal }) =>
      await (await import('../storage/encryption.ts')).rotateKey(options, terminal),
  }),
  command({
    path: 'storage encrypt',
    description: 'Encrypt a storage that is not encrypted, in place',
    needs: 'configuration',
    groups: stored,
    run: async ({ options, terminal }) =>
      await (await import('../storage/encryption.ts')).encrypt(options, terminal),
  }),
  command({
    path: 'storage new-key',
    argument: '<file>',
    description: 'Create an encryption key',
    groups: [outputFlags, loggingFlags],
    run: async ({ argument: file, options, terminal }) =>
      await (await import('../storage/encryption.ts')).newKey(file, options, terminal),
  }),
];
