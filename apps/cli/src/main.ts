declare const __VERSION__: string;

const args = process.argv.slice(2);
if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) {
  process.stdout.write(`${__VERSION__}\n`); // nothing else is loaded for it
} else {
  // A server that has listed 100,000 certificates holds 116 MB with it, 193 MB without, at the same speed.
  if (args[0] === 'serve') (await import('node:v8')).setFlagsFromString('--optimize-for-size');
  const { run } = await import('./program.ts');
  const stop = new AbortController();
  const done = new AbortController();
  const display = new Set<string>();
  // A daemon has many at work.
  const seconds = args[0] === 'daemon' || args[0] === 'serve' ? 30 : 10;
  const end = (signal: 'SIGINT' | 'SIGTERM') => {
    for (const one of display) process.stderr.write(`acmex: left on display: ${one}\n`);
    process.exit(signal === 'SIGTERM' ? 143 : 130);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) return end(signal);
      process.stderr.write(
        `\nacmex: ${signal}: taking down what is on display, ${seconds} seconds at most; again to end at once\n`,
      );
      stop.abort(signal);
      void import('@acmex/clock')
        .then(({ systemClock }) => systemClock.sleep({ seconds }, { signal: done.signal }))
        .then(
          () => end(signal),
          () => {
            /* it ended in time */
          },
        );
    });
  }
  const onHangup = (listener: () => void) => {
    process.on('SIGHUP', listener);
    return () => {
      process.off('SIGHUP', listener);
    };
  };
  process.exitCode = await run(args, __VERSION__, {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    env: process.env,
    uid: process.getuid?.(),
    signal: stop.signal,
    display,
    onHangup,
  });
  done.abort();
}
