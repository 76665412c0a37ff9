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
 * The provider that is described; its package is loaded when it is named, its credential is asked
 * for when it is needed.
 * @throws ConfigError `ERR_CONFIG_PACKAGE_MISSING` with the line that installs it;
 * `ERR_CONFIG_PROOF` for options that do not fit
 */
export async function openDnsProvider(
  description: DnsProviderDescription,
  { environment }: OpenDnsProviderOptions,
): Promise<DnsProvider> {
  const { name, type } = description;
  const kind = dnsKinds.find((candidate) => candidate.type === type);
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
  for (const option of options) {
    const [key, item, member] = keyPathOf(option);
    const [first = '', second, third] = option.option.split('.');
    const value = description[key];
    if (item !== undefined && member !== undefined && third !== undefined) {
      const before = made[first] as readonly Readonly<Record<string, unknown>>[] | undefined;
      made[first] = itemsOf(value).map((each, at) => ({
        ...before?.[at],
        ...optionOf(third, each[member]),
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

function optionOf(
  name: string,
  value: string | Secret | undefined,
): Readonly<Record<string, unknown>> {
  return value === undefined ? {} : { [name]: plain(value) };
}

/** Passes a credential as a function, so that it is read when it is needed. */
function plain(value: DnsOptionValue): unknown {
  return value instanceof Secret ? value.reveal : value;
}

function itemsOf(value: DnsOptionValue): readonly Readonly<Record<string, string | Secret>>[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'object') : [];
}

/** The part of the environment that a program sees. */
async function seen(
  names: DnsOptionValue,
  from: Environment,
  what: string,
): Promise<Readonly<Record<string, string>>> {
  const { environment } = await loaded('@acmex/dns-hooks', what, () => import('@acmex/dns-hooks'));
  const allowed = Array.isArray(names)
    ? names.filter((variable) => typeof variable === 'string')
    : [];
  return environment({ from, allow: ['PATH', 'HOME', 'LANG', 'TZ', ...allowed] });
}

/**
 * The variables of a provider when its certificate was created: their values, or null where the
 * value is stored elsewhere.
 */
export type DnsVariablesRecord = Readonly<Record<string, string | null>>;

export interface NamedDnsProviderOptions {
  readonly config: Pick<Config, 'values'>;
  /** Of it the variables of the provider's kind are read, and what `programs` names. */
  readonly environment: Environment;
  /** Names of what a program sees of the environment. */
  readonly programs?: readonly string[] | undefined;
  readonly recorded?: DnsVariablesRecord | undefined;
  /** Shows a person what to do, for `manual`; absent where no person is present. */
  readonly prompt?: ManualOptions['prompt'] | undefined;
  /** For `manual`: where records appear. */
  readonly lookUp?: LookUp | undefined;
}

/**
 * Opens the provider of this name: one of the configuration; else a kind, by its variables; else
 * `manual`, by a person's hands.
 * @throws ConfigError `ERR_CONFIG_PROOF`, `ERR_CONFIG_PACKAGE_MISSING`
 */
export async function openNamedDnsProvider(
  name: string,
  { config, environment, programs = [], recorded = {}, prompt, lookUp }: NamedDnsProviderOptions,
): Promise<DnsProvider> {
  const configured = dnsProvidersOf(config);
  const described = configured.find((provider) => provider.name === name);
  if (described) return await openDnsProvider(described, { environment });
  const kind = dnsKinds.find(({ type }) => type === name);
  if (!kind)
    throw new ConfigError(
      'ERR_CONFIG_PROOF',
      `the DNS provider "${name}" is not known: choose among ${[...new Set([...configured.map((provider) => provider.name), ...dnsKinds.map(({ type }) => type)])].join(', ')}, or write it into challenge.dns01.providers of acmex.toml`,
    );
  if (kind.attended) {
    if (!prompt)
      throw new ConfigError(
        'ERR_CONFIG_PROOF',
        `the DNS provider ${name} needs a person: only acmex obtain can ask one; name a different provider`,
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

/**
 * Returns the variables of a provider for a certificate's record; undefined for a provider of the
 * configuration. Where one of them is a credential, no value is recorded.
 */
export function dnsVariablesRecord(
  name: string | undefined,
  { config, environment }: Pick<NamedDnsProviderOptions, 'config' | 'environment'>,
): DnsVariablesRecord | undefined {
  const kind = dnsProvidersOf(config).some((provider) => provider.name === name)
    ? undefined
    : dnsKinds.find(({ type }) => type === name);
  const variables = kind && dnsVariables(kind, environment);
  if (!variables || variables.length === 0) return undefined;
  const secret = variables.some((variable) => variable.secret);
  return Object.fromEntries(
    variables.map((variable) => [variable.name, secret ? null : variable.value]),
  );
}

/**
 * Checks that a provider still has the variables that it had, even if it could work without them.
 */
function assertNoneGone(
  { type, options }: DnsKind,
  environment: Environment,
  recorded: DnsVariablesRecord,
): void {
  const gone = Object.keys(recorded).find((name) => {
    const { env = [] } = options.find((option) => option.env.includes(name)) ?? {};
    return !env.some((variable) => (environment[variable] ?? '') !== '');
  });
  if (gone !== undefined)
    throw new ConfigError(
      'ERR_CONFIG_PROOF',
      `the variable ${gone}, by which the DNS provider ${type} wrote records before, is neither in the environment nor kept in the storage: set it, or obtain the certificate again with --save-credentials`,
    );
}
