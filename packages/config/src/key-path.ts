/** The way to a value: names of tables and keys, and places in arrays. */
export type KeyPath = readonly (string | number)[];

/** As people write it: `challenge.dns01.providers[0].name`. */
export function pathText(path: KeyPath): string {
  return path
    .map((part, at) => {
      if (typeof part === 'number') return `[${part}]`;
      const name = /^[\w-]+$/.test(part) ? part : JSON.stringify(part);
      return at === 0 ? name : `.${name}`;
    })
    .join('');
}

/** A table as a parser gives it. */
export type Table = { readonly [key: string]: unknown };

/** Whether it is a table: neither an array nor a date. */
export function isTable(value: unknown): value is Table {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
  );
}

/** What stands at a path; undefined where nothing does. */
export function valueAt(root: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>((value, part) => {
    if (typeof part === 'number') return Array.isArray(value) ? value[part] : undefined;
    return isTable(value) && Object.hasOwn(value, part) ? value[part] : undefined;
  }, root);
}

/** The same table with one more value; what stands in the way is replaced. */
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

/** The same table without one value. */
export function withoutValueAt(root: Table, [first, ...rest]: readonly string[]): Table {
  if (first === undefined) return root;
  const { [first]: below, ...others } = root;
  return rest.length > 0 && isTable(below)
    ? { ...others, [first]: withoutValueAt(below, rest) }
    : others;
}
