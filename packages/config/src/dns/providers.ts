import type { Config } from '../read-config.ts';
import { type DnsProviderDescription, tokenAloneTypes } from './entry.ts';
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
  /** A person stands by; no configuration can name it. */
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
        ...options.map((one) => ({
          name: keyPathOf(one).join('.').replace('.0.', '[].'),
          env: one.env,
          required: !one.optional,
          credential: one.secret ?? false,
          meaning: `${one.description}.`,
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

/** The providers of a configuration. The one that is used where a certificate names none is `challenge.dns01.provider`. */
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
    providers.some((one) => one.name === name)
  )
    return providers;
  return [...providers, { name, type: name, api_token: token }];
}
