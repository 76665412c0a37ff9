import { spawn } from 'node:child_process';

/** A program to run, without a shell. */
export interface ProgramCall {
  /** The real path, as `trustedProgram` returns it. */
  readonly executable: string;
  /** The name under which the program was named: a program with several names reads it. */
  readonly name: string;
  readonly args: readonly string[];
  /** All that the program sees of the environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What the program reads from standard input; nothing by default. */
  readonly input?: Uint8Array | undefined;
  /** The working folder; `/` by default. */
  readonly folder?: string | undefined;
  /** How many bytes of standard output are collected. */
  readonly maximumOutput: number;
  /** What happens to a program that writes more: it is ended, the default, or the rest is discarded. */
  readonly excess?: 'end' | 'discard' | undefined;
  readonly signal: AbortSignal;
}

/** How a program ended. */
export interface ProgramEnd {
  /** The exit code; the name of the signal that ended it otherwise. */
  readonly end: number | NodeJS.Signals;
  readonly output: Buffer;
  /** Whether the program wrote more than `maximumOutput`. */
  readonly isTooLong: boolean;
  /** The beginning of standard error, at most 64 KiB. */
  readonly complaints: string;
}

const maximumComplaints = 64 * 1024;

/**
 * Runs a program to its end. It has a process group, so that what it has started
 * ends with it when the signal aborts or its output is too long.
 * @throws the signal's reason when it aborts; an error of Node when the program cannot be started
 */
export function runProgram({
  executable,
  name,
  input,
  signal,
  ...call
}: ProgramCall): Promise<ProgramEnd> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = spawn(executable, call.args, {
      argv0: name,
      env: { ...call.env },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      shell: false,
      detached: true,
      cwd: call.folder ?? '/',
    });
    const stop = () => endGroup(child.pid);
    const output = collected(
      child.stdout,
      call.maximumOutput,
      call.excess === 'discard' ? undefined : stop,
    );
    const complaints = collected(child.stderr, maximumComplaints);
    const settle = (settled: () => void) => {
      signal.removeEventListener('abort', stop);
      settled();
    };
    signal.addEventListener('abort', stop, { once: true });
    // A program that does not read its input is judged by its end.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
    child.once('error', (error) => settle(() => reject(error)));
    child.once('close', (code, killed) =>
      settle(() => {
        if (signal.aborted) return reject(signal.reason);
        resolve({
          end: code ?? killed ?? 'SIGKILL',
          output: output.bytes(),
          isTooLong: output.isTooLong(),
          complaints: complaints.bytes().toString(),
        });
      }),
    );
  });
}

/** Collects the beginning of a stream; discards the rest. */
function collected(
  stream: NodeJS.ReadableStream | null,
  maximum: number,
  onTooLong?: () => void,
): { readonly bytes: () => Buffer; readonly isTooLong: () => boolean } {
  const chunks: Buffer[] = [];
  let size = 0;
  stream?.on('data', (chunk: Buffer) => {
    const rest = maximum - size;
    size += chunk.length;
    if (rest > 0) chunks.push(chunk.subarray(0, rest));
    if (size > maximum) onTooLong?.();
  });
  return { bytes: () => Buffer.concat(chunks), isTooLong: () => size > maximum };
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    /* it has ended by itself */
  }
}
