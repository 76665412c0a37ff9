import type { Terminal } from '../terminal.ts';

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

/** Whether the variables of OpenTelemetry ask for traces. */
function isTracingSet(env: NodeJS.ProcessEnv): boolean {
  const { OTEL_TRACES_EXPORTER: exporter, OTEL_SDK_DISABLED: disabled } = env;
  if (disabled?.trim().toLowerCase() === 'true') return false;
  if (exporter !== undefined && exporter !== '') return exporter === 'otlp';
  return Boolean(env.OTEL_EXPORTER_OTLP_ENDPOINT ?? env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT);
}

/**
 * Runs a command, and sends what it does as traces if the variables of OpenTelemetry are set. The
 * code for this is loaded only then.
 * @param command the words after `acmex`
 */
export async function withTracing<T>(
  { command, version, terminal }: CommandRun,
  work: (terminal: Terminal) => Promise<T>,
): Promise<T> {
  if (!tracedCommands.has(command) || !isTracingSet(terminal.env)) return await work(terminal);
  const { openTracing, warnOfTraces } = await import('./open-tracing.ts');
  await using opened = openTracing({
    env: terminal.env,
    version,
    onWarning: (text) => warnOfTraces(text, terminal, { isJson: services.has(command) }),
  });
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
