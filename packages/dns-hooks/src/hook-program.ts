import { type Clock, type DurationInput, systemClock, withTimeLimit } from '@acmex/clock';
import { DnsError, type DnsOptions } from '@acmex/dns';
import { runProgram } from '@acmex/files';
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

async function ended(
  { program, args, env, title }: Omit<HookCall, 'signal'>,
  { executable, signal }: { readonly executable: string; readonly signal: AbortSignal },
): Promise<string> {
  // It has a process group, so that its children end with it.
  const { end, output, complaints } = await runProgram({
    executable,
    name: program,
    args,
    env,
    folder: process.cwd(),
    maximumOutput: largestOutputBytes,
    excess: 'discard',
    signal,
  }).catch((cause: NodeJS.ErrnoException) => {
    signal.throwIfAborted();
    throw new DnsError(
      'ERR_DNS_HOOK',
      `the hook ${program} cannot be started (${cause.code ?? cause.message}): check its path, and that it is executable`,
      { cause },
    );
  });
  if (end === 0) return output.toString();
  const written = `${output.toString()}${complaints}`.trim().slice(-500);
  throw new DnsError(
    'ERR_DNS_HOOK',
    `the hook ${title} ended with ${end}${written ? `: ${JSON.stringify(written)}` : ''}`,
  );
}

function assertNoZeroByte({ program, args, env }: HookCall): void {
  if (![program, ...args, ...Object.values(env)].some((text) => text.includes('\0'))) return;
  throw new DnsError(
    'ERR_DNS_HOOK',
    `the hook ${program} cannot get a text with a zero byte: check the names and the configuration`,
  );
}
