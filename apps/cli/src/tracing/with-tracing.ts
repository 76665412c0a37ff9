import { systemClock } from '@acmex/clock';
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

/** Commands that run until they are stopped. */
const services: ReadonlySet<string> = new Set(['daemon', 'serve', 'ca serve', 'agent']);

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
  const onWarning = (text: string) =>
    warnOfTraces(text, terminal, { isJson: services.has(command) });
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

/** Writes a warning to standard error; as a line of a log if that is JSON, unless a person reads it. */
function warnOfTraces(
  msg: string,
  { stderr }: Pick<Terminal, 'stderr'>,
  { isJson }: { readonly isJson: boolean },
): void {
  const time = systemClock.now().toString();
  const line = { level: 'warn', time, package: '@acmex/observability', msg };
  stderr.write(isJson && !stderr.isTTY ? `${JSON.stringify(line)}\n` : `warning: ${msg}\n`);
}
