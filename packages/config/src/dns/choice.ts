import { ConfigError } from '../errors.ts';
import type { Config } from '../read-config.ts';
import { type DnsProviderDescription, tokenAloneTypes, matches, precision } from './entry.ts';
import { type DnsKind, keyPathOf } from './kind.ts';
import { dnsKinds } from './kinds.ts';

/** A kind of DNS host. */
export interface DnsProviderKind {
  /** As `type` in `[[challenge.dns01.providers]]`. */
  readonly type: string;
  readonly title: string;
  /** What has to be installed. */
  readonly package: string;
  readonly options: readonly DnsProviderOption[];
  /** It needs a person; a configuration cannot name it. */
  readonly attended: boolean;
  /** The vendor's reference, and where credentials are made. */
  readonly links: DnsKind['links'];
}

export interface DnsProviderOption {
  /** As acmex.toml calls it. */
  readonly name: string;
  /** Variables that it is taken from without a configuration; the first that is set. */
  readonly env: readonly string[];
  readonly required: boolean;
  readonly credential: boolean;
  readonly meaning: string;
}

/** Every kind, with its options. */
export function dnsProviderKinds(): readonly DnsProviderKind[] {
  return dnsKinds.map(
    ({ type, title, package: name, options, environment, attended = false, links }) => ({
      type,
      title,
      package: name,
      attended,
      links,
      options: [
        ...options.map((option) => ({
          name: keyPathOf(option).join('.').replace('.0.', '[].'),
          env: option.env,
          required: !option.optional,
          credential: option.secret ?? false,
          meaning: `${option.description}.`,
        })),
        ...(environment
          ? [
              {
                name: 'env',
                env: [],
                required: false,
                credential: false,
                meaning:
                  'Environment variables that the program sees beside PATH, HOME, LANG and TZ; --dns-env on the command line.',
              },
            ]
          : []),
      ],
    }),
  );
}

/**
 * The providers of a configuration. The one that is used where a certificate names none is
 * `challenge.dns01.provider`.
 */
export function dnsProvidersOf({
  values: {
    challenge: { dns01 },
  },
}: Pick<Config, 'values'>): readonly DnsProviderDescription[] {
  const { provider: name, api_token: token, providers } = dns01;
  if (
    token === undefined ||
    name === undefined ||
    !tokenAloneTypes.includes(name) ||
    providers.some((entry) => entry.name === name)
  )
    return providers;
  return [...providers, { name, type: name, api_token: token }];
}

export interface DnsChoice {
  readonly config: Pick<Config, 'values'>;
  /** Who was named for the certificate; the only one then. It may be none of the configuration. */
  readonly named?: string | undefined;
  /** Of the challenge, for the message; dns-01 by default. */
  readonly type?: string | undefined;
}

/**
 * Who writes the record of a name: the one that was named; else the one whose pattern says most
 * about the name; else `challenge.dns01.provider`.
 * @param name it may be a wildcard
 * @returns the name of a provider
 * @throws ConfigError `ERR_CONFIG_PROOF` where it is nobody's, with the patterns that there are
 */
export function dnsProviderFor(
  name: string,
  { config, named, type = 'dns-01' }: DnsChoice,
): string {
  const providers = dnsProvidersOf(config);
  if (named !== undefined)
    return providers.some((entry) => entry.name === named) ? writer(name, named, providers) : named;
  const [best] = patternsOf(providers)
    .filter(({ pattern }) => matches(pattern, name))
    .sort((a, b) => precision(b.pattern) - precision(a.pattern));
  if (best) return best.provider;
  const { provider } = config.values.challenge.dns01;
  if (
    provider !== undefined &&
    providers.find((entry) => entry.name === provider)?.zones === undefined
  )
    return provider;
  const patterns = patternsOf(providers).map(
    ({ pattern, provider: owner }) => `${pattern} (${owner})`,
  );
  if (patterns.length > 0)
    throw new ConfigError(
      'ERR_CONFIG_PROOF',
      `no DNS provider writes the records of ${name}, for none of these is about it: ${patterns.join(', ')}: add it to the zones of one, or write challenge.dns01.provider with one that has no zones`,
    );
  throw new ConfigError(
    'ERR_CONFIG_PROOF',
    `${type} needs a way to write records: use --dns-provider with a kind of acmex dns list and its variables in the environment, or write challenge.dns01.provider in acmex.toml`,
  );
}

function writer(
  name: string,
  provider: string,
  providers: readonly DnsProviderDescription[],
): string {
  const { zones } = providers.find((entry) => entry.name === provider) ?? {};
  if (!zones || zones.some((pattern) => matches(pattern, name))) return provider;
  throw new ConfigError(
    'ERR_CONFIG_PROOF',
    `the DNS provider ${provider} writes the records of ${zones.join(', ')} alone, and ${name} is none of them: add it to its zones, or name another provider`,
  );
}

function patternsOf(
  providers: readonly DnsProviderDescription[],
): readonly { readonly pattern: string; readonly provider: string }[] {
  return providers.flatMap(({ name: provider, zones = [] }) =>
    zones.map((pattern) => ({ pattern, provider })),
  );
}
