import { CliError } from '../errors.ts';
import { type Reporter, reporter, type Terminal } from '../terminal.ts';
import { formatResult, type OutputOptions, type Result } from '../output.ts';

/** Runs a command of `acmex storage`: progress on stderr, what came of it on stdout. */
export async function running(
  options: OutputOptions,
  terminal: Terminal,
  work: (report: Reporter) => Promise<Result>,
): Promise<void> {
  const report = await reporter(terminal, options);
  try {
    const result = await work(report);
    report.close();
    terminal.stdout.write(formatResult(result, options.output));
  } finally {
    report.close();
  }
}

/** Says what was left out, and why. @throws CliError `ERR_CLI_INCOMPLETE` where something was */
export function tellSkipped(
  skipped: readonly { readonly key: string; readonly reason: string }[],
  report: Reporter,
): void {
  for (const { key, reason } of skipped) report.warn(`${key} was left out: ${reason}`);
  if (skipped.length > 0)
    throw new CliError(
      'ERR_CLI_INCOMPLETE',
      `${count(skipped.length, 'entry', 'entries')} could not be taken along: see above`,
    );
}

export function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}
