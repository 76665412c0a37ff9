import { acmeIssuerName } from './cross-checks/issuers.ts';
import type { Config, ConfigValues } from './read-config.ts';
import { type WellKnownIssuer, wellKnownIssuers } from './well-known-issuers.ts';

/** An account at a CA, as certificates name it. */
export interface IssuerDescription extends Omit<
  ConfigValues['acme'],
  'ca' | 'ca_environment' | 'ca_custom_url' | 'contact'
> {
  readonly name: string;
  /** Set where the issuer has an account beside the default account of the directory. */
  readonly accountName: string | undefined;
  /** The CA's name for people; the host of its directory for a CA that is not well known. */
  readonly title: string;
  readonly directory: string;
  readonly staging: boolean;
  /** URLs: `mailto:you@example.com`. */
  readonly contact: readonly string[];
}

/** Returns the issuers of a configuration. The first is that of `[acme]`, the default. */
export function issuersOf({
  values: { acme, issuers },
}: Pick<Config, 'values'>): readonly [IssuerDescription, ...IssuerDescription[]] {
  const { ca, ca_environment: environment, ca_custom_url: url, ...account } = acme;
  const name = acmeIssuerName(ca, environment);
  const further = Object.entries(issuers).map(
    ([accountName, { ca: wellKnown, directory, ...rest }]) => ({
      ...describe(accountName, wellKnown ?? '', directory, rest),
      accountName,
    }),
  );
  return [describe(name, name, url, account), ...further];
}

type Account = Omit<ConfigValues['acme'], 'ca' | 'ca_environment' | 'ca_custom_url'>;

function describe(
  name: string,
  ca: string,
  url: string | undefined,
  { contact, ...account }: Account,
): IssuerDescription {
  const table: Readonly<Record<string, WellKnownIssuer>> = wellKnownIssuers;
  const wellKnown = Object.hasOwn(table, ca) ? table[ca] : undefined;
  const directory = url ?? wellKnown?.directory ?? '';
  const known = Object.values(table).find((issuer) => issuer.directory === directory);
  return {
    name,
    accountName: undefined,
    directory,
    title: known?.title ?? new URL(directory).host,
    staging: known?.staging ?? false,
    contact: contact.map((address) =>
      address.startsWith('mailto:') ? address : `mailto:${address}`,
    ),
    ...account,
  };
}
