import { printable } from '@acmex/errors';
import type { Configured } from './configuration.ts';
import type { LogLevel } from './terminal.ts';

export const outputFormats = ['text', 'json', 'csv'] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** The flags of a command that writes a result. */
export interface OutputOptions {
  readonly output: OutputFormat;
  readonly logLevel: LogLevel;
}

/** The flags of a command that writes a result and reads the configuration. */
export interface ConfiguredOutputOptions extends OutputOptions, Configured {}

/** A row of a table: every format has the same fields, in the same order. */
export type Row = Readonly<Record<string, string | number | boolean | undefined>>;

/** The result of a command, in each form that it can be written in. */
export interface Result {
  /** For a person. */
  readonly text: string;
  /** For JSON. */
  readonly document: unknown;
  /** For CSV; the document's plain fields by default. */
  readonly rows?: readonly Row[] | undefined;
}

/** Returns a result in a format, with its line end. */
export function formatResult({ text, document, rows }: Result, format: OutputFormat): string {
  if (format === 'json') return `${escapeJson(JSON.stringify(document, null, 2))}\n`;
  if (format === 'csv') return csv(rows ?? [plainFields(document)]);
  // Text from elsewhere must not control the terminal, whatever part of a result it is in.
  return text === '' ? '' : `${escapeUnprintable(text)}\n`;
}

function csv(rows: readonly Row[]): string {
  return [Object.keys(rows[0] ?? {}), ...rows.map((row) => Object.values(row))]
    .map((cells) => `${cells.map((cell) => csvCell(String(cell ?? ''))).join(',')}\n`)
    .join('');
}

/** Characters that could control a terminal or hide text; line ends are part of the formats. */
const unprintable = /[^\P{Cc}\n\r\t]|[\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Escapes characters inside of texts: the JSON stays the same for a program. RFC 8259 §7 */
export function escapeJson(json: string): string {
  return json.replace(unprintable, (character) =>
    Array.from(
      { length: character.length },
      (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}

/** Escapes such characters as `\u{…}`, and what goes back to the beginning of a line. */
function escapeUnprintable(text: string): string {
  return text
    .replace(unprintable, (character) => printable(character))
    .replace(/\r(?!\n)/g, (character) => printable(character));
}

/** Quotes a cell by RFC 4180; a spreadsheet would read a leading sign as a formula. */
function csvCell(text: string): string {
  const cell = escapeUnprintable(text);
  const plain = /^[=+@\t-]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

/** Returns the fields of a document that fit into cells; a list of texts is joined by spaces. */
export function plainFields(document: unknown): Row {
  return Object.fromEntries(
    Object.entries(Object(document)).flatMap(([name, value]): [string, Row[string]][] => {
      if (Array.isArray(value) && value.every((element) => typeof element === 'string'))
        return [[name, value.join(' ')]];
      if (typeof value === 'object' && value !== null) return [];
      return [[name, value === undefined || value === null ? undefined : String(value)]];
    }),
  );
}

/**
 * Returns rows below each other, each column as wide as its widest cell. A character of a cell that
 * could control a terminal, hide text or begin a line is escaped.
 */
export function table(rows: readonly Row[]): string {
  if (rows.length === 0) return '';
  const lines = [
    Object.keys(rows[0] ?? {}),
    ...rows.map((row) => Object.values(row).map((cell) => printable(String(cell ?? ''), Infinity))),
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
