import { type KeyPath, pathText } from '../settings.ts';
import type { Place } from '../place.ts';
import { TomlReader } from './toml-reader.ts';

/**
 * Returns the place of every key of a TOML document by its path: of dotted keys, tables, arrays of
 * tables, and inside inline tables and arrays. The document must be valid TOML: an invalid document
 * gives wrong places and no error.
 */
export function keyPlaces(text: string): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>();
  const lengths = new Map<string, number>();
  const reader = new TomlReader(text, (path, place) => {
    if (!places.has(pathText(path))) places.set(pathText(path), place);
  });
  let table: KeyPath = [];
  for (reader.skip(); !reader.atEnd; reader.skip()) {
    const { place } = reader;
    const opening = reader.opening();
    if (opening === undefined) {
      reader.keyAndValue(table);
      continue;
    }
    const names = reader.key();
    table = tableOf(names, lengths, opening === '[[');
    note(table, place, places);
    reader.closing();
  }
  return places;
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

/** Notes a header as the place of its table, and of the tables above that have no place. */
function note(table: KeyPath, place: Place, places: Map<string, Place>): void {
  for (let length = 1; length <= table.length; length++) {
    const name = pathText(table.slice(0, length));
    if (!places.has(name) || length === table.length) places.set(name, place);
  }
}
