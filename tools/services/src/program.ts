import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Clock, type DurationInput, systemClock, withTimeLimit } from '@acmex/clock';
import { errorText } from '@acmex/errors';
import { guard } from './guard.ts';

export interface ProgramOptions {
  readonly command: string;
  readonly args?: readonly string[];
  /** Added to this process's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The id of the user that runs it, if not the current one; only root can set it. */
  readonly user?: number | undefined;
  /**
   * Looks at all that was written so far, on both streams, and says whether the program is at work.
   * Throws when it never will be: that ends the wait.
   */
  readonly ready: (log: string) => boolean;
  /** A look from outside after that: repeated until it resolves. */
  readonly answers?: (options: { readonly signal: AbortSignal }) => Promise<unknown>;
  /** How long it may take to get to work; 20 seconds by default. */
  readonly limit?: DurationInput;
  readonly clock?: Clock;
}

/**
 * A program at work. Disposing of it sends SIGTERM, after 5 seconds SIGKILL, and waits for its end.
 */
export interface Program extends AsyncDisposable {
  readonly pid: number;
  /** What it has written so far, on both streams. */
  log(): string;
}

/** A program that could not be put to work. The message ends with what it wrote. */
export class ProgramError extends Error {
  override readonly name = 'ProgramError';
  readonly code = 'ERR_SERVICES_START';

  constructor(
    what: string,
    readonly log: string,
    options?: ErrorOptions,
  ) {
    super(`${what}; its log:\n${log.trim() || '(it wrote nothing)'}`, options);
  }
}

/**
 * Starts a program and waits until it is at work. It is killed as well when this process ends
 * abruptly.
 * @throws ProgramError when it ends by itself, or is not at work within the limit; nothing of it is
 * left then
 */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const { command, ready, answers, limit = 'PT20S', clock = systemClock } = options;
  const child = spawnProgram(options);
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
  const ended = once(child, 'close').then(
    ([code, signal]) => `ended with ${signal ?? `exit code ${code}`}`,
    (error: Error) => `could not be started (${error.message})`,
  );
  const abruptEnd =
    child.pid === undefined ? undefined : guard('kill -KILL "$1"', String(child.pid));
  const stop = async () => {
    await terminate(child, ended, clock);
    await abruptEnd?.[Symbol.asyncDispose]();
  };
  try {
    await withTimeLimit({ clock, limit }, (signal) =>
      atWork({ child, ended, log: () => log, ready, answers, clock, signal }),
    );
    return { pid: child.pid ?? 0, log: () => log, [Symbol.asyncDispose]: stop };
  } catch (cause) {
    await stop();
    throw new ProgramError(`${command} ${errorText(cause)}`, log, { cause });
  }
}

function spawnProgram({ command, args = [], env, cwd, user }: ProgramOptions) {
  return spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(user !== undefined && { uid: user, gid: user }),
  });
}

interface Waiting extends Pick<ProgramOptions, 'ready' | 'answers'> {
  readonly child: ChildProcess;
  readonly ended: Promise<string>;
  readonly log: () => string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

async function atWork({ ended, answers, clock, signal, ...saying }: Waiting): Promise<void> {
  if (saying.child.pid === undefined) throw new Error(await ended);
  const over = new AbortController();
  void ended.then((how) => over.abort(new Error(how)));
  const either = AbortSignal.any([signal, over.signal]);
  await saysSo({ ...saying, signal: either });
  while (
    answers &&
    !(await answers({ signal: either }).then(
      () => true,
      () => false,
    ))
  ) {
    saying.ready(saying.log());
    await clock.sleep({ milliseconds: 20 }, { signal: either });
  }
  either.throwIfAborted();
}

function saysSo({
  child,
  ready,
  log,
  signal,
}: Pick<Waiting, 'child' | 'ready' | 'log' | 'signal'>): Promise<void> {
  return new Promise((resolve, reject) => {
    const checkOutput = () => {
      try {
        if (ready(log())) resolve();
      } catch (error) {
        reject(error);
      }
    };
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', checkOutput);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    checkOutput();
  });
}

async function terminate(
  child: ChildProcess,
  ended: Promise<unknown>,
  clock: Clock,
): Promise<void> {
  if (child.pid === undefined) return;
  const over = new AbortController();
  const patience = clock.sleep('PT5S', { signal: over.signal }).then(
    () => child.kill('SIGKILL'),
    () => {
      /* it ended first */
    },
  );
  child.kill('SIGTERM');
  await ended;
  over.abort();
  await patience;
}
