import type { DnsProvider, LookUp } from '@acmex/dns';
import type { ManualOptions } from '@acmex/dns-hooks';
import { ConfigError } from '../errors.ts';
import { loaded } from '../loaded.ts';
import type { Config } from '../read-config.ts';
import type { Environment } from '../substitution.ts';
import type { DnsKind } from './kind.ts';
import { dnsKinds } from './kinds.ts';
import { openDnsProvider } from './open.ts';
import { dnsProvidersOf } from './providers.ts';
import { dnsProviderOfVariables, dnsVariables } from './surroundings.ts';

/** Variables that a provider was told by when a certificate was begun: their values, or null where they are kept elsewhere. */
export type DnsVariablesRecord = Readonly<Record<string, string | null>>;

export interface NamedDnsProviderOptions {
  readonly config: Pick<Config, 'values'>;
  /** Of it the variables of the provider's kind are read, and what `programs` names. */
  readonly environment: Environment;
  /** Names of what a program sees of the environment. */
  readonly programs?: readonly string[] | undefined;
  readonly recorded?: DnsVariablesRecord | undefined;
  /** Shows a person what to do, for `manual`; absent where nobody stands by. */
  readonly prompt?: ManualOptions['prompt'] | undefined;
  /** For `manual`: where records appear. */
  readonly lookUp?: LookUp | undefined;
}

/**
 * Opens the provider of this name: one of the configuration; else a kind, by its variables; else `manual`, by a person's hands.
 * @throws ConfigError `ERR_CONFIG_PROOF`, `ERR_CONFIG_PACKAGE_MISSING`
 */
export async function openNamedDnsProvider(
  name: string,
  { config, environment, programs = [], recorded = {}, prompt, lookUp }: NamedDnsProviderOptions,
): Promise<DnsProvider> {
  const configured = dnsProvidersOf(config);
  const described = configured.find((one) => one.name === name);
  if (described) return await openDnsProvider(described, { environment });
  const kind = dnsKinds.find(({ type }) => type === name);
  if (!kind)
    throw new ConfigError(
      'ERR_CONFIG_PROOF',
      `the DNS provider "${name}" is not known: choose among ${[...new Set([...configured.map((one) => one.name), ...dnsKinds.map(({ type }) => type)])].join(', ')}, or write it into challenge.dns01.providers of acmex.toml`,
    );
  if (kind.attended) {
    if (!prompt)
      throw new ConfigError(
        'ERR_CONFIG_PROOF',
        `the DNS provider ${name} needs a person who stands by: only acmex obtain has one; name another`,
      );
    const { manual } = await loaded(
      kind.package,
      `the DNS provider ${name}`,
      () => import('@acmex/dns-hooks'),
    );
    return manual({ prompt, ...(lookUp ? { lookUp } : {}) });
  }
  const surroundings = {
    ...environment,
    ...Object.fromEntries(Object.entries(recorded).filter(([, value]) => value !== null)),
  } as Environment;
  assertNoneGone(kind, surroundings, recorded);
  return await openDnsProvider(dnsProviderOfVariables(kind, surroundings, programs), {
    environment,
  });
}

/** What a certificate's record keeps of the variables of a provider; undefined for one of the configuration. Where a credential is among them, none of their values: they belong together. */
export function dnsVariablesRecord(
  name: string | undefined,
  { config, environment }: Pick<NamedDnsProviderOptions, 'config' | 'environment'>,
): DnsVariablesRecord | undefined {
  const kind = dnsProvidersOf(config).some((one) => one.name === name)
    ? undefined
    : dnsKinds.find(({ type }) => type === name);
  const variables = kind && dnsVariables(kind, environment);
  if (!variables || variables.length === 0) return undefined;
  const secret = variables.some((one) => one.secret);
  return Object.fromEntries(variables.map((one) => [one.name, secret ? null : one.value]));
}

/** That a provider which would do without has all that it had. */
function assertNoneGone(
  { type, options }: DnsKind,
  environment: Environment,
  recorded: DnsVariablesRecord,
): void {
  const gone = Object.keys(recorded).find((name) => {
    const { env = [] } = options.find((one) => one.env.includes(name)) ?? {};
    return !env.some((one) => (environment[one] ?? '') !== '');
  });
  if (gone !== undefined)
    throw new ConfigError(
      'ERR_CONFIG_PROOF',
      `the variable ${gone}, by which the DNS provider ${type} wrote records before, is neither in the environment nor kept in the storage: set it, or obtain the certificate again with --save-credentials`,
    );
}
