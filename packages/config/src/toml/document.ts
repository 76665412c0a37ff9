import { parse, TomlError } from 'smol-toml';
import type { Table } from '../settings.ts';
import { keyPlaces } from './key-places.ts';
import type { Place } from '../place.ts';

/** A TOML file as it was written. */
export interface Document {
  readonly table: Table;
  /** By `pathText`. */
  readonly places: ReadonlyMap<string, Place>;
}

/** Where a text is not valid TOML, and what to do. */
export interface SyntaxFault {
  readonly place: Place;
  readonly cure: string;
}

/**
 * Parses a text as TOML, or returns its fault. The parser's message quotes lines of the file, so it
 * is not used.
 */
export function readDocument(text: string): Document | SyntaxFault {
  try {
    return { table: parse(text), places: keyPlaces(text) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = error.message
      .split('\n', 1)[0]
      ?.replace(/^Invalid TOML document: /, '')
      .replace(/\.$/, '');
    return {
      place: { line: error.line, column: error.column },
      cure: reason ?? 'see https://toml.io',
    };
  }
}
