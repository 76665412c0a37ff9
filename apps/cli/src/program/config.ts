import { type Command, Option } from 'commander';
import type { ConfigOptions } from '../config/config.ts';
import type { Terminal } from '../terminal.ts';
import { configFile } from './flags.ts';

export function addConfigCommands(program: Command, terminal: Terminal): void {
  const group = program.command('config').description('look at acmex.toml, and at what holds');
  const add = (name: string, description: string) =>
    group
      .command(name)
      .description(description)
      .copyInheritedSettings(program)
      .showHelpAfterError(`(see acmex config ${name} --help)`);
  const withFile = (command: Command) =>
    command
      .option('--config <file>', configFile)
      .addOption(
        new Option('-o, --output <format>', 'how to write the result')
          .choices(['text', 'json', 'csv'])
          .default('text'),
      );
  withFile(add('check', 'find every fault of the configuration')).action(
    async (options: ConfigOptions) =>
      (await import('../config/config.ts')).check(options, terminal),
  );
  withFile(add('show', 'show every value that holds, without credentials'))
    .option('--origin', 'and where each came from')
    .action(async (options: ConfigOptions) =>
      (await import('../config/config.ts')).show(options, terminal),
    );
  add('schema', 'write the JSON Schema of the configuration, for editors').action(
    async (options: unknown) => (await import('../config/config.ts')).schema(options, terminal),
  );
}
