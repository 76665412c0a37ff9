import type { Readable, Writable } from 'node:stream';
import type { Clock } from '@acmex/clock';
import type { Config } from '@acmex/config';
import type { LogEntry } from '@acmex/observability';
import type { Tracing } from '@acmex/observability/tracing';
import type { Ora } from 'ora';

/** The process around a command: its streams, environment and signals. A test passes its own. */
export interface Terminal {
  /** For results only. */
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  /** For progress, warnings and errors. */
  readonly stderr: Writable & { readonly isTTY?: boolean };
  /** Absent when no person can answer. */
  readonly stdin?: Readable & { readonly isTTY?: boolean };
  readonly env: NodeJS.ProcessEnv;
  readonly uid: number | undefined;
  /** Aborts at SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /**
   * Ends the command as SIGINT does. A prompt calls it at Ctrl-C: while it hides what is typed, the
   * terminal sends no signal.
   */
  readonly interrupt?: (() => void) | undefined;
  /**
   * Calls the listener at SIGHUP, which reloads the configuration.
   * @returns a function that removes the listener
   */
  onHangup(listener: () => void): () => void;
  /** What is visible to others now, as challenge responses: it stays if the process is killed. */
  readonly display: Set<string>;
  /** The time of the daemon and of the CA; that of the system by default. */
  readonly clock?: Clock | undefined;
  /** Records what the command does as traces; absent where they are off. */
  readonly tracing?: Tracing | undefined;
}

export const logLevels = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];

/** What a log has beside the text of a report, for programs; a terminal does not show it. */
export type ReportFields = Partial<Omit<LogEntry, 'level' | 'msg'>>;

/** Reports the progress of a command. */
export interface Reporter {
  /** Reports what is in progress; a terminal shows it until the next report. */
  working(text: string): void;
  /** Reports what is done. */
  done(text: string, fields?: ReportFields): void;
  warn(text: string, fields?: ReportFields): void;
  debug(text: string, fields?: ReportFields): void;
  close(): void;
}

/** The options of a reporter. */
export interface ReporterOptions {
  readonly logLevel: LogLevel;
  readonly configuration?: Config | undefined;
}

/**
 * Returns a reporter that writes to stderr: with a spinner on a terminal, otherwise plain lines.
 */
export async function reporter(
  { stderr, env }: Terminal,
  { logLevel: level, configuration }: ReporterOptions,
): Promise<Reporter> {
  const isEnabled = (candidate: LogLevel) =>
    logLevels.indexOf(candidate) <= logLevels.indexOf(level);
  const spinner =
    stderr.isTTY && !env.CI && env.TERM !== 'dumb' && isEnabled('info')
      ? await startSpinner(stderr, configuration?.values.cli.colors ?? !env.NO_COLOR)
      : undefined;
  const line = (lineLevel: LogLevel, text: string, mark: string) => {
    if (!isEnabled(lineLevel)) return;
    if (!spinner) return void stderr.write(`${text}\n`);
    const { text: current, isSpinning } = spinner;
    spinner.stopAndPersist({ symbol: mark, text });
    if (isSpinning) spinner.start(current);
  };
  return {
    working: (text) => {
      spinner?.start(text);
    },
    done: (text) => line('info', text, '✔'),
    warn: (text) => line('warn', `warning: ${text}`, '!'),
    debug: (text) => line('debug', text, ' '),
    close: () => {
      spinner?.stop();
    },
  };
}

async function startSpinner(stream: Writable, hasColors: boolean): Promise<Ora> {
  const { default: ora } = await import('ora');
  // Leaves stdin alone: Ctrl-C must reach the program as a signal.
  return ora({
    stream: stream as NodeJS.WriteStream,
    discardStdin: false,
    ...(hasColors ? {} : { color: false }),
  });
}
