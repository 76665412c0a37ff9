import type { operations } from '@acmex/api';
import { routes } from '../../../src/routes.ts';
import { withQuery } from '../../with-query.ts';

type Query = NonNullable<operations['getApiOrders']['parameters']['query']>;
export const states = [
  'pending',
  'running',
  'succeeded',
  'failed',
  'cancelled',
] as const satisfies readonly Query['state'][];

/** Which orders are shown. It is in the address of the page. */
export interface Filter {
  readonly state?: (typeof states)[number];
  /** The id of a certificate. */
  readonly certificate?: string;
  readonly issuer?: string;
}

/** Reads the filter of an address. What a person can have misspelled there is left out. */
export function filterOf(query: Readonly<Record<string, string>>): Filter {
  const { state, certificate = '', issuer = '' } = query;
  const known = states.find((candidate) => candidate === state);
  return {
    ...(known === undefined ? {} : { state: known }),
    ...(/^crt_[0-9a-z]{26}$/.test(certificate) ? { certificate } : {}),
    ...(/^[a-z0-9][a-z0-9-]{0,39}$/.test(issuer) ? { issuer } : {}),
  };
}

/** The address that shows what matches a filter. */
export function urlOf(filter: Filter, cursor?: string): string {
  return withQuery(routes.orders, { ...filter, cursor });
}
