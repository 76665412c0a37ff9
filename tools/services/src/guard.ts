import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Runs a line of shell when this process ends without disposing of the guard, however it ends: a
 * signal, an exit, a crash. A shell waits on a pipe that only this process holds; handlers of
 * `exit` would not do, because Jest calls none and SIGKILL neither.
 */
export function guard(line: string, ...args: readonly string[]): AsyncDisposable {
  const shell = spawn(
    'sh',
    ['-c', `trap '' INT TERM HUP; read -r _ || { ${line}; }`, 'guard', ...args],
    { stdio: ['pipe', 'ignore', 'ignore'] },
  );
  const exited = once(shell, 'exit');
  exited.catch(() => {
    /* a machine without sh has no guard */
  });
  shell.stdin.on('error', () => {
    /* the shell is gone already */
  });
  shell.unref();
  return {
    async [Symbol.asyncDispose]() {
      if (shell.pid === undefined) return;
      shell.ref();
      shell.stdin.end('all is closed\n');
      await exited;
    },
  };
}
