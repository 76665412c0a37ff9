import type { Keeper } from '@acmex/config';
import type { Configured } from '../configuration.ts';
import { openStorage } from '../open-storage.ts';
import { type LogLevel, type Reporter, reporter, type Terminal } from '../terminal.ts';
import { managed } from './managed.ts';

export const outputFormats = ['text', 'json', 'csv'] as const;

/** What every command about managed certificates takes. */
export interface ManagedCommandOptions extends Configured {
  readonly output: (typeof outputFormats)[number];
  readonly logLevel: LogLevel;
}

/** A row as each format has it: the same fields, in the same order. */
export type Row = Readonly<Record<string, string | number | boolean | undefined>>;

/** What a command has to show. */
export interface Shown {
  /** For a person. */
  readonly text: string;
  /** For programs. */
  readonly document: unknown;
  /** For a spreadsheet; of a list. */
  readonly rows?: readonly Row[] | undefined;
}

/** Opens what keeps certificates current for one command, and writes what came of it. */
export async function withManaged(
  options: ManagedCommandOptions,
  terminal: Terminal,
  work: (parts: Keeper, report: Reporter) => Promise<Shown>,
): Promise<void> {
  const report = await reporter(terminal, options);
  try {
    await using storage = await openStorage(options, terminal, report);
    const shown = await work(
      managed({ storage, configuration: options.configuration, terminal, report }),
      report,
    );
    report.close();
    terminal.stdout.write(written(shown, options.output));
  } finally {
    report.close();
  }
}

export function written(
  { text, document, rows = [] }: Shown,
  format: ManagedCommandOptions['output'],
): string {
  if (format === 'json') return `${JSON.stringify(document, null, 2)}\n`;
  if (format === 'csv')
    return [Object.keys(rows[0] ?? {}), ...rows.map((row) => Object.values(row))]
      .map((cells) => `${cells.map((cell) => quoted(String(cell ?? ''))).join(',')}\n`)
      .join('');
  return text === '' ? '' : `${text}\n`;
}

/** RFC 4180; a leading sign would be a formula to a spreadsheet. */
function quoted(cell: string): string {
  const plain = /^[=+@\t-]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

/** Rows under each other, each column as wide as its widest cell. */
export function table(rows: readonly Row[]): string {
  const lines =
    rows.length === 0
      ? []
      : [
          Object.keys(rows[0] ?? {}),
          ...rows.map((row) => Object.values(row).map((cell) => String(cell ?? ''))),
        ];
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
