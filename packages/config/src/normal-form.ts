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

/** The settings with `${…}` put into every text. */
export function withVariables(settings: Settings, environment: Environment): Result {
  const faults: Fault[] = [];
  const walk = (value: unknown, path: KeyPath): unknown => {
    if (typeof value === 'string') {
      const { text, refusal } = substituted(value, environment);
      if (refusal)
        faults.push({ key: pathText(path), origin: settings.originOf(path), ...refusal });
      return text;
    }
    if (Array.isArray(value)) return value.map((one, at) => walk(one, [...path, at]));
    return isTable(value) ? tableOf(value, (one, key) => walk(one, [...path, key])) : value;
  };
  return {
    settings: settings.withTable(tableOf(settings.table, (one, key) => walk(one, [key]))),
    faults,
  };
}

/** The settings in the one form that the schema knows: `[[issuers]]` as `[issuers.NAME]`, and every DNS provider with its type. */
export function inNormalForm(settings: Settings): Result {
  const { settings: named, faults } = issuersByName(settings);
  const providers = valueAt(named.table, ['challenge', 'dns01', 'providers']);
  if (!Array.isArray(providers)) return { settings: named, faults };
  const typed = providers.map((one: unknown) =>
    isTable(one) && one['type'] === undefined && one['name'] !== undefined
      ? { ...one, type: one['name'] }
      : one,
  );
  return {
    settings: named.withTable(withValueAt(named.table, ['challenge', 'dns01', 'providers'], typed)),
    faults,
  };
}

function issuersByName(settings: Settings): Result {
  const given = settings.table['issuers'];
  if (!Array.isArray(given)) return { settings, faults: [] };
  const faults: Fault[] = [];
  const byName = new Map<string, Table>();
  let renamed = settings;
  for (const [at, one] of given.entries()) {
    const { name, ...issuer } = isTable(one) ? one : {};
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
    else if (byName.has(name)) fault('is taken by another issuer', 'write another name');
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
