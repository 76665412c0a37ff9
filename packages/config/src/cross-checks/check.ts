import type { Fault } from '../fault.ts';
import { isTable, type KeyPath, pathText, type Table, type Settings } from '../settings.ts';
import { nearest } from '../issue-faults.ts';

/** Looks at what one table says of another, in settings that may have other faults still. */
export type Check = (settings: Settings) => readonly (Fault | undefined)[];

export function certificates(settings: Settings): readonly Table[] {
  const given = settings.table['certificates'];
  return Array.isArray(given) ? given.map((one: unknown) => (isTable(one) ? one : {})) : [];
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
    'names none that there is',
    meant === undefined
      ? `define it in ${place}${names.length > 0 ? `, or write one of ${names.join(', ')}` : ''}`
      : `write "${meant}", if that is meant, or define it in ${place}`,
  );
}

export function fault(settings: Settings, path: KeyPath, problem: string, cure: string): Fault {
  return { key: pathText(path), origin: settings.originOf(path), problem, cure };
}
