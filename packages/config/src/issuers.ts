import { acmeIssuerName } from './agreement/issuers.ts';
import type { Config, ConfigValues } from './read-config.ts';
import { type WellKnownIssuer, wellKnownIssuers } from './well-known-issuers.ts';

/** One account at one CA, as certificates name it. */
export interface IssuerDescription extends Omit<
  ConfigValues['acme'],
  'ca' | 'ca_environment' | 'ca_custom_url' | 'contact'
> {
  readonly name: string;
  /** Its name again, where its account is its own and not the one that is kept for the directory. */
  readonly own: string | undefined;
  /** What people call the CA; the host of its directory where it is not well known. */
  readonly title: string;
  readonly directory: string;
  readonly staging: boolean;
  /** URLs: `mailto:you@example.com`. */
  readonly contact: readonly string[];
}

/** The issuers of a configuration: that of `[acme]` first, which is used where no other is named. */
export function issuersOf({
  values: { acme, issuers },
}: Pick<Config, 'values'>): readonly [IssuerDescription, ...IssuerDescription[]] {
  const { ca, ca_environment: environment, ca_custom_url: url, ...account } = acme;
  const name = acmeIssuerName(ca, environment);
  const further = Object.entries(issuers).map(([own, { ca: known, directory, ...rest }]) => ({
    ...described(own, known ?? '', directory, rest),
    own,
  }));
  return [described(name, name, url, account), ...further];
}

type Account = Omit<ConfigValues['acme'], 'ca' | 'ca_environment' | 'ca_custom_url'>;

function described(
  name: string,
  ca: string,
  url: string | undefined,
  { contact, ...account }: Account,
): IssuerDescription {
  const table: Readonly<Record<string, WellKnownIssuer>> = wellKnownIssuers;
  const directory = url ?? table[ca]?.directory ?? '';
  const known = Object.values(table).find((one) => one.directory === directory);
  return {
    name,
    own: undefined,
    directory,
    title: known?.title ?? new URL(directory).host,
    staging: known?.staging ?? false,
    contact: contact.map((one) => (one.startsWith('mailto:') ? one : `mailto:${one}`)),
    ...account,
  };
}
