import { identifier, isBelow, isWildcard, privateCa, withoutWildcard } from '@acmex/identifier';
import * as z from 'zod';
import type { CredentialKey } from '../credential.ts';
import { ConfigError } from '../errors.ts';
import { list, ownName, text } from '../keys.ts';
import { optionValue } from '../option-value.ts';
import type { Secret } from '../secret.ts';
import { type DnsKind, type DnsOption, keyPathOf } from './kind.ts';
import { dnsKinds } from './kinds.ts';

/** What an option of a provider can be. */
export type DnsOptionValue =
  | string
  | Secret
  | readonly string[]
  | readonly Readonly<Record<string, string | Secret>>[]
  | undefined;

/** A provider as the configuration describes it. */
export interface DnsProviderDescription {
  /** What certificates call it. */
  readonly name: string;
  /** One of `dnsProviderTypes`. */
  readonly type: string;
  /** The names whose records it writes; all by default. See `matches`. */
  readonly zones?: readonly string[] | undefined;
  /** The options of its type. */
  readonly [key: string]: DnsOptionValue;
}

const configurable = dnsKinds.filter(({ attended }) => !attended);

/** Those that can be named; in the order of the reference. */
export const dnsProviderTypes: readonly string[] = configurable.map(({ type }) => type);

/**
 * Those that need no more than `api_token`, so that `challenge.dns01.provider` can name them
 * without a table of their own.
 */
export const tokenAloneTypes: readonly string[] = configurable
  .filter(({ options }) => {
    const token = options.find((option) => keyPathOf(option).join('.') === 'api_token');
    return (
      token !== undefined &&
      options.every(
        (option) =>
          option === token ||
          (option.oneOf === undefined ? option.optional : option.oneOf === token.oneOf),
      )
    );
  })
  .map(({ type }) => type);

/** One of `[[challenge.dns01.providers]]`: its options are those of its type. */
export function dnsProviderEntry(secret: CredentialKey): z.ZodType<DnsProviderDescription> {
  const entries = configurable.map((kind) =>
    z.strictObject({
      name: ownName('What certificates call it.'),
      type: z.literal(kind.type).meta({ description: 'The kind of host; name by default.' }),
      zones: list(
        zonePattern('example.com for it and all below it, *.example.com for all below it, or *.'),
        'The names whose records it writes, for several accounts beside each other; the longest pattern decides. All by default.',
      )
        .min(1, 'write at least one: ["example.com"]')
        .optional(),
      ...optionKeys(kind, secret),
    }),
  );
  const error = `write type = one of ${dnsProviderTypes.map((type) => `"${type}"`).join(', ')}`;
  // There is a kind at least, and every one has its own type.
  return z.discriminatedUnion('type', entries as unknown as [(typeof entries)[number]], {
    error,
  }) as unknown as z.ZodType<DnsProviderDescription>;
}

function optionKeys({ options, environment }: DnsKind, secret: CredentialKey): z.ZodRawShape {
  const single = options
    .filter((option) => keyPathOf(option).length === 1)
    .map((option) => [keyPathOf(option)[0], valueKey(option, secret)]);
  const lists = [
    ...new Set(
      options
        .filter((option) => keyPathOf(option).length > 1)
        .map((option) => keyPathOf(option)[0]),
    ),
  ].map((key) => {
    const members = options.filter((option) => keyPathOf(option)[0] === key);
    const example = members
      .map((option) => `${keyPathOf(option)[2]} = ${option.secret ? '"${…}"' : '"…"'}`)
      .join(', ');
    const entries = list(
      z.strictObject(
        Object.fromEntries(
          members.map((option) => [keyPathOf(option)[2], valueKey(option, secret)]),
        ),
      ),
      'One for each name.',
    ).min(1, `write at least one: [{ ${example} }]`);
    return [key, members.some(({ oneOf }) => oneOf !== undefined) ? entries.optional() : entries];
  });
  const env = list(
    text('NAME, or NAME* for all that begin so.'),
    'Environment variables that the program sees beside PATH, HOME, LANG and TZ.',
  ).default([]);
  return { ...Object.fromEntries([...single, ...lists]), ...(environment ? { env } : {}) };
}

function valueKey(option: DnsOption, secret: CredentialKey) {
  const key = optionValue(option, `${option.description}.`, secret);
  return option.optional ? key.optional() : key;
}

/**
 * A pattern of names: a name for it and all below it, `*.` and a name for all below that, `*` for
 * all.
 */
export function zonePattern(meaning: string) {
  const wanted = 'write "example.com", "*.example.com" or "*"';
  return z
    .string({ error: wanted })
    .refine((pattern) => pattern === '*' || domainOf(pattern) !== undefined, wanted)
    .overwrite((pattern) => domainOf(pattern) ?? pattern)
    .meta({ description: meaning });
}

/**
 * Returns a domain name or a wildcard in canonical form; `undefined` for anything else. An address
 * has no zone.
 */
function domainOf(text: string): string | undefined {
  try {
    return identifier(text, { rule: { ...privateCa, allowsAddress: false } }).value;
  } catch {
    return undefined;
  }
}

/**
 * Whether a pattern is for a name, which may be a wildcard: `*.example.com` matches `*.example.com`
 * and `www.example.com`, not `example.com`.
 */
export function matches(pattern: string, name: string): boolean {
  if (pattern === '*') return true;
  const wanted = domainOf(pattern) ?? pattern.toLowerCase();
  const candidate = domainOf(name) ?? name.toLowerCase();
  return isBelow(candidate, withoutWildcard(wanted)) || candidate === wanted;
}

/**
 * Returns how specific a pattern is: by the labels of its name; of two with the same number, a
 * wildcard is more specific.
 */
export function precision(pattern: string): number {
  if (pattern === '*') return 0;
  return 2 * withoutWildcard(pattern).split('.').length + (isWildcard(pattern) ? 1 : 0);
}

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
  /** Of all options with the same word here exactly one is needed. */
  readonly oneOf?: string;
  readonly credential: boolean;
  readonly meaning: string;
}

/**
 * Returns the type of the DNS host that lego or acme.sh calls so: `cloudflare` for `dns_cf`;
 * undefined for a host that is not known.
 */
export function dnsProviderTypeOf(foreignName: string): string | undefined {
  return dnsKinds.find(
    ({ type, foreignNames = [], attended }) =>
      !attended && (type === foreignName || foreignNames.includes(foreignName)),
  )?.type;
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
          required: !option.optional && option.oneOf === undefined,
          ...(option.oneOf === undefined ? {} : { oneOf: option.oneOf }),
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
 * Whether a person writes the records of a provider, so that nothing is renewed without one. A
 * provider of the configuration can have the same name.
 */
export function isAttendedDnsProvider(
  name: string | undefined,
  config: DnsProviderConfig,
): boolean {
  return (
    dnsKinds.some(({ type, attended }) => attended && type === name) &&
    !dnsProvidersOf(config).some((provider) => provider.name === name)
  );
}

/** The part of a configuration that names DNS providers. */
export interface DnsProviderConfig {
  readonly values: {
    readonly challenge: {
      readonly dns01: {
        readonly provider?: string | undefined;
        readonly api_token?: DnsProviderDescription['api_token'];
        readonly providers: readonly DnsProviderDescription[];
      };
    };
  };
}

/**
 * The providers of a configuration. The one that is used where a certificate names none is
 * `challenge.dns01.provider`.
 */
export function dnsProvidersOf({
  values: {
    challenge: { dns01 },
  },
}: DnsProviderConfig): readonly DnsProviderDescription[] {
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
  readonly config: DnsProviderConfig;
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
