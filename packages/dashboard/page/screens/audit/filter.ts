import { routes } from '../../../src/routes.ts';
import { instantOf } from '../../local-time.ts';
import { withQuery } from '../../with-query.ts';

/** The search in the audit log or in the events. It is in the address of the page. */
export interface Filter {
  /** The audit log, or the events. */
  readonly view?: 'events';
  readonly type?: string;
  readonly actor?: string;
  readonly certificate?: string;
  /** RFC 3339 */
  readonly since?: string;
  readonly until?: string;
}
const fields = ['view', 'type', 'actor', 'certificate', 'since', 'until'] as const;

/** Reads the filter of an address. What a person can have misspelled there is left out. */
export function filterOf(query: Readonly<Record<string, string>>): Filter {
  const entries = fields
    .map((name) => [name, query[name]] as const)
    .filter(([name, value = '']) => value !== '' && isUsable(name, value));
  return Object.fromEntries(entries) as Filter;
}

/** Reads the filter that a person has entered: its times are local. */
export function filterOfForm(entries: Iterable<readonly [string, unknown]>): Filter {
  const values = [...entries].map(([name, value]) => {
    const text = String(value).trim();
    return [name, name === 'since' || name === 'until' ? (instantOf(text) ?? '') : text] as const;
  });
  return filterOf(Object.fromEntries(values));
}

function isUsable(name: (typeof fields)[number], value: string): boolean {
  if (name === 'view') return value === 'events';
  if (name === 'certificate') return /^crt_[0-9a-z]{26}$/.test(value);
  return (name !== 'since' && name !== 'until') || !Number.isNaN(Date.parse(value));
}

/** The address that shows what matches a filter. */
export function urlOf(filter: Filter, cursor?: string): string {
  return withQuery(routes.audit, { ...filter, cursor });
}
