import { type ChildProcess, spawn } from 'node:child_process';
import { Readable } from 'node:stream';

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
    const child = spawned({ executable, name, ...call }, input === undefined ? 'ignore' : 'pipe');
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
          end: endOf(code, killed),
          output: output.bytes(),
          isTooLong: output.isTooLong(),
          complaints: complaints.bytes().toString(),
        });
      }),
    );
  });
}

/** A program that is spoken with while it runs. Disposing of it ends it with what it has started. */
export interface OpenProgram extends AsyncDisposable {
  /** Standard output; it ends when the program does. */
  readonly output: AsyncIterable<Buffer>;
  /** Writes to standard input. A program that has ended reads nothing. */
  write(bytes: Uint8Array): void;
  /** Resolves when the program has ended. @throws an error of Node when it cannot be started */
  readonly ended: Promise<Pick<ProgramEnd, 'end' | 'complaints'>>;
}

/**
 * Starts a program to speak with. It has a process group, which ends when the signal aborts.
 * @throws the signal's reason when it has aborted already
 */
export function openProgram({
  signal,
  ...call
}: Omit<ProgramCall, 'input' | 'maximumOutput' | 'excess'>): OpenProgram {
  signal.throwIfAborted();
  const child = spawned(call, 'pipe');
  const stop = () => endGroup(child.pid);
  const complaints = collected(child.stderr, maximumComplaints);
  signal.addEventListener('abort', stop, { once: true });
  child.stdin?.on('error', () => undefined);
  const ended = new Promise<Pick<ProgramEnd, 'end' | 'complaints'>>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, killed) =>
      resolve({ end: endOf(code, killed), complaints: complaints.bytes().toString() }),
    );
  }).finally(() => signal.removeEventListener('abort', stop));
  const settled = ended.then(
    () => undefined,
    () => undefined,
  );
  return {
    output: child.stdout ?? Readable.from([]),
    write: (bytes) => void child.stdin?.write(bytes),
    ended,
    async [Symbol.asyncDispose]() {
      stop();
      child.stdout?.destroy();
      await settled;
    },
  };
}

function spawned(
  { executable, name, args, env, folder }: Omit<ProgramCall, 'signal' | 'maximumOutput'>,
  input: 'ignore' | 'pipe',
): ChildProcess {
  return spawn(executable, args, {
    argv0: name,
    env: { ...env },
    stdio: [input, 'pipe', 'pipe'],
    shell: false,
    detached: true,
    cwd: folder ?? '/',
  });
}

function endOf(code: number | null, killed: NodeJS.Signals | null): ProgramEnd['end'] {
  return code ?? killed ?? 'SIGKILL';
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
