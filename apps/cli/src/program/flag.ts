import { Option } from 'commander';

/** A flag of a command, with the type of its value. */
export interface Flag<T> {
  /** As commander has it: `-d, --domains <names>`. */
  readonly syntax: string;
  readonly description: string;
  readonly choices?: readonly string[];
  readonly default?: T;
  /** The default as the help shows it. */
  readonly defaultText?: string;
  readonly isRequired?: boolean;
  /** Values of other flags that this flag sets, unless they are present themselves. */
  readonly implies?: Readonly<Record<string, unknown>>;
  /** The options of flags that it cannot be used with. Its default conflicts with none. */
  readonly conflicts?: readonly string[];
  /** @param before the value of the same flag before it on the command line */
  parse?(text: string, before: T | undefined): T;
}

/** Flags by the name of the option that each gives: `certPath` for `--cert-path`. */
export type Flags = Readonly<Record<string, Flag<unknown>>>;

/** Flags that several commands have, with their heading in the help. */
export interface FlagGroup {
  readonly title: string;
  readonly description: string;
  readonly flags: Flags;
}

/** The options that a command gets from flags. */
export type OptionsOf<F extends Flags> = {
  readonly [Name in keyof F]: F[Name] extends Flag<infer T> ? T : never;
};

/** A flag with a text; with a default it always has a value. */
export function text(syntax: string, description: string): Flag<string | undefined>;
export function text(syntax: string, description: string, value: string): Flag<string>;
export function text(syntax: string, description: string, value?: string) {
  return { syntax, description, ...(value === undefined ? {} : { default: value }) };
}

export function requiredText(syntax: string, description: string): Flag<string> {
  return { syntax, description, isRequired: true };
}

/** A flag without a value. */
export function isPresent(syntax: string, description: string): Flag<boolean | undefined> {
  return { syntax, description };
}

/** A flag with one of some values. */
export function choice<const T extends string>(
  syntax: string,
  description: string,
  choices: readonly T[],
): Flag<T | undefined>;
export function choice<const T extends string>(
  syntax: string,
  description: string,
  choices: readonly T[],
  value: NoInfer<T>,
): Flag<T>;
export function choice(
  syntax: string,
  description: string,
  choices: readonly string[],
  value?: string,
) {
  return {
    ...text(syntax, description),
    choices,
    ...(value === undefined ? {} : { default: value }),
  };
}

/** A flag whose value is parsed. */
export function parsed<T>(
  syntax: string,
  description: string,
  parse: (text: string, before: T | undefined) => T,
): Flag<T | undefined>;
export function parsed<T>(
  syntax: string,
  description: string,
  parse: (text: string, before: T | undefined) => T,
  value: T,
  valueText?: string,
): Flag<T>;
export function parsed<T>(
  syntax: string,
  description: string,
  parse: (text: string, before: T | undefined) => T,
  value?: T,
  valueText?: string,
) {
  return {
    syntax,
    description,
    parse,
    ...(value === undefined ? {} : { default: value }),
    ...(valueText === undefined ? {} : { defaultText: valueText }),
  };
}

/** Returns a flag as commander has it. @param name the option that it gives */
export function toOption(name: string, flag: Flag<unknown>, group?: FlagGroup): Option {
  const option = new Option(flag.syntax, flag.description);
  if (option.attributeName() !== name)
    throw new TypeError(`the flag ${flag.syntax} is listed as ${name}`);
  option.default(flag.default, flag.defaultText);
  option.makeOptionMandatory(flag.isRequired ?? false);
  if (flag.choices) option.choices(flag.choices);
  if (flag.parse) option.argParser((value, before: unknown) => flag.parse?.(value, before));
  if (flag.implies) option.implies(flag.implies);
  if (flag.conflicts) option.conflicts([...flag.conflicts]);
  if (group) option.helpGroup(`${group.title}:`);
  return option;
}
