import { parse, TomlError } from 'smol-toml';
import type { Fault } from '../fault.ts';
import type { Table } from '../settings.ts';
import { keyLines } from './key-lines.ts';

/** A configuration file as it was written. */
export interface Document {
  readonly table: Table;
  /** By `pathText`. */
  readonly lines: ReadonlyMap<string, number>;
}

/**
 * Parses a file's text as TOML, or returns its fault. The parser's message quotes lines of the
 * file, so it is not used.
 */
export function readDocument(file: string, text: string): Document | Fault {
  try {
    return { table: parse(text), lines: keyLines(text) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = error.message
      .split('\n', 1)[0]
      ?.replace(/^Invalid TOML document: /, '')
      .replace(/\.$/, '');
    return {
      key: '',
      origin: { from: 'file', file, line: error.line },
      problem: `is not valid TOML at column ${error.column}`,
      cure: reason ?? 'see https://toml.io',
    };
  }
}
