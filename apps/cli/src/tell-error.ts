import { type AcmeError, printable } from '@acmex/protocol';
import { codeOf, exitCodeOf } from './exit-code.ts';
import type { Terminal } from './terminal.ts';

/** Says what went wrong, in one line; with the stack where it was asked for, and as a JSON document where results are. */
export function tellError(
  error: unknown,
  { debug, json }: { readonly debug: boolean; readonly json: boolean },
  { stdout, stderr }: Terminal,
): number {
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  const line =
    code === undefined
      ? `a fault of acmex itself: ${printable(message)}; please report it, with what --log-level debug shows`
      : message;
  stderr.write(`acmex: ${line}${code === undefined ? '' : ` [${code}]`}\n`);
  if (debug && error instanceof Error)
    stderr.write(`${printable(error.stack ?? '', 10_000).replaceAll('\\u{a}', '\n')}\n`);
  const retryAfter = String((error as Partial<AcmeError> | null)?.retryAfter ?? '') || undefined;
  const problem = (error as Partial<AcmeError> | null)?.problem;
  if (json)
    stdout.write(
      `${JSON.stringify({ error: { code: code ?? 'ERR_INTERNAL', message, retryAfter, problem, ...('failures' in Object(error) ? { failures: (error as { failures: unknown }).failures } : {}) } }, null, 2)}\n`,
    );
  return exitCodeOf(error);
}
