import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Command } from 'commander';
import { commandLine } from './program.ts';

interface RecordedFlag {
  readonly default?: unknown;
  readonly choices?: readonly string[];
  readonly mandatory?: true;
}
interface RecordedCommand {
  readonly arguments: readonly string[];
  readonly flags: Readonly<Record<string, RecordedFlag>>;
}

/**
 * The command line of the first release: scripts and units of users rely on it. Add to it, never
 * remove from it.
 */
const recorded = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/command-line.json'), 'utf8'),
) as Readonly<Record<string, RecordedCommand>>;

const noOutput = { write: () => true };
const program = commandLine('', { stdout: noOutput, stderr: noOutput } as never);

function leaves(command: Command, path: string): readonly (readonly [string, Command])[] {
  return command.commands.length === 0
    ? [[path, command]]
    : command.commands.flatMap((inner) => leaves(inner, `${path} ${inner.name()}`));
}
const commands = new Map(leaves(program, 'acmex'));

describe('the command line', () => {
  it.each(Object.entries(recorded))(
    'still has %s with its arguments, flags, choices and defaults',
    (path, { arguments: args, flags }) => {
      const command = commands.get(path);
      const actual = command?.registeredArguments.map((argument) => {
        const name = argument.variadic ? `${argument.name()}...` : argument.name();
        return argument.required ? `<${name}>` : `[${name}]`;
      });
      // An argument that was required may be optional now.
      const permitted = args.map((argument) => [argument, argument.replace(/^<(.*)>$/, '[$1]')]);
      for (const [index, forms] of permitted.entries()) expect(forms).toContain(actual?.[index]);
      // What is added must not be required.
      expect(actual?.slice(args.length).filter((argument) => argument.startsWith('<'))).toEqual([]);
      for (const [flag, { default: value, choices = [], mandatory = false }] of Object.entries(
        flags,
      )) {
        const option = command?.options.find(({ flags: syntax }) => syntax === flag);
        expect({ flag, value: option?.defaultValue }).toEqual({ flag, value });
        // A flag that was optional stays optional.
        expect(mandatory || option?.mandatory === false).toBe(true);
        expect(option?.argChoices ?? []).toEqual(expect.arrayContaining([...choices]));
      }
    },
  );
});
