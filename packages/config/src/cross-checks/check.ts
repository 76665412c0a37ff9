import type { Fault } from '../fault.ts';
import { isTable, type KeyPath, pathText, type Table, type Settings } from '../settings.ts';
import { nearest } from '../issue-faults.ts';

/** Compares tables of settings that may have other faults. */
export type Check = (settings: Settings) => readonly (Fault | undefined)[];

export function certificates(settings: Settings): readonly Table[] {
  const list = settings.table['certificates'];
  return Array.isArray(list) ? list.map((entry: unknown) => (isTable(entry) ? entry : {})) : [];
}

export function unknownName(
  settings: Settings,
  path: KeyPath,
  name: string,
  names: readonly string[],
  place: string,
): Fault {
  const meant = nearest(name, names);
  return fault(
    settings,
    path,
    'is not defined',
    meant === undefined
      ? `define it in ${place}${names.length > 0 ? `, or write one of ${names.join(', ')}` : ''}`
      : `write "${meant}", if you mean that, or define it in ${place}`,
  );
}

export function fault(settings: Settings, path: KeyPath, problem: string, cure: string): Fault {
  return { key: pathText(path), origin: settings.originOf(path), problem, cure };
}
