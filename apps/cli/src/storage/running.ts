import { CliError } from '../errors.ts';
import { formatResult, type OutputOptions, type Result } from '../output.ts';
import { type Reporter, reporter, type Terminal } from '../terminal.ts';

/** Runs a command of `acmex storage`: reports progress, and writes its result. */
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

/**
 * Warns about each entry that was left out.
 * @throws CliError `ERR_CLI_INCOMPLETE` if there is one
 */
export function assertNoneSkipped(
  skipped: readonly { readonly key: string; readonly reason: string }[],
  report: Reporter,
): void {
  for (const { key, reason } of skipped) report.warn(`${key} was skipped: ${reason}`);
  if (skipped.length > 0)
    throw new CliError(
      'ERR_CLI_INCOMPLETE',
      `${count(skipped.length, 'entry', 'entries')} could not be copied: see the warnings above`,
    );
}

/** Returns a number with its noun: `1 entry`, `2 entries`. */
export function count(number: number, singular: string, plural: string): string {
  return `${number} ${number === 1 ? singular : plural}`;
}
