import { systemClock } from '@acmex/clock';
import { errorCode, printable } from '@acmex/protocol';
import type { Log } from '@acmex/server';
import { type ConfigurationFlags, dataDirectory, placesOf } from '../configuration.ts';
import { CliError } from '../errors.ts';
import { type LogLevel, logLevels, type Terminal } from '../terminal.ts';

export interface ServeCommandOptions extends ConfigurationFlags {
  readonly config?: string;
  readonly logLevel: LogLevel;
  readonly role: 'all' | 'api' | 'worker';
}

/** What a stop may take: what runs may end by itself for a while, then it is parked where it is. */
const endsItself = { seconds: 15 };

/** `acmex serve`: the server of @acmex/server, as long as nobody stops it. */
export async function serve(
  {
    config: configFile,
    overrides,
    logLevel,
    role,
    version,
  }: ServeCommandOptions & { readonly version: string },
  terminal: Terminal,
): Promise<void> {
  const { env: environment, stdout, stderr, signal } = terminal;
  const server = await import('@acmex/server').catch((cause: unknown) => {
    if (errorCode(cause) !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new CliError('ERR_CLI_PACKAGE', howToGetServer(), { cause });
  });
  let level = logLevel;
  const log = logTo(terminal, () => level);
  // Standard output is for a person alone: that of a service is a log, and no place for a secret.
  const onInitialKey = (file: string, key: string) => {
    stderr.write(`the first API key lies in ${file} until it is used\n`);
    if ('isTTY' in stdout && stdout.isTTY) stdout.write(`${key}\n`);
  };
  const running = await server.serve({
    environment,
    ...placesOf(terminal),
    configFile,
    role,
    overrides,
    dataDirectory: dataDirectory(terminal),
    version,
    log,
    onConfiguration: ({ values }) => {
      level = values.cli.log_level;
    },
    onInitialKey,
  });
  log({
    level: 'info',
    msg: `${running.url === '' ? 'working' : `listening on ${running.url}`}; SIGTERM ends it, SIGHUP reads the configuration anew`,
  });
  let reloading = Promise.resolve();
  const deaf = terminal.onHangup(() => {
    reloading = reloading
      .then(async () => {
        await running.reload();
        log({ level: 'info', msg: 'the configuration is read anew' });
      })
      .catch((error: unknown) =>
        log({
          level: 'warn',
          msg: `the new configuration is not used, the one before holds: ${printable(error instanceof Error ? error.message : String(error), 4000)}`,
        }),
      );
  });
  if (!signal.aborted)
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  deaf();
  await reloading;
  const parked = await running.stop({ within: endsItself });
  if (parked.length > 0)
    log({
      level: 'warn',
      msg: `${parked.length} were stopped on the way and go on at the next start: ${parked.slice(0, 10).join(', ')}`,
    });
  log({ level: 'info', msg: 'ended' });
}

/** Text for a person, a line of JSON for everything else. */
export function logTo({ stderr }: Terminal, logLevel: () => LogLevel): Log {
  return ({ level, msg, ...more }) => {
    if (logLevels.indexOf(level) > logLevels.indexOf(logLevel())) return;
    if (stderr.isTTY) stderr.write(`${level === 'info' ? '' : `${level}: `}${msg}\n`);
    else
      stderr.write(
        `${JSON.stringify({ time: systemClock.now().toString(), level, msg, ...more })}\n`,
      );
  };
}

/** Returns how to get the server: it is not installed, or this is a checkout in which it is not built. */
function howToGetServer(): string {
  try {
    import.meta.resolve('@acmex/server');
    return 'the server is not built yet: run npm run build in the checkout';
  } catch {
    return 'the server is a separate package: run npm install @acmex/server where @acmex/cli is installed';
  }
}
