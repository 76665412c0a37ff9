import { type Clock, withTimeLimit } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { fileErrorText, runProgram, trustedProgram } from '@acmex/files';
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

async function output(
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
  const ended = await runProgram({
    executable,
    name: program,
    args,
    env: environment,
    folder: process.cwd(),
    maximumOutput: longest,
    signal,
  }).catch((cause: NodeJS.ErrnoException) => {
    signal.throwIfAborted();
    throw refusal(
      program,
      `cannot be started (${cause.code ?? 'unknown'}): check its path, and that it is executable`,
    );
  });
  if (ended.isTooLong)
    throw refusal(program, `wrote more than ${longest} bytes: it must write only the credential`);
  if (ended.end !== 0) throw exitRefusal(program, ended.end);
  return ended.output.toString().replace(/\r?\n$/, '');
}

function exitRefusal(program: string, code: number | NodeJS.Signals): ConfigError {
  const end = typeof code === 'string' ? 'a signal' : `exit code ${code}`;
  return refusal(program, `ended with ${end}: run it by hand to see why`);
}

function refusal(program: string, why: string): ConfigError {
  return new ConfigError('ERR_CONFIG_CREDENTIAL', `the credential command ${program} ${why}`);
}
