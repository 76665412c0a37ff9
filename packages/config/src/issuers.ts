import { acmeIssuerName } from './cross-checks/issuers.ts';
import type { Config, ConfigValues } from './read-config.ts';
import { type WellKnownIssuer, wellKnownIssuers } from './well-known-issuers.ts';

/** An account at a CA, as certificates name it. */
export interface IssuerDescription extends Omit<
  ConfigValues['acme'],
  'ca' | 'ca_environment' | 'ca_custom_url' | 'contact' | 'issuers'
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

/** Returns the issuers of a configuration. The first is that of `[acme]`. */
export function issuersOf({
  values: { acme, issuers },
}: Pick<Config, 'values'>): readonly [IssuerDescription, ...IssuerDescription[]] {
  const { ca, ca_environment: environment, ca_custom_url: url } = acme;
  const { issuers: _, ...account } = acme;
  const name = acmeIssuerName(ca, environment);
  const further = Object.entries(issuers).map(
    ([accountName, { ca: wellKnown, directory, ...rest }]) => ({
      ...describe(accountName, wellKnown ?? '', directory, rest),
      accountName,
    }),
  );
  return [describe(name, name, url, account), ...further];
}

/**
 * Returns the issuers of these names, in their order: those of `acme.issuers` by default, else that
 * of `[acme]`. The preferred one comes first. A name that is not defined is left out.
 */
export function issuersNamed(
  config: Pick<Config, 'values'>,
  names: readonly string[] = config.values.acme.issuers ?? [],
): readonly [IssuerDescription, ...IssuerDescription[]] {
  const all = issuersOf(config);
  const [first, ...further] = names.flatMap((name) =>
    all.filter((candidate) => candidate.name === name),
  );
  return first ? [first, ...further] : [all[0]];
}

type Account = Omit<ConfigValues['acme'], 'ca' | 'ca_environment' | 'ca_custom_url' | 'issuers'>;

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
