import { errorText, printable } from '@acmex/errors';
import type { Log, RunningServer } from '@acmex/server';
import { type ConfigurationFlags, dataDirectory, placesOf } from '../configuration.ts';
import { writeNotice } from '../log/notice.ts';
import { configureAgain, openServiceLog } from '../log/service-log.ts';
import { untilStopped } from '../service.ts';
import type { LogLevel, Terminal } from '../terminal.ts';
import { loadServer } from './load-server.ts';

export interface ServeCommandOptions extends ConfigurationFlags {
  readonly config?: string;
  readonly logLevel: LogLevel;
  readonly role: 'all' | 'api' | 'worker';
}

/**
 * How long running orders may finish after a stop; then they are parked, and continue at the next
 * start.
 */
const gracePeriod = { seconds: 15 };

/** `acmex serve`: runs the server of @acmex/server until the terminal's signal aborts. */
export async function serve(
  options: ServeCommandOptions & { readonly version: string },
  terminal: Terminal,
): Promise<void> {
  const { serve: serveApi } = await loadServer();
  await using serviceLog = openServiceLog(terminal, {
    package: '@acmex/server',
    logLevel: options.logLevel,
  });
  const { log } = serviceLog;
  let isRunning = false;
  const server = await serveApi({
    environment: terminal.env,
    ...placesOf(terminal),
    configFile: options.config,
    role: options.role,
    overrides: options.overrides,
    dataDirectory: dataDirectory(terminal),
    version: options.version,
    tracing: terminal.tracing,
    log,
    onConfiguration: (configuration) => {
      if (isRunning) configureAgain(serviceLog, configuration);
      else serviceLog.configure(configuration);
    },
    onInitialKey: (file, key) => showInitialKey(terminal, file, key),
  });
  isRunning = true;
  const state = server.url === '' ? 'working' : `listening on ${server.url}`;
  log({ level: 'info', msg: `${state}; SIGTERM stops it, SIGHUP reloads the configuration` });
  await untilStopped(terminal, async () => await reload(server, log));
  const parked = await server.stop({ within: gracePeriod });
  if (parked.length > 0)
    log({
      level: 'warn',
      msg: `${parked.length} orders were interrupted and continue at the next start: ${parked.slice(0, 10).join(', ')}`,
    });
  log({ level: 'info', msg: 'stopped' });
}

/**
 * Shows the first API key to a person. The standard output of a service is a log: no secret is
 * written there.
 */
function showInitialKey({ stdout, stderr }: Terminal, file: string, key: string): void {
  const msg = `the first API key is in ${file} until it is used`;
  writeNotice({ level: 'info', msg, text: `${msg}\n` }, { stderr, words: ['serve'] });
  if ('isTTY' in stdout && stdout.isTTY) stdout.write(`${key}\n`);
}

async function reload(server: RunningServer, log: Log): Promise<void> {
  try {
    await server.reload();
    log({ level: 'info', msg: 'the configuration was reloaded' });
  } catch (error) {
    const text = printable(errorText(error), 4000);
    log({ level: 'warn', msg: `the previous configuration stays in effect: ${text}` });
  }
}
