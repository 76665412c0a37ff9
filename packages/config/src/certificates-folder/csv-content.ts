import { printable } from '@acmex/errors';
import { CsvError, parse } from 'csv-parse/sync';
import type { ConfigKey } from '../config-keys.ts';
import { nearest } from '../issue-faults.ts';
import type { JsonSchema } from '../schema.ts';
import { type KeyPath, pathText } from '../settings.ts';
import type { Place } from '../place.ts';
import { isTextList, scalarValue } from '../variables.ts';
import { type FileContent, type FileFault, noContent } from './file-content.ts';

/** A column that a CSV file may have. */
interface Column {
  /** As people write it: `key_type`, `deploy.directory`, `labels.team`. */
  readonly name: string;
  /** Below the certificate: `['deploy', 0, 'directory']`. */
  readonly path: KeyPath;
  readonly schema: JsonSchema;
}

/** A line of the file, which can be longer than one line of text. */
interface Row {
  readonly cells: readonly string[];
  /** Where each cell begins. */
  readonly places: readonly Place[];
}

/**
 * Reads the certificates of a CSV file (RFC 4180): the first line has the names of the columns, each
 * further line is a certificate. The cells of a line are separated by commas, by semicolons or by
 * tabs, whichever comes first in the first line. An empty cell is a key that is not set; a line of
 * empty cells is left out.
 * @param keys those of the configuration
 */
export function csvContent(text: string, keys: readonly ConfigKey[]): FileContent {
  const read = readRows(text);
  if ('problem' in read) return { ...noContent, faults: [read] };
  const [header, ...rows] = read;
  if (!header) return noContent;
  const known = columnsOf(keys);
  const columns = header.cells.map((name) => columnOf(name, known));
  const headerFaults = faultsOfHeader(header, columns, known);
  const lines = rows.filter(({ cells }) => cells.some((cell) => cell !== ''));
  const faults = [
    ...headerFaults,
    ...lines.flatMap(({ cells, places: [place] }): readonly FileFault[] =>
      cells.length === columns.length
        ? []
        : [
            {
              key: '',
              place,
              problem: `has ${cells.length} cells, and the first line has ${columns.length}`,
              cure: 'write a comma for each empty cell, and quotes around a cell with a comma',
            },
          ],
    ),
  ];
  if (faults.length > 0) return { ...noContent, faults };
  return contentOf(
    lines,
    columns.filter((column) => column !== undefined),
  );
}

function contentOf(rows: readonly Row[], columns: readonly Column[]): FileContent {
  const places = new Map<string, Place>();
  const entries = rows.map((row, index) => {
    const entry = {};
    for (const [at, { path, schema }] of columns.entries()) {
      const cell = row.cells[at] ?? '';
      const place = row.places[at];
      if (place && at === 0) places.set(pathText(['certificates', index]), place);
      if (place) places.set(pathText(['certificates', index, ...path]), place);
      if (cell !== '') setValue(entry, path, valueOf(cell, schema));
    }
    return entry;
  });
  return { entries, places, faults: [] };
}

/** Sets a value in tables and lists that are made where they are missing. */
function setValue(root: object, path: KeyPath, value: unknown): void {
  const [part = '', ...rest] = path;
  const below: unknown = Reflect.get(root, part);
  if (rest.length === 0) Reflect.set(root, part, value);
  else if (typeof below === 'object' && below !== null) setValue(below, rest, value);
  else {
    const added = typeof rest[0] === 'number' ? [] : {};
    Reflect.set(root, part, added);
    setValue(added, rest, value);
  }
}

function valueOf(cell: string, schema: JsonSchema): unknown {
  if (isTextList(schema)) return cell.split(/[\s,;]+/).filter((word) => word !== '');
  return schema.prefixItems ? cell.split(/\s+/) : scalarValue(cell, schema);
}

/** Returns a column for each key of a certificate. */
function columnsOf(keys: readonly ConfigKey[]): readonly Column[] {
  return keys
    .filter(({ path: [table] }) => table === 'certificates')
    .map(({ path: [, , ...path], schema }) => ({
      name: path.filter((part) => part !== '[]').join('.'),
      path: path.map((part) => (part === '[]' ? 0 : part)),
      schema,
    }));
}

/** Returns the column of a name; undefined for a name that no column has. */
function columnOf(name: string, known: readonly Column[]): Column | undefined {
  const column = known.find((candidate) => candidate.name === name);
  if (column) return isNamedFreely(column) ? undefined : column;
  const [table = '', ...rest] = name.split('.');
  const free = known.find((candidate) => candidate.name === table && isNamedFreely(candidate));
  return free && rest.length > 0
    ? { name, path: [table, rest.join('.')], schema: { type: 'string' } }
    : undefined;
}

/** Whether it is for a table of texts: `labels`. */
const isNamedFreely = ({ schema }: Column) => schema.type === 'object';

function faultsOfHeader(
  { cells, places }: Row,
  columns: readonly (Column | undefined)[],
  known: readonly Column[],
): readonly FileFault[] {
  const names = known.map((column) =>
    isNamedFreely(column) ? `${column.name}.NAME` : column.name,
  );
  const faults = cells.map((cell, at): FileFault | undefined => {
    const fault = (problem: string, cure: string): FileFault => ({
      key: printable(cell, 60),
      place: places[at],
      problem,
      cure,
    });
    const name = columns[at]?.name;
    if (name === undefined) {
      const meant = nearest(cell, names);
      return fault(
        'is not known',
        meant === undefined
          ? `remove the column, or call it one of ${names.join(', ')}`
          : `write ${meant}, if you mean that`,
      );
    }
    const isRepeated = columns.slice(0, at).some((column) => column?.name === name);
    return isRepeated ? fault('is there twice', 'write each column once') : undefined;
  });
  const hasNames = columns.some((column) => column?.name === 'names');
  const missing: FileFault = {
    key: 'names',
    place: places[0],
    problem: 'is missing in the first line',
    cure: 'write the names of the columns into the first line: names,key_type',
  };
  return [...faults.filter((fault) => fault !== undefined), ...(hasNames ? [] : [missing])];
}

/** Returns the lines of a text, or its fault. */
function readRows(text: string): readonly Row[] | FileFault {
  const [first = ''] = text.split('\n', 1);
  const rows: { readonly cells: string[]; readonly places: Place[] }[] = [];
  const position = new CellPosition(Buffer.from(text));
  try {
    parse(text, {
      delimiter: /[,;\t]/.exec(first)?.[0] ?? ',',
      record_delimiter: ['\r\n', '\n'],
      relax_column_count: true,
      trim: true,
      cast(cell, { index, bytes }) {
        if (index === 0) rows.push({ cells: [], places: [] });
        rows.at(-1)?.cells.push(cell);
        rows.at(-1)?.places.push(position.place);
        position.passTo(bytes);
        return cell;
      },
    });
    return rows;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const cure = 'write quotes around the whole cell, and each quote inside of it twice';
    return { key: '', place: position.place, problem: 'is not valid CSV', cure };
  }
}

/** The place of the cell that is read next. */
class CellPosition {
  readonly #bytes: Buffer;
  #at = 0;
  #line = 1;
  #lineStart = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get place(): Place {
    const before = this.#bytes.subarray(this.#lineStart, this.#at).toString();
    return { line: this.#line, column: before.length + 1 };
  }

  /** Goes behind a cell that ends at a byte, and behind what separates it from the next cell. */
  passTo(end: number): void {
    const isLineEnd = this.#bytes.toString('latin1', end, end + 2) === '\r\n';
    const next = Math.min(end + (isLineEnd ? 2 : 1), this.#bytes.length);
    for (; this.#at < next; this.#at++) {
      if (this.#bytes[this.#at] !== 0x0a) continue;
      this.#line += 1;
      this.#lineStart = this.#at + 1;
    }
  }
}
