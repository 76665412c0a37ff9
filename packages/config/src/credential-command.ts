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
 * A credential that a program writes to its standard output, without the line break at its end.
 * No shell is in between. It has 10 seconds and sees the whole environment; what it writes goes nowhere else, what it complains about goes nowhere at all.
 * @throws ConfigError `ERR_CONFIG_CREDENTIAL` naming the program alone, for an argument may be a secret too
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
    throw refusal(
      program,
      'did not end within 10 seconds: run it by hand, it may wait for someone',
    );
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
    const parts: Buffer[] = [];
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
      else parts.push(part);
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
            refusal(
              program,
              `wrote more than ${longest} bytes: it is to write the credential alone`,
            ),
          );
        if (code !== 0)
          return reject(
            refusal(
              program,
              `ended with ${code === null ? 'a signal' : `exit code ${code}`}: run it by hand to see why`,
            ),
          );
        return resolve(
          Buffer.concat(parts)
            .toString()
            .replace(/\r?\n$/, ''),
        );
      }),
    );
  });
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
