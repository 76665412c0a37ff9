import { isTable, type KeyPath, pathText } from './settings.ts';
import { originText } from './fault.ts';
import type { Config } from './read-config.ts';
import { Secret } from './secret.ts';

/** One value of a configuration, for people. */
export interface ConfigRow {
  /** As `acme.contact`. */
  readonly key: string;
  /** As JSON; a credential as `[secret]`. */
  readonly value: string;
  /** As `/etc/acmex/acmex.toml:7`. */
  readonly origin: string;
}

/** Every value that holds, and where it came from. No credential is in it, nor got for it. */
export function explain({ values, originOf }: Config): readonly ConfigRow[] {
  const rows = (value: unknown, path: KeyPath): readonly ConfigRow[] => {
    if (value instanceof Secret)
      return [{ key: pathText(path), value: String(value), origin: originText(originOf(path)) }];
    const below: readonly (readonly [string | number, unknown])[] = isTable(value)
      ? Object.entries(value)
      : isListOfTables(value)
        ? [...value.entries()]
        : [];
    if (below.length > 0)
      return below
        .filter(([, one]) => one !== undefined)
        .flatMap(([part, one]) => rows(one, [...path, part]));
    return isTable(value)
      ? []
      : [{ key: pathText(path), value: JSON.stringify(value), origin: originText(originOf(path)) }];
  };
  return rows(values, []);
}

function isListOfTables(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length > 0 && value.every((one) => isTable(one));
}
