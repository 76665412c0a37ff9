import type { StoreKind } from '@acmex/trust-stores';
import { InvalidArgumentError } from 'commander';
import { command } from './command.ts';
import { isPresent, parsed, text } from './flag.ts';
import { loggingFlags, outputFlags } from './flag-groups.ts';
import { list } from './values.ts';

const storeKinds: readonly StoreKind[] = ['system', 'chrome', 'firefox', 'java'];

/** Adds kinds of stores to those of the flags before it. */
function kinds(value: string, before: readonly StoreKind[] = []): readonly StoreKind[] {
  const chosen = list(value).map((name) => storeKinds.find((kind) => kind === name));
  const known = chosen.filter((kind) => kind !== undefined);
  if (known.length < chosen.length || known.length === 0)
    throw new InvalidArgumentError(`Allowed choices are ${storeKinds.join(', ')}.`);
  return [...before, ...known];
}

export const trustCommands = [
  command({
    path: 'trust',
    description:
      'Let this machine trust the local CA, whose certificates are for development: add its root to the stores of the system, Chrome, Firefox and Java. Shows what it will do, and asks. Exit code 9 where a part of the stores could not be changed',
    flags: {
      undo: isPresent(
        '--undo',
        'Remove the root from the stores, with former ones that acmex trust has added',
      ),
      check: {
        ...isPresent(
          '--check',
          'Show which stores trust the root, and change nothing; exit code 10 unless all that are available do',
        ),
        conflicts: ['undo', 'yes'],
      },
      store: parsed(
        '--store <kinds>',
        `Only stores of these kinds: ${storeKinds.join(', ')}; repeatable`,
        kinds,
      ),
      root: text('--root <file>', 'PEM file of the root of a different CA'),
      yes: isPresent('-y, --yes', 'Change the stores without a question'),
    },
    groups: [outputFlags, loggingFlags],
    run: async ({ options, terminal }) =>
      await (await import('../trust-stores/trust.ts')).trust(options, terminal),
  }),
];
