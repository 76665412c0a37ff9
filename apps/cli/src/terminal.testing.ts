import type { Clock } from '@acmex/clock';
import { PassThrough, type Readable, Writable } from 'node:stream';
import { run } from './program.ts';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface AcmexOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
  /** `hangup` on it is SIGHUP. */
  readonly hangup?: EventTarget;
  /** Sees what is written to stderr as it comes. */
  readonly onStderr?: (text: string) => void;
  /** The same for stdout. */
  readonly onStdout?: (text: string) => void;
  /** Stdout is a terminal of this width. */
  readonly columns?: number;
  /** Absent when no person can answer. */
  readonly stdin?: Readable & { readonly isTTY?: boolean };
  /** Whether stdout and stderr are a terminal. */
  readonly isTerminal?: boolean;
  /** Of a program that runs until it is stopped. */
  readonly clock?: Clock;
}

/** Runs the command line in this process, as a shell would see it. */
export async function acmex(
  args: readonly string[],
  {
    env = {},
    signal = new AbortController().signal,
    hangup = new EventTarget(),
    onStderr,
    onStdout,
    columns,
    stdin,
    isTerminal = false,
    clock,
  }: AcmexOptions = {},
): Promise<Outcome> {
  const written = { stdout: '', stderr: '' };
  const into = (name: keyof typeof written, onText?: (text: string) => void) => {
    const stream = new Writable({
      write(chunk: Buffer, _, done) {
        written[name] += chunk.toString();
        onText?.(chunk.toString());
        done();
      },
    });
    return Object.assign(stream, { isTTY: isTerminal });
  };
  const onHangup = (listener: () => void) => {
    hangup.addEventListener('hangup', listener);
    return () => hangup.removeEventListener('hangup', listener);
  };
  const code = await run(args, '1.2.3', {
    stdout: Object.assign(
      into('stdout', onStdout),
      columns === undefined ? {} : { isTTY: true, columns },
    ),
    stderr: into('stderr', onStderr),
    env,
    uid: 1000,
    signal,
    clock,
    ...(stdin ? { stdin } : {}),
    display: new Set(),
    onHangup,
  });
  return { code, ...written };
}

/** A person who types the lines, each when the program asks. */
export function typing(lines: readonly string[]): AcmexOptions {
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  const next = [...lines];
  return {
    stdin,
    isTerminal: true,
    env: { TERM: 'dumb' },
    onStderr: (text) => {
      if (text.endsWith(': ')) setImmediate(() => stdin.write(`${next.shift() ?? ''}\n`));
    },
  };
}
