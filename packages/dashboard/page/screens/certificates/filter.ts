import type { operations } from '@acmex/api';
import { routes } from '../../../src/routes.ts';
import { withQuery } from '../../with-query.ts';

type Query = NonNullable<operations['getApiCertificates']['parameters']['query']>;
export const states = [
  'valid',
  'due',
  'failing',
  'waiting',
  'unissued',
  'paused',
  'revoked',
  'expired',
] as const satisfies readonly Query['state'][];

/** The search in the list of certificates. It is in the address of the page. */
export interface Filter {
  /** A name, a part of names, or `.example.com` for every name below it. */
  readonly search?: string;
  /** A part of names, though it looks like a whole name. */
  readonly contains?: string;
  readonly state?: (typeof states)[number];
  /** Only those whose order waits for DNS records that a person sets. */
  readonly awaits?: 'records';
  readonly issuer?: string;
  readonly label?: string;
  readonly sort?: 'name' | 'expiry';
  readonly expiresBefore?: string;
  readonly expiresAfter?: string;
  readonly renewalBefore?: string;
  readonly renewalAfter?: string;
}
const fields = [
  'search',
  'contains',
  'state',
  'awaits',
  'issuer',
  'label',
  'sort',
  'expiresBefore',
  'expiresAfter',
  'renewalBefore',
  'renewalAfter',
] as const;

/** Reads the filter of an address. What a person can have misspelled there is left out. */
export function filterOf(query: Readonly<Record<string, string>>): Filter {
  const entries = fields
    .map((name) => [name, query[name]] as const)
    .filter(([, value]) => value !== undefined && value !== '');
  const { state, sort, awaits, ...filter } = Object.fromEntries(entries) as Record<string, string>;
  return {
    ...filter,
    ...(states.includes(state as (typeof states)[number])
      ? { state: state as Filter['state'] }
      : {}),
    ...(awaits === 'records' ? { awaits } : {}),
    ...(sort === 'name' || sort === 'expiry' ? { sort } : {}),
  } as Filter;
}

/** The address that shows what matches a filter. */
export function urlOf(filter: Filter, cursor?: string): string {
  return withQuery(routes.certificates, { ...filter, cursor });
}

/** The filter as the server takes it. */
export function queryOf({ search, ...filter }: Filter): Query {
  return search === undefined ? filter : { ...filter, ...nameQuery(search) };
}

function nameQuery(search: string): Pick<Query, 'name' | 'below' | 'contains'> {
  if (/^(\*?\.)[^.]/.test(search)) return { below: search.replace(/^\*?\./, '') };
  return isWholeName(search) ? { name: search } : { contains: search };
}

/**
 * Whether a text looks like a domain name with its top-level domain, or like an IP address. This
 * decides only how the search begins: the server is the judge of names.
 */
export function isWholeName(text: string): boolean {
  if (/^[0-9a-f:]*:[0-9a-f:]*:/i.test(text)) return true;
  const labels = text.replace(/^\*\./, '').replace(/\.$/, '').split('.');
  if (labels.length < 2 || !labels.every((label) => /^[\p{L}\p{N}_-]+$/u.test(label))) return false;
  const isNumber = (label: string) => /^\d+$/.test(label);
  return isNumber(labels.at(-1) ?? '')
    ? labels.length === 4 && labels.every(isNumber)
    : /..$/u.test(labels.at(-1) ?? '');
}
