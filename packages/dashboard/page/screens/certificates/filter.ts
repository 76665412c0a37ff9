import type { operations } from '@acmex/api';
import { routes } from '../../../src/routes.ts';

type Query = NonNullable<operations['getApiCertificates']['parameters']['query']>;
export const states = [
  'valid',
  'due',
  'failing',
  'unissued',
  'paused',
  'revoked',
  'expired',
] as const satisfies readonly Query['state'][];

/** What a person looks for, as it is in the address of the page. */
export interface Filter {
  /** A name, or `.example.com` for every name below it. */
  readonly search?: string;
  readonly state?: (typeof states)[number];
  readonly issuer?: string;
  readonly label?: string;
  readonly sort?: 'name' | 'expiry';
  readonly expiresBefore?: string;
  readonly expiresAfter?: string;
}
const fields = [
  'search',
  'state',
  'issuer',
  'label',
  'sort',
  'expiresBefore',
  'expiresAfter',
] as const;

/** Reads the filter of an address. What a person can have misspelled there is left out. */
export function filterOf(query: Readonly<Record<string, string>>): Filter {
  const entries = fields
    .map((name) => [name, query[name]] as const)
    .filter(([, value]) => value !== undefined && value !== '');
  const { state, sort, ...filter } = Object.fromEntries(entries) as Record<string, string>;
  return {
    ...filter,
    ...(states.includes(state as (typeof states)[number])
      ? { state: state as Filter['state'] }
      : {}),
    ...(sort === 'name' || sort === 'expiry' ? { sort } : {}),
  } as Filter;
}

/** The address that shows what matches a filter. */
export function urlOf(filter: Filter, cursor?: string): string {
  const query = new URLSearchParams({ ...filter, ...(cursor === undefined ? {} : { cursor }) });
  return query.size === 0 ? routes.certificates : `${routes.certificates}?${query}`;
}

/** The filter as the server takes it. */
export function queryOf({ search, ...filter }: Filter): Query {
  if (search === undefined) return filter;
  return search.startsWith('.') || search.startsWith('*.')
    ? { ...filter, below: search.replace(/^\*?\./, '') }
    : { ...filter, name: search };
}
