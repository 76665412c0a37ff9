import type { Readable, Writable } from 'node:stream';
import type { Config } from '@acmex/config';
import type { Ora } from 'ora';

/** The world as a command sees it: handed in, so that a test can be the world. */
export interface Terminal {
  /** Results alone. */
  readonly stdout: Writable;
  /** Progress, warnings, errors. */
  readonly stderr: Writable & { readonly isTTY?: boolean };
  /** Where a person answers, if one is there. */
  readonly stdin?: Readable & { readonly isTTY?: boolean };
  readonly env: NodeJS.ProcessEnv;
  readonly uid: number | undefined;
  /** Aborts when the person or the system asks the program to stop. */
  readonly signal: AbortSignal;
  /** Calls when the program is told to read its configuration anew: SIGHUP. @returns what ends that */
  onHangup(listener: () => void): () => void;
  /** What others can see of a command at work, in words: what stays behind if it ends at once. */
  readonly display: Set<string>;
}

export const logLevels = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];

/** What a command says while it works. */
export interface Reporter {
  /** What is under way now; on a terminal it stays until the next word. */
  working(text: string): void;
  /** What has happened. */
  done(text: string): void;
  warn(text: string): void;
  debug(text: string): void;
  close(): void;
}

/** How much a command says, and how. */
export interface Speaking {
  readonly logLevel: LogLevel;
  readonly configuration?: Config | undefined;
}

/** Live on a terminal, plain lines elsewhere; all of it on stderr. */
export async function reporter(
  { stderr, env }: Terminal,
  { logLevel: level, configuration }: Speaking,
): Promise<Reporter> {
  const shows = (one: LogLevel) => logLevels.indexOf(one) <= logLevels.indexOf(level);
  const spinner =
    stderr.isTTY && !env.CI && env.TERM !== 'dumb' && shows('info')
      ? await live(stderr, configuration?.values.cli.colors ?? !env.NO_COLOR)
      : undefined;
  const line = (one: LogLevel, text: string, mark: string) => {
    if (!shows(one)) return;
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

async function live(stream: Writable, colours: boolean): Promise<Ora> {
  const { default: ora } = await import('ora');
  // stdin stays as it is: Ctrl-C must reach the program as a signal.
  return ora({
    stream: stream as NodeJS.WriteStream,
    discardStdin: false,
    ...(colours ? {} : { color: false }),
  });
}
