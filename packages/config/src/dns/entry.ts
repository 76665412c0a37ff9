import { identifier, isBelow, isWildcard, privateCa, withoutWildcard } from '@acmex/identifier';
import { z } from 'zod';
import type { CredentialKey } from '../credential.ts';
import { apiUrl, argv, choice, list, ownName, path, text } from '../keys.ts';
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
  .filter(
    ({ options }) =>
      options
        .filter(({ optional }) => !optional)
        .map((option) => keyPathOf(option).join('.'))
        .join(' ') === 'api_token',
  )
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
    return [
      key,
      list(
        z.strictObject(
          Object.fromEntries(
            members.map((option) => [keyPathOf(option)[2], valueKey(option, secret)]),
          ),
        ),
        'One for each name.',
      ).min(1, `write at least one: [{ ${example} }]`),
    ];
  });
  const env = list(
    text('NAME, or NAME* for all that begin so.'),
    'Environment variables that the program sees beside PATH, HOME, LANG and TZ.',
  ).default([]);
  return { ...Object.fromEntries([...single, ...lists]), ...(environment ? { env } : {}) };
}

function valueKey(option: DnsOption, secret: CredentialKey) {
  const key = requiredKey(option, `${option.description}.`, secret);
  return option.optional ? key.optional() : key;
}

function requiredKey(
  { secret: isSecret, format, choices }: DnsOption,
  meaning: string,
  secret: CredentialKey,
) {
  if (isSecret) return secret(meaning);
  if (choices) return choice(choices, meaning);
  switch (format) {
    case 'url':
      return apiUrl(meaning);
    case 'path':
      return path(meaning);
    case 'command':
      return argv(meaning);
    case 'region':
      return text(meaning).regex(
        /^[a-z\d]+(?:-[a-z\d]+)*$/,
        'write it as the cloud does, "ap-southeast-1", or remove the key',
      );
    case undefined:
      return text(meaning);
  }
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
