import type { Terminal } from './terminal.ts';

declare const __VERSION__: string;

const args = process.argv.slice(2);
if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) {
  process.stdout.write(`${__VERSION__}\n`); // nothing else is loaded
} else {
  void runHere().then((exitCode) => {
    process.exitCode = exitCode;
  });
}

/** Runs the command line in this process. @returns the exit code */
async function runHere(): Promise<number> {
  // After listing 100,000 certificates, a server uses 116 MB with this, 193 MB without, at the same
  // speed.
  if (args[0] === 'serve') (await import('node:v8')).setFlagsFromString('--optimize-for-size');
  (await import('./compile-cache.ts')).useCompileCache({
    env: process.env,
    uid: process.getuid?.(),
    version: __VERSION__,
  });
  const { run } = await import('./program.ts');
  const stop = new AbortController();
  const done = new AbortController();
  const display = new Set<string>();
  const interrupt = stopOnSignals(stop, done.signal, display);
  const exitCode = await run(args, __VERSION__, {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    env: process.env,
    uid: process.getuid?.(),
    signal: stop.signal,
    interrupt,
    display,
    onHangup,
  });
  done.abort();
  return exitCode;
}

/**
 * Aborts on the first SIGINT or SIGTERM; ends the process on the second, or when clean-up takes too
 * long.
 * @param display what others can still see: reported when the process ends before its clean-up
 * @returns a function that does what SIGINT does
 */
function stopOnSignals(stop: AbortController, done: AbortSignal, display: Set<string>): () => void {
  // These have more to clean up.
  const isService = args[0] === 'daemon' || args[0] === 'serve';
  const seconds = isService ? 30 : 10;
  const notify = async (level: 'info' | 'warn', msg: string, before = '') => {
    const { writeNotice } = await import('./log/notice.ts');
    const text = `${before}acmex: ${msg}\n`;
    writeNotice({ level, msg, text }, { stderr: process.stderr, words: args });
  };
  const end = async (signal: 'SIGINT' | 'SIGTERM') => {
    for (const response of display) await notify('warn', `not removed: ${response}`);
    process.exit(signal === 'SIGTERM' ? 143 : 130);
  };
  const begin = (signal: 'SIGINT' | 'SIGTERM') => {
    if (stop.signal.aborted) return void end(signal);
    const limit = `for at most ${seconds} seconds; repeat to stop now`;
    void notify('info', `${signal}: cleaning up, ${limit}`, '\n');
    stop.abort(signal);
    void endAfter(seconds, done).then((isLate) => (isLate ? end(signal) : undefined));
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => begin(signal));
  return () => begin('SIGINT');
}

/** Waits. @returns false if `done` was aborted first */
async function endAfter(seconds: number, done: AbortSignal): Promise<boolean> {
  const { systemClock } = await import('@acmex/clock');
  return await systemClock.sleep({ seconds }, { signal: done }).then(
    () => true,
    () => false,
  );
}

function onHangup(listener: () => void): ReturnType<Terminal['onHangup']> {
  process.on('SIGHUP', listener);
  return () => {
    process.off('SIGHUP', listener);
  };
}
