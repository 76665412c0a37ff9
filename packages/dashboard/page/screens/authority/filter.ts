import type { operations } from '@acmex/api';
import { routes } from '../../../src/routes.ts';
import { withQuery } from '../../with-query.ts';

type Query = NonNullable<operations['getApiCaCertificates']['parameters']['query']>;
export const statuses = [
  'valid',
  'revoked',
  'expired',
] as const satisfies readonly Query['status'][];

/** The search in what the CA has issued. It is in the address of the page. */
export interface Filter {
  /** A part of a name, or a whole serial number. */
  readonly search?: string;
  readonly status?: (typeof statuses)[number];
}

/** Reads the filter of an address. What a person can have misspelled there is left out. */
export function filterOf(query: Readonly<Record<string, string>>): Filter {
  const search = (query.search ?? '').trim();
  const status = statuses.find((candidate) => candidate === query.status);
  return {
    ...(search === '' ? {} : { search }),
    ...(status === undefined ? {} : { status }),
  };
}

/** The address that shows what matches a filter. */
export function urlOf(filter: Filter, cursor?: string): string {
  return withQuery(routes.authority, { ...filter, cursor });
}

/**
 * The filter as the server takes it. Serial numbers have 16 bytes; no part of a name that people
 * search for is hexadecimal and as long.
 */
export function queryOf({
  search,
  ...filter
}: Filter): Pick<Query, 'contains' | 'serialNumber' | 'status'> {
  if (search === undefined) return filter;
  const isSerialNumber = /^(?:[0-9a-f]{24,40}|[0-9a-f]{2}(?::[0-9a-f]{2}){7,19})$/i.test(search);
  return { ...filter, ...(isSerialNumber ? { serialNumber: search } : { contains: search }) };
}
