import { spawn } from 'node:child_process';
import { type Clock, withTimeLimit } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { fileErrorText, trustedProgram } from '@acmex/files';
import { ConfigError } from './errors.ts';
import type { Environment } from './substitution.ts';

export interface CommandOptions {
  readonly environment: Environment;
  readonly clock: Clock;
}

export type Argv = readonly [program: string, ...args: readonly string[]];

const longest = 64 * 1024;

/**
 * Returns the credential that a program writes to its standard output, without the line break at
 * its end. The program is started without a shell, with the whole environment, and has 10 seconds.
 * Its standard error is discarded.
 * @throws ConfigError `ERR_CONFIG_CREDENTIAL`, which names only the program, because an argument
 * may be a secret too
 */
export async function credentialOfCommand(
  argv: Argv,
  { environment, clock }: CommandOptions,
): Promise<string> {
  const [program] = argv;
  const executable = await programOf(program, environment);
  try {
    return await withTimeLimit({ clock, limit: 'PT10S' }, (signal) =>
      output(argv, { executable, environment, signal }),
    );
  } catch (error) {
    if (errorCode(error) === 'ERR_CONFIG_CREDENTIAL') throw error;
    throw refusal(program, 'did not end within 10 seconds: run it by hand, it may wait for input');
  }
}

async function programOf(program: string, environment: Environment): Promise<string> {
  try {
    return await trustedProgram(program, { path: environment.PATH, from: process.cwd() });
  } catch (error) {
    throw refusal(program, `is not run: ${fileErrorText(error)}`);
  }
}

function output(
  [program, ...args]: Argv,
  {
    executable,
    environment,
    signal,
  }: {
    readonly executable: string;
    readonly environment: Environment;
    readonly signal: AbortSignal;
  },
): Promise<string> {
  return new Promise((resolve, reject) => {
    // A group of its own, so that what it has started ends with it.
    const child = spawn(executable, args, {
      argv0: program,
      env: { ...environment },
      stdio: ['ignore', 'pipe', 'ignore'],
      shell: false,
      detached: true,
    });
    const chunks: Buffer[] = [];
    let size = 0;
    const stop = () => endGroup(child.pid);
    const settle = (settled: () => void) => {
      signal.removeEventListener('abort', stop);
      settled();
    };
    signal.addEventListener('abort', stop, { once: true });
    child.stdout.on('data', (part: Buffer) => {
      size += part.length;
      if (size > longest) stop();
      else chunks.push(part);
    });
    child.on('error', (cause: NodeJS.ErrnoException) =>
      settle(() =>
        reject(
          refusal(
            program,
            `cannot be started (${cause.code ?? 'unknown'}): check its path, and that it is executable`,
          ),
        ),
      ),
    );
    child.on('close', (code) =>
      settle(() => {
        if (signal.aborted) return reject(signal.reason);
        if (size > longest)
          return reject(
            refusal(program, `wrote more than ${longest} bytes: it must write only the credential`),
          );
        const text = Buffer.concat(chunks).toString();
        return code === 0
          ? resolve(text.replace(/\r?\n$/, ''))
          : reject(exitRefusal(program, code));
      }),
    );
  });
}

function exitRefusal(program: string, code: number | null): ConfigError {
  const end = code === null ? 'a signal' : `exit code ${code}`;
  return refusal(program, `ended with ${end}: run it by hand to see why`);
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    /* it has ended */
  }
}

function refusal(program: string, why: string): ConfigError {
  return new ConfigError('ERR_CONFIG_CREDENTIAL', `the credential command ${program} ${why}`);
}
