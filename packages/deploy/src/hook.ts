import { spawn } from 'node:child_process';
import { type Clock, type DurationInput, systemClock, withTimeLimit } from '@acmex/clock';
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

function ended({ name, executable, args, env }: HookCall, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    // A process group, so that its children end with it.
    const child = spawn(executable, args, {
      argv0: name,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: false,
      detached: true,
      cwd: '/',
    });
    const written: Buffer[] = [];
    let size = 0;
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (part: Buffer) => {
        size += part.length;
        if (size <= maximumOutput) written.push(part);
      });
    const text = () => Buffer.concat(written).toString();
    const stop = () => endGroup(child.pid);
    const end = (settle: () => void) => {
      signal.removeEventListener('abort', stop);
      settle();
    };
    signal.addEventListener('abort', stop, { once: true });
    child.once('error', (cause: NodeJS.ErrnoException) =>
      end(() =>
        reject(
          new DeployError(
            'ERR_DEPLOY_HOOK',
            `the hook ${executable} cannot be started (${cause.code ?? cause.message}): check that it is executable`,
            { cause },
          ),
        ),
      ),
    );
    child.once('close', (code, killed) =>
      end(() => {
        if (signal.aborted) return reject(signal.reason);
        if (code === 0) return resolve(text());
        const said = text().trim().slice(-500);
        reject(
          new DeployError(
            'ERR_DEPLOY_HOOK',
            `the hook ${executable} ended with ${code ?? killed}${said ? `: ${JSON.stringify(said)}` : ''}`,
          ),
        );
      }),
    );
  });
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    /* it has ended by itself */
  }
}
