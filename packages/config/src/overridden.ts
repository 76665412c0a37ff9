import type { ConfigKey } from './config-keys.ts';
import type { Fault } from './fault.ts';
import type { Result } from './normal-form.ts';
import type { Settings } from './settings.ts';
import type { Environment } from './substitution.ts';
import { absolute, absoluteUrl, variablesOf, variableValue } from './variables.ts';

/** A value from a command line. */
export interface Override {
  /** As `--storage`. */
  readonly flag: string;
  /** As `storage.url`. */
  readonly key: string;
  /** Undefined where the flag is not used. */
  readonly value: unknown;
}

/**
 * Returns the settings with the values of `ACMEX_*` variables. An empty variable counts as not set.
 */
export function withEnvironment(
  settings: Settings,
  keys: () => readonly ConfigKey[],
  environment: Environment,
  cwd: string,
): Result {
  const faults: Fault[] = [];
  // To know all keys takes longer than to read a configuration.
  if (!Object.keys(environment).some((name) => name.startsWith('ACMEX_')))
    return { settings, faults };
  const changed = keys().reduce((before, key) => {
    const set = variablesOf(key).flatMap((variable) =>
      fromVariable(variable, key, environment, cwd),
    );
    const [first, ...more] = set;
    if (!first) return before;
    const different = more.find(({ text }) => text !== first.text);
    if (different)
      faults.push({
        key: key.path.join('.'),
        origin: { from: 'environment', variable: different.variable },
        problem: `is set by ${first.variable} too, and differently`,
        cure: `unset one of them`,
      });
    return before.with(key.path, first.value, { from: 'environment', variable: first.variable });
  }, settings);
  return { settings: changed, faults };
}

interface Given {
  readonly variable: string;
  readonly text: string;
  readonly value: unknown;
}

function fromVariable(
  variable: string,
  key: ConfigKey,
  environment: Environment,
  cwd: string,
): readonly Given[] {
  const text = environment[variable];
  if (text) return [{ variable, text, value: variableValue(text, key, cwd) }];
  const file = key.schema.writeOnly === true ? environment[`${variable}_FILE`] : undefined;
  return file
    ? [
        {
          variable: `${variable}_FILE`,
          text: file,
          value: { file: absolute(file, { format: 'path' }, cwd) },
        },
      ]
    : [];
}

/**
 * Returns the settings with the values of flags.
 * @throws RangeError for a key that does not exist: a fault of the program
 */
export function withOverrides(
  settings: Settings,
  keys: () => readonly ConfigKey[],
  overrides: readonly Override[],
  cwd: string,
): Settings {
  return overrides
    .filter(({ value }) => value !== undefined)
    .reduce((before, { flag, key: name, value }) => {
      const key = keys().find(({ path }) => path.join('.') === name);
      if (!key)
        throw new RangeError(`${flag} sets ${name}, which is not a key of the configuration`);
      const placed =
        name === 'storage.url' && typeof value === 'string'
          ? absoluteUrl(value, cwd)
          : absolute(value, key.schema, cwd);
      return before.with(key.path, placed, { from: 'flag', flag });
    }, settings);
}
