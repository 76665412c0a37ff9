import type { DnsProvider } from '@acmex/dns';
import { ConfigError } from '../errors.ts';
import { loaded } from '../loaded.ts';
import { Secret } from '../secret.ts';
import type { Environment } from '../substitution.ts';
import type { DnsOptionValue, DnsProviderDescription } from './entry.ts';
import { type DnsOption, keyPathOf } from './kind.ts';
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
