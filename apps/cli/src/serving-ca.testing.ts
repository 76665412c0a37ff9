import { acmex } from './terminal.testing.ts';

/**
 * Runs `acmex ca serve` on a free port of this machine until the work is done.
 * @returns the result of the work, and what the server wrote to stderr
 */
export async function servingCa<T>(
  args: readonly string[],
  work: (directory: string) => Promise<T>,
): Promise<{ readonly result: T; readonly stderr: string }> {
  const stop = new AbortController();
  let resolveStarted: (url: string) => void = () => undefined;
  const started = new Promise<string>((resolve) => {
    resolveStarted = resolve;
  });
  const server = acmex(['ca', 'serve', '--listen', '127.0.0.1:0', ...args], {
    signal: stop.signal,
    onStdout: (text) => {
      const [, url] = /directory +(\S+)/.exec(text) ?? [];
      if (url) resolveStarted(url);
    },
  });
  let result: T;
  try {
    const directory = await Promise.race([
      started,
      server.then(({ stderr }) => {
        throw new Error(stderr);
      }),
    ]);
    result = await work(directory);
  } finally {
    stop.abort('SIGTERM');
    await server;
  }
  return { result, stderr: (await server).stderr };
}
