import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { systemClock, withTimeLimit } from '@acmex/clock';

export interface ProgramOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Looks at all that was written so far and says whether the program is at work. */
  readonly ready: (log: string) => boolean;
}

/** A program at work; disposing of it ends it. */
export interface Program extends AsyncDisposable {
  readonly pid: number;
  /** What it has written so far, on both streams. */
  log(): string;
}

const running = new Set<ChildProcess>();
process.on('exit', () => { for (const child of running) child.kill('SIGKILL'); });

/**
 * Starts a program and waits until it is at work; 20 seconds at most.
 * @throws Error with what it has written, when it ends before that or takes longer
 */
export async function startProgram({ command, args, env = {}, cwd, ready }: ProgramOptions): Promise<Program> {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let log = '';
  let failure: Error | undefined;
  const gone = new Promise<void>((resolve) => {
    child.once('error', (error) => { failure = error; resolve(); });
    child.once('exit', () => resolve());
  }).then(() => { running.delete(child); });
  const atWork = new Promise<void>((resolve) => {
    const look = (text: Buffer) => {
      log += text.toString();
      if (ready(log)) resolve();
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
  });
  const program: Program = {
    pid: child.pid ?? 0,
    log: () => log,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null || failure) return;
      child.kill('SIGTERM');
      await withTimeLimit({ clock: systemClock, limit: 'PT5S' }, (signal) => Promise.race([gone, aborted(signal)])).catch(() => child.kill('SIGKILL'));
      await gone;
    },
  };
  try {
    await withTimeLimit({ clock: systemClock, limit: 'PT20S' }, (signal) => Promise.race([
      atWork,
      gone.then(() => { throw new Error(`${command} ended before it was at work${failure ? ` (${failure.message})` : ''}:\n${log}`); }),
      aborted(signal, `${command} was not at work after 20 seconds`),
    ]));
    return program;
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}

async function aborted(signal: AbortSignal, why = 'the time limit was reached'): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort');
  throw new Error(why);
}
