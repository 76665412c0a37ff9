import { spawn } from 'node:child_process';
import { type Clock, type DurationInput, systemClock, withTimeLimit } from '@acmex/clock';
import { DnsError, type DnsOptions } from '@acmex/dns';
import { hookProgram } from './trusted-program.ts';

/** Options of every hook. */
export interface HookOptions {
  /** What the program sees of the environment; see `environment`. */
  readonly env: Readonly<Record<string, string>>;
  /** For one call; 2 minutes by default. */
  readonly limit?: DurationInput;
  readonly clock?: Clock;
}

export interface HookCall extends DnsOptions {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The call as messages name it: the program and the arguments that help. */
  readonly title: string;
}

/** The rest of a program's output is discarded. */
const largestOutputBytes = 64 * 1024;

/**
 * Runs a program to its end without a shell, and returns its standard output. The programs that it
 * started are ended with it.
 *
 * @throws DnsError `ERR_DNS_HOOK` with what it wrote, if it ends with a status other than 0, cannot
 * be started or takes too long
 */
export async function runHook(
  { signal, ...call }: HookCall,
  { limit = 'PT2M', clock = systemClock }: Pick<HookOptions, 'limit' | 'clock'>,
): Promise<string> {
  try {
    assertNoZeroByte(call);
    const executable = await hookProgram(call.program, call.env.PATH);
    return await withTimeLimit({ clock, limit, signal }, (limited) =>
      ended(call, { executable, signal: limited }),
    );
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof Error && 'code' in error && error.code === 'ERR_DNS_HOOK') throw error;
    throw new DnsError('ERR_DNS_HOOK', `the hook ${call.title} did not end within its time limit`, {
      cause: error,
    });
  }
}

function ended(
  { program, args, env, title }: Omit<HookCall, 'signal'>,
  { executable, signal }: { readonly executable: string; readonly signal: AbortSignal },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const notStarted = (cause: NodeJS.ErrnoException) =>
      new DnsError(
        'ERR_DNS_HOOK',
        `the hook ${program} cannot be started (${cause.code ?? cause.message}): check its path, and that it is executable`,
        { cause },
      );
    // A group of its own, so that its children end with it.
    const child = spawn(executable, args, {
      argv0: program,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: false,
      detached: true,
    });
    const [output, complaints] = [child.stdout, child.stderr].map((stream) => {
      const text: Buffer[] = [];
      let size = 0;
      stream.on('data', (part: Buffer) => {
        size += part.length;
        if (size <= largestOutputBytes) text.push(part);
      });
      return () => Buffer.concat(text).toString();
    }) as [() => string, () => string];
    const stop = () => endGroup(child.pid);
    const end = (settle: () => void) => {
      signal.removeEventListener('abort', stop);
      settle();
    };
    signal.addEventListener('abort', stop, { once: true });
    child.once('error', (cause: NodeJS.ErrnoException) => end(() => reject(notStarted(cause))));
    child.once('close', (code, killed) =>
      end(() => {
        if (signal.aborted) return reject(signal.reason);
        if (code === 0) return resolve(output());
        const written = `${output()}${complaints()}`.trim().slice(-500);
        reject(
          new DnsError(
            'ERR_DNS_HOOK',
            `the hook ${title} ended with ${code ?? killed}${written ? `: ${JSON.stringify(written)}` : ''}`,
          ),
        );
      }),
    );
  });
}

function assertNoZeroByte({ program, args, env }: HookCall): void {
  if (![program, ...args, ...Object.values(env)].some((text) => text.includes('\0'))) return;
  throw new DnsError(
    'ERR_DNS_HOOK',
    `the hook ${program} cannot get a text with a zero byte: check the names and the configuration`,
  );
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    /* it ended by itself in this moment */
  }
}
