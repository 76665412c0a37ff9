import type { Fault } from './fault.ts';
import {
  isTable,
  type KeyPath,
  pathText,
  type Table,
  valueAt,
  withValueAt,
  type Settings,
} from './settings.ts';
import { type Environment, substituted } from './substitution.ts';
import { nameForm } from './keys.ts';

export interface Result {
  readonly settings: Settings;
  readonly faults: readonly Fault[];
}

/** Returns the settings with `${…}` replaced in every text. */
export function withVariables(settings: Settings, environment: Environment): Result {
  const faults: Fault[] = [];
  const replaced: KeyPath[] = [];
  const walk = (value: unknown, path: KeyPath): unknown => {
    if (typeof value === 'string') {
      const { text, refusal } = substituted(value, environment);
      if (refusal)
        faults.push({ key: pathText(path), origin: settings.originOf(path), ...refusal });
      if (text !== value) replaced.push(path);
      return text;
    }
    if (Array.isArray(value)) return value.map((child, at) => walk(child, [...path, at]));
    return isTable(value) ? tableOf(value, (child, key) => walk(child, [...path, key])) : value;
  };
  return {
    settings: settings
      .withTable(tableOf(settings.table, (child, key) => walk(child, [key])))
      .withVariablesAt(replaced),
    faults,
  };
}

/**
 * Returns the settings in the form of the schema: `[[issuers]]` as `[issuers.NAME]`, and every DNS
 * provider with its type.
 */
export function inNormalForm(settings: Settings): Result {
  const { settings: named, faults } = issuersByName(settings);
  const providers = valueAt(named.table, ['challenge', 'dns01', 'providers']);
  if (!Array.isArray(providers)) return { settings: named, faults };
  const typed = providers.map((entry: unknown) =>
    isTable(entry) && entry['type'] === undefined && entry['name'] !== undefined
      ? { ...entry, type: entry['name'] }
      : entry,
  );
  return {
    settings: named.withTable(withValueAt(named.table, ['challenge', 'dns01', 'providers'], typed)),
    faults,
  };
}

function issuersByName(settings: Settings): Result {
  const issuers = settings.table['issuers'];
  if (!Array.isArray(issuers)) return { settings, faults: [] };
  const faults: Fault[] = [];
  const byName = new Map<string, Table>();
  let renamed = settings;
  for (const [at, entry] of issuers.entries()) {
    const { name, ...issuer } = isTable(entry) ? entry : {};
    const fault = (problem: string, cure: string) =>
      faults.push({
        key: `issuers[${at}].name`,
        origin: settings.originOf(['issuers', at, 'name']),
        problem,
        cure,
      });
    if (typeof name !== 'string' || !nameForm.test(name))
      fault(
        name === undefined ? 'is missing' : 'does not fit',
        'write 1 to 40 of a-z, 0-9 and - between quotes',
      );
    else if (byName.has(name)) fault('is the name of an earlier issuer', 'write a different name');
    else {
      byName.set(name, issuer);
      renamed = renamed.renamed(['issuers', at], ['issuers', name]);
    }
  }
  return {
    settings: renamed.withTable({ ...renamed.table, issuers: Object.fromEntries(byName) }),
    faults,
  };
}

function tableOf(table: Table, change: (value: unknown, key: string) => unknown): Table {
  return Object.fromEntries(Object.entries(table).map(([key, value]) => [key, change(value, key)]));
}
