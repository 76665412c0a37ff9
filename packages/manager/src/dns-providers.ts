import type { DnsProvider, LookUp } from '@acmex/dns';

export interface ChooseDnsProviderOptions {
  /** The provider that the certificate names. */
  readonly provider?: string | undefined;
  readonly type: 'dns-01' | 'dns-account-01';
}

export interface OpenDnsProviderOptions {
  /**
   * Variables that the certificate's record holds for the provider; null where the value is a
   * stored credential.
   */
  readonly variables?: Readonly<Record<string, string | null>> | undefined;
  /** Names of the environment variables that a provider which runs a program passes to it. */
  readonly environmentNames?: readonly string[] | undefined;
  /** Variables that the storage holds, by `saveCredentials`. */
  readonly credentials?: Readonly<Record<string, string>> | undefined;
  readonly lookUp: LookUp;
}

/** Chooses and opens the DNS providers that write the TXT records of challenges. */
export interface DnsProviders {
  /** The provider that certificates use by default; it is opened before the CA is contacted. */
  readonly default?: string | undefined;
  /**
   * Returns the name of the provider that writes the records of a domain, which may be a wildcard.
   */
  choose(domain: string, options: ChooseDnsProviderOptions): string;
  /** Whether a person writes the records of a provider, which then is not opened; never by default. */
  isAttended?(provider: string): boolean;
  open(provider: string, options: OpenDnsProviderOptions): Promise<DnsProvider>;
}

/** Writes every record with this provider. */
export function singleDnsProvider(provider: DnsProvider): DnsProviders {
  return {
    default: provider.name,
    choose: () => provider.name,
    open: async () => await Promise.resolve(provider),
  };
}

/** Returns providers each of which is used through what `watch` returns for it. */
export function watchedDnsProviders(
  providers: DnsProviders | undefined,
  watch: (provider: DnsProvider) => DnsProvider,
): DnsProviders | undefined {
  return (
    providers && {
      ...providers,
      open: async (name, options) => watch(await providers.open(name, options)),
    }
  );
}
