import type { Command } from 'commander';
import type { Configured, ConfigurationFlags } from '../configuration.ts';
import type { Terminal } from '../terminal.ts';
import { type FlagGroup, type Flags, type OptionsOf, toOption } from './flag.ts';

/**
 * What a command needs of the configuration: `configuration`, read and checked, and its values in
 * the flags that are absent; or `overrides`, only what flags override in it, because the command
 * reads it itself.
 */
export type Need = 'configuration' | 'overrides';

interface Needed {
  configuration: Configured;
  overrides: ConfigurationFlags;
  nothing: unknown;
}

type Intersection<U> = (U extends unknown ? (each: U) => void : never) extends (
  all: infer I,
) => void
  ? I
  : never;

type GroupOptions<G> = G extends FlagGroup ? OptionsOf<G['flags']> : never;

/** What a command is called with. */
export interface Invocation<Options> {
  readonly options: Options;
  /** The first argument; empty for a command without arguments. */
  readonly argument: string;
  readonly args: readonly string[];
  readonly terminal: Terminal;
  readonly version: string;
}

interface Description {
  /** The words after `acmex`: `account list`. */
  readonly path: string;
  /** `<name>`, or `[name...]` for any number. */
  readonly argument?: string;
  /** An imperative sentence, without its full stop. */
  readonly description: string;
  readonly groups?: readonly FlagGroup[];
  readonly flags?: Flags;
  readonly needs?: Need;
  /** Runs when the words before its last one are a whole command line. */
  readonly isDefault?: boolean;
}

/** A command of the table: its code is loaded when it runs. */
export interface CommandDefinition extends Description {
  /**
   * Runs before the configuration is read.
   * @returns the exit code of a command that is done; undefined for one that has to run
   */
  begin?(command: Command, context: { readonly terminal: Terminal }): Promise<number | undefined>;
  /** @returns the exit code, unless it is 0 */
  run(command: Command, context: Omit<Invocation<unknown>, 'options'>): Promise<number | void>;
}

/** Describes a command. Its flags give the type of its options. */
export function command<
  const G extends readonly FlagGroup[] = readonly [],
  const F extends Flags = Readonly<Record<never, never>>,
  const N extends Need | 'nothing' = 'nothing',
>({
  begin,
  run,
  ...description
}: Omit<Description, 'groups' | 'flags' | 'needs'> & {
  readonly groups?: G;
  readonly flags?: F;
  readonly needs?: N & Need;
  readonly begin?: (
    invocation: Pick<
      Invocation<Intersection<GroupOptions<G[number]>> & OptionsOf<F>>,
      'options' | 'terminal'
    >,
  ) => Promise<number | undefined>;
  readonly run: (
    invocation: Invocation<Intersection<GroupOptions<G[number]>> & OptionsOf<F> & Needed[N]>,
  ) => Promise<number | void>;
}): CommandDefinition {
  return {
    ...description,
    ...(begin
      ? { begin: async (parsed, { terminal }) => await begin({ options: parsed.opts(), terminal }) }
      : {}),
    run: async (parsed, context) => await run({ options: parsed.opts(), ...context }),
  };
}

/**
 * Adds the commands of a table to a program.
 * @param runs is called with a command, before it is loaded
 */
export function addCommands(
  program: Command,
  definitions: readonly CommandDefinition[],
  {
    groups,
    run,
  }: {
    /** The description of each first word that has commands below it. */
    readonly groups: Readonly<Record<string, string>>;
    run(definition: CommandDefinition, parsed: Command, args: readonly string[]): Promise<void>;
  },
): void {
  for (const definition of definitions) {
    const words = definition.path.split(' ');
    const name = words.pop() ?? '';
    const parent = parentOf(program, words, groups);
    const { argument = '', description, isDefault = false } = definition;
    const added = parent
      .command(`${name} ${argument}`.trim(), { isDefault })
      .description(description)
      .copyInheritedSettings(program)
      .showHelpAfterError(`(see acmex ${definition.path} --help)`);
    for (const [option, flag] of Object.entries(definition.flags ?? {}))
      added.addOption(toOption(option, flag));
    for (const group of definition.groups ?? [])
      for (const [option, flag] of Object.entries(group.flags))
        added.addOption(toOption(option, flag, group));
    added.action(async () => {
      await run(definition, added, added.args);
    });
  }
}

function parentOf(
  program: Command,
  words: readonly string[],
  groups: Readonly<Record<string, string>>,
): Command {
  let parent = program;
  for (const [index, word] of words.entries()) {
    const path = words.slice(0, index + 1).join(' ');
    parent =
      parent.commands.find((candidate) => candidate.name() === word) ??
      parent
        .command(word)
        .description(groups[path] ?? '')
        .copyInheritedSettings(program)
        .showHelpAfterError(`(see acmex ${path} --help)`);
  }
  return parent;
}
