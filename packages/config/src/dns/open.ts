import type { DnsProvider, LookUp } from '@acmex/dns';
import type { ManualOptions } from '@acmex/dns-hooks';
import { ConfigError } from '../errors.ts';
import { loaded } from '../loaded.ts';
import type { Config } from '../read-config.ts';
import { Secret } from '../secret.ts';
import type { Environment } from '../substitution.ts';
import { dnsProvidersOf } from './choice.ts';
import type { DnsOptionValue, DnsProviderDescription } from './entry.ts';
import { dnsProviderOfVariables, dnsVariables } from './from-environment.ts';
import { type DnsOption, keyPathOf, type DnsKind } from './kind.ts';
import { dnsKinds } from './kinds.ts';

export interface OpenDnsProviderOptions {
  /** What programs may be given of; see `env` of each. */
  readonly environment: Environment;
}

/**
 * The provider that is described; its package is loaded when it is named, its credential is asked for when it is needed.
 * @throws ConfigError `ERR_CONFIG_PACKAGE_MISSING` with the line that installs it; `ERR_CONFIG_PROOF` for options that do not fit
 */
export async function openDnsProvider(
  description: DnsProviderDescription,
  { environment }: OpenDnsProviderOptions,
): Promise<DnsProvider> {
  const { name, type } = description;
  const kind = dnsKinds.find((one) => one.type === type);
  if (!kind)
    throw new ConfigError(
      'ERR_CONFIG_PROOF',
      `the DNS provider ${name} is of no kind that is known: see acmex dns list`,
    );
  const what = `the DNS provider ${name}`;
  const factory = await loaded(kind.package, what, kind.load);
  try {
    return factory({
      ...factoryOptions(kind.options, description),
      ...(kind.environment ? { env: await seen(description['env'], environment, what) } : {}),
    });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new ConfigError('ERR_CONFIG_PROOF', `${what}: ${cause.message}`, { cause });
  }
}

/** What a factory wants, where the configuration has its keys. */
function factoryOptions(
  options: readonly DnsOption[],
  description: DnsProviderDescription,
): Readonly<Record<string, unknown>> {
  const made: Record<string, unknown> = {};
  for (const one of options) {
    const [key, item, own] = keyPathOf(one);
    const [first = '', second, third] = one.option.split('.');
    const value = description[key];
    if (item !== undefined && own !== undefined && third !== undefined) {
      const before = made[first] as readonly Readonly<Record<string, unknown>>[] | undefined;
      made[first] = itemsOf(value).map((each, at) => ({
        ...before?.[at],
        ...given(third, each[own]),
      }));
    } else if (value !== undefined) {
      made[first] =
        second === undefined
          ? plain(value)
          : { ...(made[first] as object | undefined), [second]: plain(value) };
    }
  }
  return made;
}

function given(
  name: string,
  value: string | Secret | undefined,
): Readonly<Record<string, unknown>> {
  return value === undefined ? {} : { [name]: plain(value) };
}

/** A credential is asked for by who needs it. */
function plain(value: DnsOptionValue): unknown {
  return value instanceof Secret ? value.reveal : value;
}

function itemsOf(value: DnsOptionValue): readonly Readonly<Record<string, string | Secret>>[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'object') : [];
}

/** The part of the environment that a program sees. */
async function seen(
  names: DnsOptionValue,
  from: Environment,
  what: string,
): Promise<Readonly<Record<string, string>>> {
  const { environment } = await loaded('@acmex/dns-hooks', what, () => import('@acmex/dns-hooks'));
  const own = Array.isArray(names) ? names.filter((one) => typeof one === 'string') : [];
  return environment({ from, allow: ['PATH', 'HOME', 'LANG', 'TZ', ...own] });
}

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
