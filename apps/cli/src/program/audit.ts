import { command } from './command.ts';
import { isPresent, parsed, text } from './flag.ts';
import { configurationFlags, loggingFlags, outputFlags, storageFlags } from './flag-groups.ts';
import { count, time } from './values.ts';

const stored = [configurationFlags, storageFlags, outputFlags, loggingFlags] as const;
const since = parsed('--since <time>', 'Only what was recorded from this time on, RFC 3339', time);

export const auditCommands = [
  command({
    path: 'audit list',
    description: 'Show who did what, the oldest first',
    needs: 'configuration',
    flags: {
      since,
      certificate: text('--certificate <id>', 'Only what concerns this certificate'),
      limit: parsed('--limit <number>', 'Maximum records, the newest', count, 100),
    },
    groups: stored,
    run: async ({ options, terminal }) =>
      await (await import('../audit.ts')).listAudit(options, terminal),
  }),
  command({
    path: 'audit verify',
    description: 'Find out whether the audit log was changed, or a part of it is missing',
    needs: 'configuration',
    flags: {
      checkpoint: text(
        '--checkpoint <file>',
        'Also compare with the checkpoints in this file, which finds a storage that was replaced',
      ),
    },
    groups: stored,
    run: async ({ options, terminal }) =>
      await (await import('../audit.ts')).verifyAudit(options, terminal),
  }),
  command({
    path: 'audit export',
    argument: '<file>',
    description: 'Write the audit log as JSON lines to a new file, or to standard output as -',
    needs: 'configuration',
    flags: { since },
    groups: stored,
    run: async ({ argument: file, options, terminal }) =>
      await (await import('../audit.ts')).exportAudit(file, options, terminal),
  }),
  command({
    path: 'audit checkpoint',
    argument: '<file>',
    description: 'Sign where the audit log ends, and append that to a file',
    needs: 'configuration',
    groups: stored,
    run: async ({ argument: file, options, terminal }) =>
      await (await import('../audit.ts')).signAudit(file, options, terminal),
  }),
  command({
    path: 'audit prune',
    description: 'Remove what is older than audit.retention_days, after the log was verified',
    needs: 'configuration',
    flags: { dryRun: isPresent('--dry-run', 'Only say how many records would be removed') },
    groups: stored,
    run: async ({ options, terminal }) =>
      await (await import('../audit.ts')).pruneAudit(options, terminal),
  }),
];
