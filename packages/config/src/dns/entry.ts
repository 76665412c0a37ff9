import { z } from 'zod';
import type { CredentialKey } from '../credential.ts';
import { apiUrl, argv, choice, list, ownName, path, text } from '../keys.ts';
import type { Secret } from '../secret.ts';
import { type DnsKind, type DnsOption, keyPathOf } from './kind.ts';
import { dnsKinds } from './kinds.ts';
import { zonePattern } from './zone-pattern.ts';

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

/** Those that need no more than `api_token`, so that `challenge.dns01.provider` can name them without a table of their own. */
export const tokenAloneTypes: readonly string[] = configurable
  .filter(
    ({ options }) =>
      options
        .filter(({ optional }) => !optional)
        .map((one) => keyPathOf(one).join('.'))
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
    .filter((one) => keyPathOf(one).length === 1)
    .map((one) => [keyPathOf(one)[0], valueKey(one, secret)]);
  const lists = [
    ...new Set(options.filter((one) => keyPathOf(one).length > 1).map((one) => keyPathOf(one)[0])),
  ].map((key) => {
    const own = options.filter((one) => keyPathOf(one)[0] === key);
    const example = own
      .map((one) => `${keyPathOf(one)[2]} = ${one.secret ? '"${…}"' : '"…"'}`)
      .join(', ');
    return [
      key,
      list(
        z.strictObject(
          Object.fromEntries(own.map((one) => [keyPathOf(one)[2], valueKey(one, secret)])),
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
        'write it as the cloud does, "ap-southeast-1", or take the key away',
      );
    case undefined:
      return text(meaning);
  }
}
