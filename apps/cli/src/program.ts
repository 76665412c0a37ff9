import { Command, CommanderError } from 'commander';
import { accountCommands } from './program/account.ts';
import { auditCommands } from './program/audit.ts';
import { caCommands } from './program/ca.ts';
import { checkCommands } from './program/check.ts';
import { addCommands, type CommandDefinition } from './program/command.ts';
import { configCommands } from './program/config.ts';
import { devCommands } from './program/dev.ts';
import { dnsCommands } from './program/dns.ts';
import { importCommands, recoverCommands } from './program/import.ts';
import { managedCommands } from './program/managed.ts';
import { obtainCommands } from './program/obtain.ts';
import { planCommands } from './program/plan.ts';
import { serverCommands } from './program/server.ts';
import { storageCommands } from './program/storage.ts';
import { trustCommands } from './program/trust.ts';
import type { OutputOptions } from './output.ts';
import type { Terminal } from './terminal.ts';
import { withTracing } from './tracing/with-tracing.ts';

export { flagGroups } from './program/flag-groups.ts';

const definitions: readonly CommandDefinition[] = [
  ...obtainCommands,
  ...checkCommands,
  ...managedCommands,
  ...planCommands,
  ...importCommands,
  ...recoverCommands,
  ...accountCommands,
  ...configCommands,
  ...dnsCommands,
  ...serverCommands,
  ...storageCommands,
  ...auditCommands,
  ...caCommands,
  ...trustCommands,
  ...devCommands,
];

/** The words that have commands below them. */
const groups = {
  account: 'Manage accounts at CAs',
  audit: 'Read and verify the audit log',
  ca: 'Run a private CA with an ACME server',
  'ca eab': 'Manage external accounts, which permit registration',
  cert: 'Manage certificates that are renewed',
  config: 'Check and show the configuration',
  dns: 'Check DNS providers and records',
  import: 'Take over certificates and accounts from another ACME client',
  notify: 'Test receivers, and show what was not delivered',
  order: 'Show and control orders',
  queue: 'Show what is due and what fails',
  server: 'Administer a server on its own machine',
  'server key': 'Manage API keys',
  'server session': 'Show and revoke sessions of browsers',
  storage: 'Manage the storage',
};

type RunDefinition = (
  definition: CommandDefinition,
  command: Command,
  args: readonly string[],
) => Promise<void>;

/**
 * Runs the command line. A command's code is loaded when the command is named.
 * @returns the exit code: see `exitCodeOf`; 130 or 143 when a signal ended it
 */
export async function run(
  args: readonly string[],
  version: string,
  terminal: Terminal,
): Promise<number> {
  let exitCode = 0;
  // A service writes it as a line of its log.
  let usage = '';
  const stderr = {
    write(text: string) {
      usage += text;
    },
  };
  const program = commandLine(
    version,
    { ...terminal, stderr },
    async (definition, command, words) => {
      const done = await definition.begin?.(command, { terminal });
      if (done !== undefined) {
        exitCode = done;
        return;
      }
      if (definition.needs !== undefined) await provide(definition.needs, command, terminal);
      const { path } = definition;
      exitCode = await withTracing({ command: path, version, terminal }, async (traced) => {
        const context = { argument: words[0] ?? '', args: words, terminal: traced, version };
        return (await definition.run(command, context)) ?? 0;
      });
    },
  );
  const { command, unknown } = namedCommand(program, args);
  try {
    await program.parseAsync(unknown ? withoutHelp(args) : args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    if (terminal.signal.aborted) return terminal.signal.reason === 'SIGTERM' ? 143 : 130;
    const { reportError, reportUsage } = await import('./report-error.ts');
    if (error instanceof CommanderError) {
      const canJson = command.options.some(({ long }) => long === '--json');
      const { message } = error;
      const json = canJson && namesJson(args);
      return reportUsage({ text: usage, message }, { json, words: args }, terminal);
    }
    const { output, logLevel } = command.opts<Partial<OutputOptions>>();
    const debug = logLevel === 'debug';
    return reportError(error, { debug, json: output === 'json', words: args }, terminal);
  }
}

/**
 * Finds the command that the words of a command line name, and whether one of them is not a
 * command.
 */
function namedCommand(program: Command, args: readonly string[]) {
  let command = program;
  for (const word of args) {
    if (word.startsWith('-') || word === 'help') continue;
    if (command.commands.length === 0) break;
    const next = command.commands.find((candidate) => candidate.name() === word);
    if (!next) return { command, unknown: true };
    command = next;
  }
  const implied = command.commands.find((candidate) => candidate.name() === 'show');
  return { command: args[0] === 'queue' ? (implied ?? command) : command, unknown: false };
}

/**
 * Returns a command line without a request for help, which commander would answer before it reports
 * an unknown command.
 */
function withoutHelp(args: readonly string[]): readonly string[] {
  return args.filter((word) => !['-h', '--help', 'help'].includes(word));
}

/** Reports whether a command line that cannot be parsed asks for JSON. */
function namesJson(args: readonly string[]): boolean {
  return args.some(
    (word, index) =>
      /^(--json|-ojson|--output=json)$/.test(word) ||
      (word === 'json' && /^(-o|--output)$/.test(args[index - 1] ?? '')),
  );
}

async function provide(
  need: NonNullable<CommandDefinition['needs']>,
  command: Command,
  terminal: Terminal,
): Promise<void> {
  const { configure, setOverrides } = await import('./configuration.ts');
  if (need === 'configuration') await configure(command, terminal);
  else setOverrides(command);
}

/**
 * Returns the command line for commander; the reference of the flags is made from it.
 * @param runDefinition runs a command that was named
 */
export function commandLine(
  version: string,
  terminal: Readonly<Record<'stdout' | 'stderr', { write(text: string): unknown }>>,
  runDefinition: RunDefinition = async () => undefined,
): Command {
  const program = new Command('acmex')
    .description('Get, inspect and automatically renew TLS certificates from any ACME CA')
    .version(version, '-V, --version', 'Show the version')
    .helpOption('-h, --help', 'Show this help')
    .helpCommand('help [command]', 'Show the help of a command')
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
    })
    .showHelpAfterError('(see acmex --help)')
    .exitOverride();
  addCommands(program, definitions, { groups, run: runDefinition });
  return program;
}
