import type { JsonSchema } from './schema.ts';

/** A key that a configuration may have. */
export interface ConfigKey {
  /** Its tables and its own name; `[]` for any item of an array, `NAME` for any name of a table. */
  readonly path: readonly string[];
  readonly schema: JsonSchema;
}

/** Every key that holds a value and no further keys, in the order of the schema. */
export function configKeys(schema: JsonSchema, path: readonly string[] = []): readonly ConfigKey[] {
  if (schema.writeOnly === true) return [{ path, schema }];
  if (schema.properties)
    return Object.entries(schema.properties).flatMap(([name, below]) =>
      keysBelow(below, [...path, name]),
    );
  const { additionalProperties: named, items, anyOf, oneOf } = schema;
  if (typeof named === 'object' && below(named)) return keysBelow(named, [...path, 'NAME']);
  if (typeof items === 'object' && !Array.isArray(items) && below(items))
    return keysBelow(items, [...path, '[]']);
  const either = anyOf ?? oneOf;
  if (either) return onlyOnce(either.flatMap((alternative) => keysBelow(alternative, path)));
  return [{ path, schema }];
}

function keysBelow(schema: boolean | JsonSchema, path: readonly string[]): readonly ConfigKey[] {
  return typeof schema === 'boolean' ? [] : configKeys(schema, path);
}

/** Whether there are keys below it. */
function below(schema: JsonSchema): boolean {
  return (
    schema.properties !== undefined ||
    (schema.writeOnly !== true && (schema.anyOf ?? schema.oneOf) !== undefined)
  );
}

const ofSeveralTypes = 'What it means depends on type.';

/**
 * A key that several forms of a table have is one key; where each fixes its value, it is a choice.
 */
function onlyOnce(keys: readonly ConfigKey[]): readonly ConfigKey[] {
  const once = new Map<string, ConfigKey>();
  for (const key of keys) {
    const name = key.path.join('.');
    const before = once.get(name);
    if (!before) once.set(name, key);
    else if (key.schema.const !== undefined)
      once.set(name, {
        path: key.path,
        schema: {
          ...key.schema,
          const: undefined,
          enum: [...valuesOf(before.schema), key.schema.const],
        },
      });
    else if (before.schema.description !== key.schema.description)
      once.set(name, { ...before, schema: { ...before.schema, description: ofSeveralTypes } });
  }
  return [...once.values()];
}

function valuesOf({ const: only, enum: several }: JsonSchema): NonNullable<JsonSchema['enum']> {
  return several ?? (only === undefined ? [] : [only]);
}

/** Returns the key of a path in a configuration. */
export function sameKey(pattern: readonly string[], path: readonly (string | number)[]): boolean {
  return (
    pattern.length === path.length &&
    pattern.every(
      (part, at) =>
        part === path[at] || (part === '[]' && typeof path[at] === 'number') || part === 'NAME',
    )
  );
}

/** Returns the names that a table may have: of values and of further tables. */
export function namesIn(
  keys: readonly ConfigKey[],
  table: readonly (string | number)[],
): readonly string[] {
  const names = keys
    .filter(({ path }) => path.length > table.length && sameKey(path.slice(0, table.length), table))
    .map(({ path }) => path[table.length] ?? '');
  return [...new Set(names)].filter((name) => name !== '[]' && name !== 'NAME');
}
