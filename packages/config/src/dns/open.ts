import { systemClock } from '@acmex/clock';
import type { DnsProvider, LookUp } from '@acmex/dns';
import type { Network } from '@acmex/protocol/node';
import type { ManualOptions } from '@acmex/dns-hooks';
import { connectionOptions } from '../connection-options.ts';
import { credentialKey } from '../credential.ts';
import { ConfigError } from '../errors.ts';
import { nearest } from '../issue-faults.ts';
import { loaded } from '../loaded.ts';
import type { Config } from '../read-config.ts';
import { Secret } from '../secret.ts';
import type { Environment } from '../substitution.ts';
import { choiceOf, type DnsKind, type DnsOption, keyPathOf } from './kind.ts';
import { dnsKinds } from './kinds.ts';
import {
  type DnsOptionValue,
  dnsProviderEntry,
  type DnsProviderDescription,
  dnsProvidersOf,
} from './provider.ts';

export interface OpenDnsProviderOptions {
  /** What programs may be given of; see `env` of each. */
  readonly environment: Environment;
  /** How APIs of hosts are reached; directly by default. */
  readonly network?: Network | undefined;
}

/**
 * The provider that is described; its package is loaded when it is named, its credential is asked
 * for when it is needed.
 * @throws ConfigError `ERR_CONFIG_PACKAGE_MISSING` with the line that installs it;
 * `ERR_CONFIG_PROOF` for options that do not fit
 */
export async function openDnsProvider(
  description: DnsProviderDescription,
  { environment, network }: OpenDnsProviderOptions,
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
      ...connectionOptions(network),
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
  /** How APIs of hosts are reached; directly by default. */
  readonly network?: Network | undefined;
}

/**
 * Opens the provider of this name: one of the configuration; else a kind, by its variables; else
 * `manual`, by a person's hands.
 * @throws ConfigError `ERR_CONFIG_PROOF`, `ERR_CONFIG_PACKAGE_MISSING`
 */
export async function openNamedDnsProvider(
  name: string,
  options: NamedDnsProviderOptions,
): Promise<DnsProvider> {
  const { config, environment, programs = [], recorded = {}, network } = options;
  const configured = dnsProvidersOf(config);
  const described = configured.find((provider) => provider.name === name);
  if (described) return await openDnsProvider(described, { environment, network });
  const kind = dnsKinds.find(({ type }) => type === name);
  if (!kind) {
    const names = [
      ...new Set(
        [...configured, ...dnsKinds.map((each) => ({ name: each.type }))].map((each) => each.name),
      ),
    ];
    const foreign = dnsKinds.find(({ foreignNames = [] }) => foreignNames.includes(name));
    const hint = foreign ? ` (did you mean ${foreign.type}?)` : meantText(name, names);
    throw new ConfigError(
      'ERR_CONFIG_PROOF',
      `the DNS provider ${JSON.stringify(name)} is not known${hint}: choose among ${names.join(', ')}, or write it into challenge.dns01.providers of acmex.toml`,
    );
  }
  if (kind.attended) return await openManual(kind, options);
  const surroundings = {
    ...environment,
    ...Object.fromEntries(Object.entries(recorded).filter(([, value]) => value !== null)),
  } as Environment;
  assertNoneGone(kind, surroundings, recorded);
  return await openDnsProvider(dnsProviderOfVariables(kind, surroundings, programs), {
    environment,
    network,
  });
}

/** Opens the provider whose records a person writes. */
async function openManual(
  { type, package: packageName }: DnsKind,
  { prompt, lookUp }: NamedDnsProviderOptions,
): Promise<DnsProvider> {
  if (!prompt)
    throw new ConfigError(
      'ERR_CONFIG_PROOF',
      `the DNS provider ${type} needs a person: only acmex obtain can ask one; name a different provider`,
    );
  const what = `the DNS provider ${type}`;
  const { manual } = await loaded(packageName, what, () => import('@acmex/dns-hooks'));
  return manual({ prompt, ...(lookUp ? { lookUp } : {}) });
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
    const option = options.find(
      (candidate) =>
        candidate.env.includes(name) || fileVariables(candidate, options).includes(name),
    );
    return !option || !setVariable(option, options, environment);
  });
  if (gone !== undefined)
    throw new ConfigError(
      'ERR_CONFIG_PROOF',
      `the variable ${gone}, by which the DNS provider ${type} wrote records before, is neither in the environment nor kept in the storage: set it, or obtain the certificate again with --save-credentials`,
    );
}

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
    const variable = setVariable(option, options, environment);
    return variable
      ? [
          {
            name: variable.name,
            value: variable.text,
            secret: (option.secret ?? false) && !variable.isFile,
          },
        ]
      : [];
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
  const set = options.filter((option) => setVariable(option, options, environment));
  const provided = withoutSecondChoices(set);
  const missing = options.filter(
    (option) => !provided.includes(option) && isNeeded(option, provided, options),
  );
  if (missing.length > 0)
    throw new ConfigError(
      'ERR_CONFIG_PROOF',
      `the DNS provider ${type} needs ${missing
        .map((option) =>
          option.oneOf === undefined || isChosen(option, provided)
            ? wanted(option)
            : `one of ${choicesText(option.oneOf, options)}`,
        )
        .join(
          ' and ',
        )}${placeText(kind)}${insteadText(kind, environment)}${misspeltText(options, environment)}: set ${missing.length === 1 ? 'it' : 'them'} in the environment, or describe the provider in challenge.dns01.providers of acmex.toml`,
    );
  assertNotIgnored(kind, provided, environment);
  const entry = dnsProviderEntry(credentialKey({ environment: {}, clock: systemClock }));
  const { data, error } = entry.safeParse({
    name: 'environment',
    type,
    ...tableOf(provided, options, environment),
    ...(kind.environment ? { env: [...programs] } : {}),
  });
  if (data) return { ...data, name: type };
  const [issue] = error.issues;
  const wrong = provided.find((option) => keyPathOf(option)[0] === issue?.path[0]);
  const variable = wrong && setVariable(wrong, options, environment);
  throw new ConfigError(
    'ERR_CONFIG_PROOF',
    `${variable ? `the variable ${variable.name}` : 'what the environment says'} does not fit the DNS provider ${type}: ${issue?.message ?? 'correct it'}`,
  );
}

/** Returns true for an option of a choice that some of the options have made. */
function isChosen(option: DnsOption, provided: readonly DnsOption[]): boolean {
  return provided.some(
    (candidate) => candidate.oneOf === option.oneOf && choiceOf(candidate) === choiceOf(option),
  );
}

/** Keeps the first choice of each group, and drops what only the other choices use. */
function withoutSecondChoices(options: readonly DnsOption[]): readonly DnsOption[] {
  const dropped = options.filter((option) => {
    const first = options.find(({ oneOf }) => oneOf === option.oneOf) ?? option;
    return option.oneOf !== undefined && choiceOf(first) !== choiceOf(option);
  });
  const isDropped = (name: string) => dropped.some(({ option }) => option === name);
  return options.filter((option) => !dropped.includes(option) && !option.with?.some(isDropped));
}

/** Lists the choices of a group, each with all its variables. */
function choicesText(group: string, options: readonly DnsOption[]): string {
  const members = options.filter(({ oneOf }) => oneOf === group);
  return [...new Set(members.map(choiceOf))]
    .map((choice) =>
      members
        .filter((option) => choiceOf(option) === choice)
        .map(wanted)
        .join(' with '),
    )
    .join(', ');
}

/**
 * Returns true for a missing option that is needed; in a group of which no choice is made only for
 * the first.
 */
function isNeeded(
  option: DnsOption,
  provided: readonly DnsOption[],
  options: readonly DnsOption[],
): boolean {
  const { option: name, optional, oneOf } = option;
  if (oneOf !== undefined)
    return provided.some((candidate) => candidate.oneOf === oneOf)
      ? isChosen(option, provided) && !optional
      : options.find((candidate) => candidate.oneOf === oneOf) === option;
  return !optional || provided.some((candidate) => candidate.with?.includes(name));
}

/** As acmex.toml would have it. */
function tableOf(
  provided: readonly DnsOption[],
  options: readonly DnsOption[],
  environment: Environment,
): Readonly<Record<string, unknown>> {
  const table: Record<string, unknown> = {};
  for (const option of provided) {
    const [key, , member] = keyPathOf(option);
    const { text = '', isFile = false } = setVariable(option, options, environment) ?? {};
    const value = isFile ? { file: text } : valueOf(option, text);
    table[key] =
      member === undefined
        ? value
        : [{ ...(table[key] as readonly object[] | undefined)?.[0], [member]: value }];
  }
  return table;
}

/** Reads a text as acmex.toml has it; a choice in any case, and with the final dot of lego's. */
function valueOf({ format, choices }: DnsOption, text: string): string | readonly string[] {
  if (format === 'command') return text.split(/\s+/).filter((word) => word !== '');
  const plain = text.toLowerCase().replace(/\.$/, '');
  return choices?.find((choice) => choice.toLowerCase() === plain) ?? text;
}

interface SetVariable {
  readonly name: string;
  readonly text: string;
  /** Its text is the path of a file that has the credential. */
  readonly isFile: boolean;
}

/** Returns the first variable of an option that is set; an empty one counts as not set. */
function setVariable(
  option: DnsOption,
  options: readonly DnsOption[],
  environment: Environment,
): SetVariable | undefined {
  const isSet = (name: string) => (environment[name] ?? '') !== '';
  const direct = option.env.find(isSet);
  const name = direct ?? fileVariables(option, options).find(isSet);
  return name === undefined
    ? undefined
    : { name, text: environment[name] ?? '', isFile: direct === undefined };
}

/** Returns the variables that name a file with a credential: as lego, `_FILE` after each name. */
function fileVariables(option: DnsOption, options: readonly DnsOption[]): readonly string[] {
  if (!option.secret) return [];
  const taken = options.flatMap(({ env }) => env);
  return option.env.map((name) => `${name}_FILE`).filter((name) => !taken.includes(name));
}

function wanted({ env, description }: DnsOption): string {
  return `${env.join(' or ')} (${description.slice(0, 1).toLowerCase()}${description.slice(1)})`;
}

/** Refuses a variable that is set and not read, if other credentials would be used in its place. */
function assertNotIgnored(
  { type, instead = [] }: DnsKind,
  provided: readonly DnsOption[],
  environment: Environment,
): void {
  for (const { variables, use, unless } of instead) {
    const name = variables.find((variable) => (environment[variable] ?? '') !== '');
    const isIgnored = unless?.every((option) => !provided.some((set) => set.option === option));
    if (name !== undefined && isIgnored)
      throw new ConfigError(
        'ERR_CONFIG_PROOF',
        `the DNS provider ${type} does not read the variable ${name}: use ${use}`,
      );
  }
}

/** Says what to use instead of a variable that is set and not read. */
function insteadText({ instead = [] }: DnsKind, environment: Environment): string {
  return instead
    .flatMap(({ variables, use }) => {
      const name = variables.find((variable) => (environment[variable] ?? '') !== '');
      return name === undefined ? [] : [`; instead of ${name} use ${use}`];
    })
    .join('');
}

/** Names what was most likely meant by a name. */
function meantText(name: string, names: readonly string[]): string {
  const meant = nearest(name.toLowerCase(), names);
  return meant === undefined ? '' : ` (did you mean ${meant}?)`;
}

/** Names a variable that is set, and is almost the name of one that is read. */
function misspeltText(options: readonly DnsOption[], environment: Environment): string {
  const names = options.flatMap(({ env }) => env);
  const prefixes = new Set(names.map((name) => name.split('_', 1)[0]?.toUpperCase()));
  for (const name of Object.keys(environment)) {
    const isRelated = prefixes.has(name.split('_', 1)[0]?.toUpperCase());
    const meant =
      names.find((known) => known.toUpperCase() === name.toUpperCase()) ?? nearest(name, names);
    if (isRelated && meant !== undefined && !names.includes(name))
      return ` (${name} is set; did you mean ${meant}?)`;
  }
  return '';
}

function placeText({ links: { credentials, api } }: DnsKind): string {
  const place = credentials ?? api;
  return place === undefined ? '' : `, see ${place}`;
}
