import { type KeyPath, pathText } from '../settings.ts';
import { TomlReader } from './toml-reader.ts';

/**
 * The line of every key of a TOML document, by its path: of dotted keys, tables, arrays of tables, and inside inline tables and arrays.
 * The document is one that a parser has taken: what is no TOML gives lines of no use, and no error.
 */
export function keyLines(text: string): ReadonlyMap<string, number> {
  const lines = new Map<string, number>();
  const lengths = new Map<string, number>();
  const reader = new TomlReader(text, (path, line) => {
    if (!lines.has(pathText(path))) lines.set(pathText(path), line);
  });
  let table: KeyPath = [];
  for (reader.skip(); !reader.atEnd; reader.skip()) {
    const opening = reader.opening();
    if (opening === undefined) {
      reader.keyAndValue(table);
      continue;
    }
    const line = reader.line;
    const parts = reader.key();
    table = tableOf(parts, lengths, opening === '[[');
    note(table, line, lines);
    reader.closing();
  }
  return lines;
}

/** The path of a table's header: inside an array of tables it is of the last one. */
function tableOf(
  parts: readonly string[],
  lengths: Map<string, number>,
  another: boolean,
): KeyPath {
  return parts.reduce<KeyPath>((above, part, at) => {
    const path = [...above, part];
    const name = pathText(path);
    const added = another && at === parts.length - 1 ? 1 : 0;
    const length = (lengths.get(name) ?? 0) + added;
    if (length === 0) return path;
    lengths.set(name, length);
    return [...path, length - 1];
  }, []);
}

/** A header is the line of its table, and of those above that have none. */
function note(table: KeyPath, line: number, lines: Map<string, number>): void {
  for (let length = 1; length <= table.length; length++) {
    const name = pathText(table.slice(0, length));
    if (!lines.has(name) || length === table.length) lines.set(name, line);
  }
}
