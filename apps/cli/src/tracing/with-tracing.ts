import type { Terminal } from '../terminal.ts';
import { readTracingSettings } from './settings.ts';

/** Commands whose work is recorded: those that run for long, or execute orders. */
const tracedCommands: ReadonlySet<string> = new Set([
  'obtain',
  'renew',
  'daemon',
  'serve',
  'ca serve',
  'agent',
]);

/**
 * Runs a command, and sends what it does as traces if the variables of OpenTelemetry are set. The
 * code for this is loaded only then.
 * @param command the words after `acmex`
 * @throws CliError `ERR_CLI_USAGE` for a protocol that is not supported
 */
export async function withTracing<T>(
  { command, version, terminal }: CommandRun,
  work: (terminal: Terminal) => Promise<T>,
): Promise<T> {
  if (!tracedCommands.has(command)) return await work(terminal);
  const { settings, warnings } = readTracingSettings(terminal.env);
  if (!settings && warnings.length === 0) return await work(terminal);
  const { writeNotice } = await import('../log/notice.ts');
  const onWarning = (msg: string) =>
    writeNotice(
      { level: 'warn', package: '@acmex/observability', msg, text: `warning: ${msg}\n` },
      { stderr: terminal.stderr, words: command.split(' ') },
    );
  for (const warning of warnings) onWarning(warning);
  if (!settings) return await work(terminal);
  const { openTracing } = await import('./open-tracing.ts');
  await using opened = openTracing({ settings, version, onWarning });
  const { tracing } = opened;
  const traced = { ...terminal, tracing };
  return command === 'obtain'
    ? await tracing.traceCommand(command, async () => await work(traced))
    : await work(traced);
}

interface CommandRun {
  readonly command: string;
  readonly version: string;
  readonly terminal: Terminal;
}
