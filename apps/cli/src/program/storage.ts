import type { Command, Option } from 'commander';
import type { BackupOptions } from '../storage/backup.ts';
import type { RotateKeyOptions } from '../storage/encryption.ts';
import type { MigrateOptions } from '../storage/migrate.ts';
import type { StorageOptions } from '../storage/options.ts';
import type { Terminal } from '../terminal.ts';
import { configFile } from './flags.ts';

export function addStorageCommands(
  program: Command,
  terminal: Terminal,
  logLevel: () => Option,
): void {
  const group = program.command('storage').description('look after what must not be lost');
  const add = (name: string, description: string) =>
    group
      .command(name)
      .description(description)
      .copyInheritedSettings(program)
      .showHelpAfterError(`(see acmex storage ${name.split(' ', 1)[0]} --help)`)
      .option('--json', 'write the result as one JSON document')
      .addOption(logLevel());
  const withStorage = (command: Command) =>
    command
      .option('--config <file>', configFile)
      .option(
        '--storage <place>',
        'file:PATH, redis://HOST:PORT or rediss://…; ACMEX_STORAGE otherwise',
      )
      .option(
        '--encryption-key-file <file>',
        "the storage's encryption keys, one in a line, the first for writing; ACMEX_STORAGE_ENCRYPTION_KEY_FILE, …_KEY or ACMEX_STORAGE_PASSPHRASE otherwise",
      );

  withStorage(
    add('check', 'hold a storage against what every storage must do, and read every entry'),
  ).action(async (options: StorageOptions) =>
    (await import('../storage/check.ts')).check(options, terminal),
  );
  withStorage(add('migrate', 'copy everything into another storage'))
    .requiredOption('--to <place>', 'the storage to copy into')
    .option('--to-key-file <file>', 'encrypt there with the first key of this file')
    .action(async (options: MigrateOptions) =>
      (await import('../storage/migrate.ts')).migrate(options, terminal),
    );
  withStorage(
    add('backup <file>', 'write everything as it is at one moment into an encrypted file'),
  )
    .option('--key-file <file>', "encrypt with the first key of this file, not with the storage's")
    .action(async (file: string, options: BackupOptions) =>
      (await import('../storage/backup.ts')).backup(file, options, terminal),
    );
  withStorage(add('restore <file>', 'write a backup into an empty storage'))
    .option('--key-file <file>', "the backup's key, where it is not the storage's")
    .action(async (file: string, options: BackupOptions) =>
      (await import('../storage/backup.ts')).restore(file, options, terminal),
    );
  withStorage(add('rotate-key', 'encrypt everything with a new key, while others read and write'))
    .requiredOption('--new-key-file <file>', 'the new key')
    .action(async (options: RotateKeyOptions) =>
      (await import('../storage/encryption.ts')).rotateKey(options, terminal),
    );
  withStorage(add('encrypt', 'encrypt a storage in place that is in clear')).action(
    async (options: StorageOptions) =>
      (await import('../storage/encryption.ts')).encrypt(options, terminal),
  );
  add('new-key <file>', 'make an encryption key').action(
    async (file: string, options: StorageOptions) =>
      (await import('../storage/encryption.ts')).newKey(file, options, terminal),
  );
}
