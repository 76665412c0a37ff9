import type { Origin } from './fault.ts';
import type { Place } from './place.ts';

/** The path of a value: names of tables and keys, and indexes in arrays. */
export type KeyPath = readonly (string | number)[];

/** Returns the path as people write it: `challenge.dns01.providers[0].name`. */
export function pathText(path: KeyPath): string {
  return path
    .map((part, at) => {
      if (typeof part === 'number') return `[${part}]`;
      const name = /^[\w-]+$/.test(part) ? part : JSON.stringify(part);
      return at === 0 ? name : `.${name}`;
    })
    .join('');
}

/** A table as the parser returns it. */
export type Table = { readonly [key: string]: unknown };

/** Returns true for a table: neither an array nor a date. */
export function isTable(value: unknown): value is Table {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
  );
}

/** Returns the value at a path; undefined where there is none. */
export function valueAt(root: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>((value, part) => {
    if (typeof part === 'number') return Array.isArray(value) ? value[part] : undefined;
    return isTable(value) && Object.hasOwn(value, part) ? value[part] : undefined;
  }, root);
}

/** Returns the table with a value added or replaced. */
export function withValueAt(
  root: Table,
  [first, ...rest]: readonly string[],
  value: unknown,
): Table {
  if (first === undefined) return root;
  const below = valueAt(root, [first]);
  return {
    ...root,
    [first]: rest.length === 0 ? value : withValueAt(isTable(below) ? below : {}, rest, value),
  };
}

/** Returns the table without a value. */
export function withoutValueAt(root: Table, [first, ...rest]: readonly string[]): Table {
  if (first === undefined) return root;
  const { [first]: below, ...remaining } = root;
  return rest.length > 0 && isTable(below)
    ? { ...remaining, [first]: withoutValueAt(below, rest) }
    : remaining;
}

/** The values of all sources before they are checked, with their origins. */
export class Settings {
  /** @param origins by `pathText` */
  private constructor(
    readonly table: Table,
    private readonly origins: ReadonlyMap<string, Origin>,
    private readonly otherwise: Origin,
  ) {}

  static ofFile(file: string, table: Table, places: ReadonlyMap<string, Place>): Settings {
    return new Settings(
      table,
      new Map([...places].map(([key, { line }]) => [key, { from: 'file', file, line }])),
      { from: 'file', file, line: 1 },
    );
  }

  static none(): Settings {
    return new Settings({}, new Map(), { from: 'default' });
  }

  /** Returns the settings with a value added or replaced. */
  with(path: readonly string[], value: unknown, origin: Origin): Settings {
    const name = pathText(path);
    const unchanged = [...this.origins].filter(
      ([key]) => key !== name && !key.startsWith(`${name}.`) && !key.startsWith(`${name}[`),
    );
    const above = path
      .slice(0, -1)
      .map((_, at): [string, Origin] => [pathText(path.slice(0, at + 1)), origin]);
    return new Settings(
      withValueAt(this.table, path, value),
      new Map([...above, ...unchanged, [name, origin]]),
      this.otherwise,
    );
  }

  withTable(table: Table): Settings {
    return new Settings(table, this.origins, this.otherwise);
  }

  /**
   * Returns the settings with further certificates, unless the key has a value that is not a list.
   * @param origins of all keys of these, by `pathText`
   */
  withCertificates(entries: readonly unknown[], origins: ReadonlyMap<string, Origin>): Settings {
    const { certificates = [] } = this.table;
    if (entries.length === 0 || !Array.isArray(certificates)) return this;
    const table = { ...this.table, certificates: [...(certificates as unknown[]), ...entries] };
    return new Settings(table, new Map([...this.origins, ...origins]), this.otherwise);
  }

  /** Notes that texts of the file had variables. */
  withVariablesAt(paths: readonly KeyPath[]): Settings {
    const origins = new Map(this.origins);
    for (const path of paths) {
      const origin = this.originOf(path);
      if (origin.from === 'file') origins.set(pathText(path), { ...origin, variables: true });
    }
    return new Settings(this.table, origins, this.otherwise);
  }

  /** Adds the origins of the keys below `from` under `to`. */
  renamed(from: KeyPath, to: KeyPath): Settings {
    const [old, name] = [pathText(from), pathText(to)];
    const moved = [...this.origins].flatMap(([key, origin]): [string, Origin][] =>
      key === old || key.startsWith(`${old}.`) || key.startsWith(`${old}[`)
        ? [[name + key.slice(old.length), origin]]
        : [],
    );
    return new Settings(this.table, new Map([...this.origins, ...moved]), this.otherwise);
  }

  /** Returns the origin of a value, or of the nearest table above it. */
  originOf(path: KeyPath): Origin {
    for (let length = path.length; length > 0; length--) {
      const origin = this.origins.get(pathText(path.slice(0, length)));
      if (origin) return origin;
    }
    return this.otherwise;
  }
}
