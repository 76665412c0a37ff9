import { systemClock } from '@acmex/clock';
import { credentialKey } from '../credential.ts';
import { ConfigError } from '../errors.ts';
import type { Environment } from '../substitution.ts';
import { dnsProviderEntry, type DnsProviderDescription } from './entry.ts';
import { type DnsKind, type DnsOption, keyPathOf } from './kind.ts';

/** An environment variable that sets an option of a provider. */
export interface DnsVariable {
  readonly name: string;
  readonly value: string;
  readonly secret: boolean;
}

/**
 * The variables of a kind that are set; of several for one thing the first. No other is looked at.
 */
export function dnsVariables(
  { options }: DnsKind,
  environment: Environment,
): readonly DnsVariable[] {
  return options.flatMap((option) => {
    const name = setVariable(option, environment);
    return name === undefined
      ? []
      : [{ name, value: environment[name] ?? '', secret: option.secret ?? false }];
  });
}

/**
 * A provider without a configuration: by the variables of its kind.
 * @param programs names of what its program sees, where it runs one
 * @throws ConfigError `ERR_CONFIG_PROOF`, which names what is missing or unfit, and where to get
 * it; no value is in it
 */
export function dnsProviderOfVariables(
  kind: DnsKind,
  environment: Environment,
  programs: readonly string[] = [],
): DnsProviderDescription {
  const { type, options } = kind;
  const set = options.filter((option) => setVariable(option, environment) !== undefined);
  const provided = set.filter(
    (option, at) =>
      option.oneOf === undefined || set.findIndex(({ oneOf }) => oneOf === option.oneOf) === at,
  );
  const missing = options.filter(
    (option) => !provided.includes(option) && isNeeded(option, provided, options),
  );
  if (missing.length > 0)
    throw new ConfigError(
      'ERR_CONFIG_PROOF',
      `the DNS provider ${type} needs ${missing
        .map((option) =>
          option.oneOf === undefined
            ? wanted(option)
            : `one of ${options
                .filter(({ oneOf }) => oneOf === option.oneOf)
                .map(wanted)
                .join(', ')}`,
        )
        .join(
          ' and ',
        )}${placeText(kind)}: set ${missing.length === 1 ? 'it' : 'them'} in the environment, or describe the provider in challenge.dns01.providers of acmex.toml`,
    );
  const entry = dnsProviderEntry(credentialKey({ environment: {}, clock: systemClock }));
  const { data, error } = entry.safeParse({
    name: 'environment',
    type,
    ...tableOf(provided, environment),
    ...(kind.environment ? { env: [...programs] } : {}),
  });
  if (data) return { ...data, name: type };
  const [issue] = error.issues;
  const wrong = provided.find((option) => keyPathOf(option)[0] === issue?.path[0]);
  throw new ConfigError(
    'ERR_CONFIG_PROOF',
    `${wrong ? `the variable ${setVariable(wrong, environment)}` : 'what the environment says'} does not fit the DNS provider ${type}: ${issue?.message ?? 'correct it'}`,
  );
}

/**
 * Returns true for a missing option that is needed; in a group of which one is needed only for the
 * first.
 */
function isNeeded(
  { option, optional, oneOf }: DnsOption,
  provided: readonly DnsOption[],
  options: readonly DnsOption[],
): boolean {
  if (oneOf !== undefined)
    return (
      !provided.some((candidate) => candidate.oneOf === oneOf) &&
      options.find((candidate) => candidate.oneOf === oneOf)?.option === option
    );
  return !optional || provided.some((candidate) => candidate.with?.includes(option));
}

/** As acmex.toml would have it. */
function tableOf(
  provided: readonly DnsOption[],
  environment: Environment,
): Readonly<Record<string, unknown>> {
  const table: Record<string, unknown> = {};
  for (const option of provided) {
    const [key, , member] = keyPathOf(option);
    const text = environment[setVariable(option, environment) ?? ''] ?? '';
    const value =
      option.format === 'command' ? text.split(/\s+/).filter((word) => word !== '') : text;
    table[key] =
      member === undefined
        ? value
        : [{ ...(table[key] as readonly object[] | undefined)?.[0], [member]: value }];
  }
  return table;
}

/** An empty one counts as not set. */
function setVariable({ env }: DnsOption, environment: Environment): string | undefined {
  return env.find((name) => (environment[name] ?? '') !== '');
}

function wanted({ env, description }: DnsOption): string {
  return `${env.join(' or ')} (${description.slice(0, 1).toLowerCase()}${description.slice(1)})`;
}

function placeText({ links: { credentials, api } }: DnsKind): string {
  const place = credentials ?? api;
  return place === undefined ? '' : `, see ${place}`;
}
