import { isTable, type KeyPath, pathText } from './settings.ts';
import { originText } from './fault.ts';
import type { Config } from './read-config.ts';
import type { ConfigRow } from './config-row.ts';
import { Secret } from './secret.ts';

/** Returns every value with its origin. Credentials are masked, and not read. */
export function explain({ values, originOf }: Config): readonly ConfigRow[] {
  const rows = (value: unknown, path: KeyPath): readonly ConfigRow[] => {
    if (value instanceof Secret)
      return [{ key: pathText(path), value: String(value), origin: originText(originOf(path)) }];
    const below = childrenOf(value);
    if (below.length > 0)
      return below
        .filter(([, child]) => child !== undefined)
        .flatMap(([part, child]) => rows(child, [...path, part]));
    return isTable(value)
      ? []
      : [{ key: pathText(path), value: JSON.stringify(value), origin: originText(originOf(path)) }];
  };
  return rows(values, []);
}

function childrenOf(value: unknown): readonly (readonly [string | number, unknown])[] {
  if (isTable(value)) return Object.entries(value);
  return isListOfTables(value) ? [...value.entries()] : [];
}

function isListOfTables(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length > 0 && value.every((entry) => isTable(entry));
}
