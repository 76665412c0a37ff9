import { command } from './command.ts';
import { isPresent } from './flag.ts';
import { configurationFlags, networkFlags, outputFlags } from './flag-groups.ts';

// They show a configuration with faults too, and so read it themselves.
export const configCommands = [
  command({
    path: 'config check',
    description: 'Report every fault of the configuration',
    groups: [configurationFlags, outputFlags],
    run: async ({ options, terminal }) =>
      await (await import('../config/config.ts')).check(options, terminal),
  }),
  command({
    path: 'config show',
    description: 'Show every value in effect, without credentials',
    needs: 'overrides',
    flags: { origin: isPresent('--origin', 'Also show the source of each value') },
    groups: [configurationFlags, networkFlags, outputFlags],
    run: async ({ options, terminal }) =>
      await (await import('../config/config.ts')).show(options, terminal),
  }),
  command({
    path: 'config schema',
    description: 'Write the JSON Schema of the configuration, for editors',
    run: async ({ terminal }) => await (await import('../config/config.ts')).schema(terminal),
  }),
];
