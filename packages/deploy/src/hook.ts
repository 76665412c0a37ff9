import { type Clock, type DurationInput, systemClock, withTimeLimit } from '@acmex/clock';
import { withoutPrivateKeys } from '@acmex/errors';
import { runProgram } from '@acmex/files';
import { DeployError } from './errors.ts';
import { trustedProgram } from './program.ts';

export interface HookOptions {
  /** All that it sees of the environment. */
  readonly env: Readonly<Record<string, string>>;
  /** 2 minutes by default. */
  readonly limit?: DurationInput | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly clock?: Clock | undefined;
}

/** How many bytes of a program's output are stored. */
const maximumOutput = 64 * 1024;

/**
 * Runs a program with its arguments to its end, with no shell in between. What it has started
 * itself is ended with it.
 * @param argv an absolute path, or a name that PATH knows, then the arguments
 * @returns what it wrote
 * @throws DeployError `ERR_DEPLOY_HOOK` with what it wrote, when it ends with anything but 0,
 * cannot be started or takes too long; `ERR_DEPLOY_UNSAFE`
 */
export async function runHook(
  argv: readonly string[],
  { env, limit = 'PT2M', signal, clock = systemClock }: HookOptions,
): Promise<string> {
  const [name = '', ...args] = argv;
  if (name === '')
    throw new DeployError(
      'ERR_DEPLOY_HOOK',
      'the hook is empty: write it as ["program", "argument"]',
    );
  if ([name, ...args, ...Object.values(env)].some((text) => text.includes('\0')))
    throw new DeployError(
      'ERR_DEPLOY_HOOK',
      `the hook ${name} cannot be given a text with a zero byte`,
    );
  const executable = await trustedProgram(name, env.PATH);
  try {
    return await withTimeLimit({ clock, limit, signal }, (limited) =>
      ended({ name, executable, args, env }, limited),
    );
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof Error && 'code' in error && error.code === 'ERR_DEPLOY_HOOK') throw error;
    throw new DeployError('ERR_DEPLOY_HOOK', `the hook ${name} did not end within its time limit`, {
      cause: error,
    });
  }
}

interface HookCall {
  readonly name: string;
  /** The real path; a program with several names learns its name from the first argument. */
  readonly executable: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

async function ended(
  { name, executable, args, env }: HookCall,
  signal: AbortSignal,
): Promise<string> {
  const { end, output, complaints } = await runProgram({
    executable,
    name,
    args,
    env,
    maximumOutput,
    excess: 'discard',
    signal,
  }).catch((cause: NodeJS.ErrnoException) => {
    signal.throwIfAborted();
    throw new DeployError(
      'ERR_DEPLOY_HOOK',
      `the hook ${executable} cannot be started (${cause.code ?? cause.message}): check that it is executable`,
      { cause },
    );
  });
  const text = `${output.toString()}${complaints}`;
  if (end === 0) return text;
  // A hook can read the private key, and its failure goes into events and notifications.
  const written = withoutPrivateKeys(text).trim().slice(-500);
  throw new DeployError(
    'ERR_DEPLOY_HOOK',
    `the hook ${executable} ended with ${end}${written ? `: ${JSON.stringify(written)}` : ''}`,
  );
}
