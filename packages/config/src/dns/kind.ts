import type { DnsProvider } from '@acmex/dns';

/** An option of a provider: an item of `acmex.dns.credentials` in its package.json. */
export interface DnsOption<Path extends string = string> {
  /**
   * Its path in the options of the factory: `apiKey`, `key.name`, `accounts.0.password`, where 0
   * means every item.
   */
  readonly option: Path;
  /**
   * As acmex.toml calls it; by default the option in snake_case, without `credentials.` before it.
   */
  readonly key?: string;
  /** Environment variables that set it without a configuration; the first that is set wins. */
  readonly env: readonly string[];
  readonly optional?: boolean;
  readonly secret?: boolean;
  /**
   * Text by default; a command is a program with its arguments, a region the name of a place of a
   * cloud.
   */
  readonly format?: 'url' | 'path' | 'command' | 'region';
  readonly choices?: readonly [string, ...string[]];
  /** The options without which it is of no use. */
  readonly with?: readonly Path[];
  /** Of all that have the same word here exactly one is needed; see `choiceOf`. */
  readonly oneOf?: string;
  /** For a person, without a full stop. */
  readonly description: string;
}

/** A kind of DNS host, as the package.json of its provider describes it. */
export interface DnsKind<Path extends string = string> {
  /** As `type` in `[[challenge.dns01.providers]]`. */
  readonly type: string;
  readonly title: string;
  /** What lego and acme.sh call it, for the error that names ours. */
  readonly foreignNames?: readonly string[];
  /** What has to be installed. */
  readonly package: string;
  readonly options: readonly DnsOption<Path>[];
  /** It runs a program, to which parts of the environment can be given. */
  readonly environment?: boolean;
  /** It needs a person: it cannot be configured, because renewals run without one. */
  readonly attended?: boolean;
  /** Variables of lego and acme.sh that are not read, and what to use instead. */
  readonly instead?: readonly {
    readonly variables: readonly string[];
    readonly use: string;
    /**
     * Without one of these options the provider would act with other credentials than the variable
     * names, so that it is refused.
     */
    readonly unless?: readonly string[];
  }[];
  readonly links: { readonly api?: string; readonly credentials?: string };
}

/** A kind with the code that it is opened by. */
export interface OpenableDnsKind extends DnsKind {
  readonly load: () => Promise<(options: Readonly<Record<string, unknown>>) => DnsProvider>;
}

/** The paths below an option: the members of an object, or of the items of a list. */
type Below<Value> = Value extends (...args: never) => unknown
  ? never
  : Value extends readonly (infer One)[]
    ? One extends string
      ? never
      : `0.${keyof One & string}`
    : Value extends object
      ? keyof Value & string
      : never;
type OptionPath<Options> = {
  [Key in keyof Options & string]-?: Key | `${Key}.${Below<NonNullable<Options[Key]>>}`;
}[keyof Options & string];

/**
 * A kind whose options the factory knows, every one: what package.json says otherwise, the compiler
 * refuses.
 */
export function dnsKind<Options>(
  kind: DnsKind<OptionPath<NonNullable<Options>>> & {
    readonly load: () => Promise<(options: Options) => DnsProvider>;
  },
): OpenableDnsKind {
  // Which values fit is what the schema of the configuration says, which is made from the same.
  return kind as unknown as OpenableDnsKind;
}

/**
 * As acmex.toml calls an option: the names of its tables and its own; `0` for any item of a list.
 */
export function keyPathOf({
  option,
  key,
}: Pick<DnsOption, 'option' | 'key'>): readonly [string, ...string[]] {
  const [table, item, member] = option.split('.');
  if (table !== undefined && item === '0' && member !== undefined)
    return [snake(table), '0', key ?? snake(member)];
  return [key ?? snake(option.replace(/^credentials\./, ''))];
}

/** Returns what an option chooses in its group: itself, or the list that it is a member of. */
export function choiceOf({ option }: Pick<DnsOption, 'option'>): string {
  return option.replace(/\.0\..*$/, '');
}

function snake(text: string): string {
  return text.replaceAll('.', '_').replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
