import { systemClock } from '@acmex/clock';
import type { Config, Secret } from '@acmex/config';
import { errorText, printable } from '@acmex/errors';
import type { Log, LogEntry } from '@acmex/observability';
import { type Logger, pino } from 'pino';
import { escapeJson } from '../output.ts';
import {
  type LogLevel,
  logLevels,
  reporter,
  type Reporter,
  type ReporterOptions,
  type Terminal,
} from '../terminal.ts';
import { type LogFile, openLogFile } from './log-file.ts';
import { Redactor } from './redactor.ts';

/** The longest text of a line, in UTF-16 code units. */
const longestMessage = 20_000;

/** The keys of `[cli]` that a log obeys. */
export type LogSettings = Pick<
  Config['values']['cli'],
  'log_level' | 'log_levels' | 'log_file' | 'log_max_size' | 'log_backup_count'
>;

export interface ServiceLogOptions {
  /** The package that lines are about unless they name one. */
  readonly package: string;
  /** Obeyed until there is a configuration. */
  readonly logLevel: LogLevel;
  /** The configuration at the start, as for `configure`. */
  readonly configuration?: Config | undefined;
  /** Credentials that no configuration has. */
  readonly credentials?: readonly Secret[] | undefined;
}

/** The log of a program that runs until it is stopped. Its disposal writes what is left. */
export interface ServiceLog extends AsyncDisposable {
  readonly log: Log;
  /** Whether a person reads it: there is a terminal, and no log file. */
  readonly isForPerson: boolean;
  /**
   * Uses the settings of a configuration, and removes its credentials from lines. A file is opened
   * again, also if its name is the same.
   * @throws CliError `ERR_CLI_FILE` if the log file cannot be written: the earlier one stays
   */
  configure(configuration: Config): void;
}

/**
 * Opens the log of a program: text on a terminal, otherwise a line of JSON for each entry.
 * @throws CliError `ERR_CLI_FILE` if the log file of the configuration cannot be written
 */
export function openServiceLog(
  { stderr }: Pick<Terminal, 'stderr'>,
  options: ServiceLogOptions,
): ServiceLog {
  const lines = new LogLines(stderr);
  const loggers = new Loggers(lines, options);
  const redactor = new Redactor(options.credentials);
  const log: Log = (entry) => {
    const { level, package: named = options.package } = entry;
    if (!loggers.isEnabled(level, named)) return;
    const { msg, ...fields } = redactor.redactFields({ ...entry, msg: shortened(entry.msg) });
    if (stderr.isTTY && !lines.hasFile) stderr.write(textOf(level, msg));
    else loggers.write({ ...fields, level, package: named, msg });
  };
  const configure = (configuration: Config) => {
    const { cli } = configuration.values;
    redactor.addConfiguration(configuration);
    lines.use(cli);
    loggers.use(cli);
  };
  if (options.configuration) configure(options.configuration);
  return {
    log,
    configure,
    get isForPerson() {
      return stderr.isTTY === true && !lines.hasFile;
    },
    [Symbol.asyncDispose]: async () => await lines[Symbol.asyncDispose](),
  };
}

function shortened(msg: string): string {
  return msg.length > longestMessage ? `${msg.slice(0, longestMessage)}…` : msg;
}

function textOf(level: LogLevel, msg: string): string {
  return `${level === 'info' ? '' : `${level}: `}${printable(msg, longestMessage)}\n`;
}

/** Returns how a service reports: with a spinner to a person, otherwise as lines of its log. */
export async function serviceReporter(
  terminal: Terminal,
  options: ReporterOptions,
  { isForPerson, log }: Pick<ServiceLog, 'isForPerson' | 'log'>,
): Promise<Reporter> {
  if (isForPerson) return await reporter(terminal, options);
  return {
    working: noop,
    done: (msg, fields) => log({ ...fields, level: 'info', msg }),
    warn: (msg, fields) => log({ ...fields, level: 'warn', msg }),
    debug: (msg, fields) => log({ ...fields, level: 'debug', msg }),
    close: noop,
  };
}

/** The loggers of the packages, each with its level. */
class Loggers {
  readonly #root: Logger;
  #level: LogLevel;
  #levels: Readonly<Record<string, LogLevel>> = {};

  constructor(lines: LogLines, { logLevel }: ServiceLogOptions) {
    this.#level = logLevel;
    this.#root = pino(
      {
        // Each line is checked against the level of its package before it comes here.
        level: 'debug',
        base: null,
        timestamp: () => `,"time":"${systemClock.now().toString({ fractionalSecondDigits: 3 })}"`,
        formatters: { level: (level) => ({ level }) },
      },
      lines,
    );
  }

  use({ log_level: level, log_levels: levels }: LogSettings): void {
    this.#level = level;
    this.#levels = levels;
  }

  isEnabled(level: LogLevel, named: string): boolean {
    const least = Object.hasOwn(this.#levels, named) ? this.#levels[named] : undefined;
    return logLevels.indexOf(level) <= logLevels.indexOf(least ?? this.#level);
  }

  write({ level, msg, ...fields }: LogEntry): void {
    this.#root[level](fields, msg);
  }
}

/** Where lines go: to the log file if there is one, otherwise to standard error. */
class LogLines implements AsyncDisposable {
  readonly #stderr: Terminal['stderr'];
  #file: LogFile | undefined;
  #closing = Promise.resolve();
  #hasFailed = false;

  constructor(stderr: Terminal['stderr']) {
    this.#stderr = stderr;
  }

  get hasFile(): boolean {
    return this.#file !== undefined;
  }

  use({
    log_file: path,
    log_max_size: mebibytes,
    log_backup_count: backupCount,
  }: LogSettings): void {
    const opened =
      path === undefined
        ? undefined
        : openLogFile({
            ...{ path, backupCount, size: `${mebibytes}M` },
            onFailure: (line, reason) => this.#failed(path, line, reason),
          });
    this.#close();
    this.#file = opened;
    this.#hasFailed = false;
  }

  /** Called by pino with a line of JSON. Invisible characters in its texts are escaped. */
  write(json: string): void {
    const line = escapeJson(json);
    if (this.#file) this.#file.write(line);
    else this.#stderr.write(line);
  }

  /** A line that the file did not take goes to standard error, and so do those that follow. */
  #failed(path: string, line: string, reason: string): void {
    if (!this.#hasFailed) {
      this.#hasFailed = true;
      this.#close();
      const msg = `the log file ${path} cannot be written, so lines come here until SIGHUP: ${reason}`;
      this.#stderr.write(`${JSON.stringify({ level: 'error', msg: printable(msg) })}\n`);
    }
    this.#stderr.write(line);
  }

  #close(): void {
    const file = this.#file;
    this.#file = undefined;
    if (file)
      this.#closing = Promise.all([this.#closing, file[Symbol.asyncDispose]()]).then(
        () => undefined,
      );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    await this.#closing;
  }
}

function noop(): void {
  /* a log has no line for it */
}

/**
 * Uses the settings of a configuration that has taken effect. If its log file cannot be written,
 * the log stays where it was.
 */
export function configureAgain({ configure, log }: ServiceLog, configuration: Config): void {
  try {
    configure(configuration);
  } catch (error) {
    log({ level: 'error', msg: `the log stays where it was: ${errorText(error)}` });
  }
}
