import { routes } from '../../../src/routes.ts';

/** What a link to the form has filled in. */
export interface Prefilled {
  readonly names?: readonly string[] | undefined;
  readonly issuer?: string | undefined;
  readonly template?: string | undefined;
}

/** The address of the form for a new certificate. */
export function urlOfNew({ names = [], issuer, template }: Prefilled): string {
  const query = new URLSearchParams({
    ...(names.length > 0 ? { names: names.join(',') } : {}),
    ...(issuer === undefined ? {} : { issuer }),
    ...(template === undefined ? {} : { template }),
  });
  return query.size === 0 ? routes.newCertificate : `${routes.newCertificate}?${query}`;
}

/** Reads what an address has filled in. */
export function prefilledOf(query: Readonly<Record<string, string>>): Prefilled {
  const { names, issuer, template } = query;
  return {
    ...(names ? { names: names.split(',').filter((name) => name !== '') } : {}),
    ...(issuer ? { issuer } : {}),
    ...(template ? { template } : {}),
  };
}
