import { errorText, printable } from '@acmex/errors';
import type { AcmeError } from '@acmex/protocol';
import { codeOf, exitCodeOf } from './exit-code.ts';
import { writeNotice } from './log/notice.ts';
import type { Terminal } from './terminal.ts';

type Streams = Pick<Terminal, 'stdout' | 'stderr'>;

/**
 * Writes an error to standard error in one line, as one of the log for a service, with its stack for
 * `debug`; and to standard output as a JSON document for `json`.
 * @param words the words after `acmex`
 * @returns the exit code
 */
export function reportError(
  error: unknown,
  {
    debug,
    json,
    words,
  }: { readonly debug: boolean; readonly json: boolean; readonly words: readonly string[] },
  { stdout, stderr }: Streams,
): number {
  const code = codeOf(error);
  const message = errorText(error);
  const msg =
    code === undefined
      ? `internal error: ${printable(message)}. Please report this with the output of --log-level debug.`
      : message;
  const stack =
    debug && error instanceof Error
      ? printable(error.stack ?? '', 10_000).replaceAll('\\u{a}', '\n')
      : undefined;
  const lines = [`acmex: ${msg}${code === undefined ? '' : ` [${code}]`}`, stack];
  const text = lines.map((line) => (line === undefined ? '' : `${line}\n`)).join('');
  writeNotice({ level: 'error', code, stack, msg, text }, { stderr, words });
  if (json) writeJson(stdout, { code: code ?? 'ERR_INTERNAL', message, ...detailsOf(error) });
  return exitCodeOf(error);
}

/**
 * Writes what commander says of a command line that cannot be parsed: to standard error, as one line
 * of the log for a service; and to standard output as a JSON document for `json`.
 * @param usage `text`: for a person, also the help of a command; `message`: the error alone
 * @returns the exit code
 */
export function reportUsage(
  { text, message }: { readonly text: string; readonly message: string },
  { json, words }: { readonly json: boolean; readonly words: readonly string[] },
  { stdout, stderr }: Streams,
): number {
  const code = 'ERR_CLI_USAGE';
  const withoutPrefix = (whole: string) => whole.replace(/^error: /, '');
  const msg = withoutPrefix(text.trim()).replaceAll(/\s*\n/g, ' ');
  writeNotice({ level: 'error', code, msg, text }, { stderr, words });
  if (json) writeJson(stdout, { code, message: withoutPrefix(message) });
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
