import { type KeyPath, pathText } from '../settings.ts';
import { TomlReader } from './toml-reader.ts';

/**
 * Returns the line of every key of a TOML document by its path: of dotted keys, tables, arrays of
 * tables, and inside inline tables and arrays. The document must be valid TOML: an invalid document
 * gives wrong lines and no error.
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
    const names = reader.key();
    table = tableOf(names, lengths, opening === '[[');
    note(table, line, lines);
    reader.closing();
  }
  return lines;
}

/** Returns the path of a table's header; inside an array of tables that of its last table. */
function tableOf(
  names: readonly string[],
  lengths: Map<string, number>,
  isArrayItem: boolean,
): KeyPath {
  return names.reduce<KeyPath>((above, part, at) => {
    const path = [...above, part];
    const name = pathText(path);
    const added = isArrayItem && at === names.length - 1 ? 1 : 0;
    const length = (lengths.get(name) ?? 0) + added;
    if (length === 0) return path;
    lengths.set(name, length);
    return [...path, length - 1];
  }, []);
}

/** Notes a header as the line of its table, and of the tables above that have no line. */
function note(table: KeyPath, line: number, lines: Map<string, number>): void {
  for (let length = 1; length <= table.length; length++) {
    const name = pathText(table.slice(0, length));
    if (!lines.has(name) || length === table.length) lines.set(name, line);
  }
}
