import { errorText, printable } from '@acmex/errors';
import type { AcmeError } from '@acmex/protocol';
import { codeOf, exitCodeOf } from './exit-code.ts';
import type { Terminal } from './terminal.ts';

type Streams = Pick<Terminal, 'stdout' | 'stderr'>;

/**
 * Writes an error to standard error in one line, with its stack for `debug`, and to standard output
 * as a JSON document for `json`.
 * @returns the exit code
 */
export function reportError(
  error: unknown,
  { debug, json }: { readonly debug: boolean; readonly json: boolean },
  { stdout, stderr }: Streams,
): number {
  const code = codeOf(error);
  const message = errorText(error);
  const line =
    code === undefined
      ? `internal error: ${printable(message)}. Please report this with the output of --log-level debug.`
      : `${message} [${code}]`;
  stderr.write(`acmex: ${line}\n`);
  if (debug && error instanceof Error)
    stderr.write(`${printable(error.stack ?? '', 10_000).replaceAll('\\u{a}', '\n')}\n`);
  if (json) writeJson(stdout, { code: code ?? 'ERR_INTERNAL', message, ...detailsOf(error) });
  return exitCodeOf(error);
}

/**
 * Writes what commander has not: the JSON document of a command line that cannot be parsed.
 * @returns the exit code
 */
export function reportUsage(
  message: string,
  { json }: { readonly json: boolean },
  { stdout }: Streams,
): number {
  if (json) writeJson(stdout, { code: 'ERR_CLI_USAGE', message: message.replace(/^error: /, '') });
  return 2;
}

/**
 * Returns what a program can act on: when to try again, the CA's problem document, several
 * failures.
 */
function detailsOf(error: unknown): object {
  const { retryAfter, problem, failures } = Object(error) as Partial<AcmeError> & {
    readonly failures?: unknown;
  };
  return {
    retryAfter: retryAfter === undefined ? undefined : String(retryAfter),
    problem,
    failures,
  };
}

function writeJson(stdout: Terminal['stdout'], error: object): void {
  stdout.write(`${JSON.stringify({ error }, null, 2)}\n`);
}
