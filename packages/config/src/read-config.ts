import { type Clock, systemClock } from '@acmex/clock';
import { readFile } from 'node:fs/promises';
import type * as z from 'zod';
import { type ConfigKey, configKeys } from './config-keys.ts';
import { crossCheckFaults } from './cross-checks/cross-checks.ts';
import { withoutHalfAccount } from './cross-checks/issuers.ts';
import { withOneStorage } from './cross-checks/storage.ts';
import { invalid } from './errors.ts';
import type { Fault, Origin } from './fault.ts';
import { findConfig, type Places } from './find-config.ts';
import { faultsOf } from './issue-faults.ts';
import { proxyVariableFaults } from './network.ts';
import { inNormalForm, withVariables } from './normal-form.ts';
import { type Override, withEnvironment, withOverrides } from './overridden.ts';
import { configTables, schemaOf } from './schema.ts';
import { Secret } from './secret.ts';
import { type KeyPath, valueAt, Settings } from './settings.ts';
import type { Environment } from './substitution.ts';
import { readDocument } from './toml/document.ts';
import { assertTrusted } from './trusted-file.ts';

export interface ReadConfigOptions extends Places {
  /** An application passes `process.env`. */
  readonly environment: Environment;
  /** The values of flags, which take precedence. */
  readonly overrides?: readonly Override[];
  readonly clock?: Clock;
}

/** The values of a configuration, named as in the file, with defaults. */
export type ConfigValues = Frozen<z.output<ReturnType<typeof configTables>>>;

/** A configuration without a fault. */
export interface Config {
  /** Its real path; undefined where there is none. */
  readonly file: string | undefined;
  readonly values: ConfigValues;
  /**
   * Returns the source of a value, such as `['acme', 'contact']`; `default` where it is not set.
   */
  originOf(path: KeyPath): Origin;
}

/** A configuration, or all of its faults. */
export type ConfigCheck =
  | { readonly file: string | undefined; readonly config: Config; readonly faults: readonly [] }
  | {
      readonly file: string | undefined;
      readonly config?: never;
      readonly faults: readonly Fault[];
    };

/**
 * Reads the configuration: flags before `ACMEX_*` before the file before defaults. Credentials are
 * not read yet.
 * @throws ConfigError `ERR_CONFIG_INVALID` with all faults at once, `ERR_CONFIG_FILE`,
 * `ERR_CONFIG_UNSAFE`
 */
export async function readConfig(options: ReadConfigOptions): Promise<Config> {
  const { config, faults } = await checkConfig(options);
  if (config) return config;
  throw invalid(faults);
}

/**
 * Reads the configuration, and returns its faults instead of throwing them.
 * @throws ConfigError `ERR_CONFIG_FILE`, `ERR_CONFIG_UNSAFE`
 */
export async function checkConfig(options: ReadConfigOptions): Promise<ConfigCheck> {
  const path = await findConfig(options);
  const file = path === undefined ? undefined : await assertTrusted(path);
  const written = file === undefined ? Settings.none() : await settingsIn(file);
  return written instanceof Settings
    ? checked(file, written, options)
    : { file, faults: [written] };
}

async function settingsIn(file: string): Promise<Settings | Fault> {
  const document = readDocument(file, await readFile(file, 'utf8'));
  return 'table' in document ? Settings.ofFile(file, document.table, document.lines) : document;
}

function checked(
  file: string | undefined,
  written: Settings,
  options: ReadConfigOptions,
): ConfigCheck {
  const tables = configTables({
    environment: options.environment,
    clock: options.clock ?? systemClock,
  });
  let known: readonly ConfigKey[] | undefined;
  const keys = () => {
    known ??= configKeys(schemaOf(tables));
    return known;
  };
  const { settings, faults } = readSettings(written, keys, options);
  const { success, data, error } = tables.safeParse(settings.table);
  const all = onePerKey([
    ...faults,
    ...faultsOf(error?.issues ?? [], settings, keys),
    ...crossCheckFaults(settings),
    ...proxyVariableFaults(valueAt(settings.table, ['network', 'proxy']), options.environment),
  ]);
  if (!success || all.length > 0) return { file, faults: all };
  const originOf = (path: KeyPath): Origin =>
    valueAt(settings.table, path) === undefined ? { from: 'default' } : settings.originOf(path);
  return { file, faults: [], config: { file, values: frozen(data), originOf } };
}

/** Merges the sources by their precedence. */
function readSettings(
  written: Settings,
  keys: () => readonly ConfigKey[],
  { environment, overrides = [], cwd }: ReadConfigOptions,
): { readonly settings: Settings; readonly faults: readonly Fault[] } {
  const substituted = withVariables(written, environment);
  const named = inNormalForm(substituted.settings);
  const surrounded = withEnvironment(named.settings, keys, environment, cwd);
  return {
    settings: withoutHalfAccount(
      withOneStorage(withOverrides(surrounded.settings, keys, overrides, cwd)),
    ),
    faults: [...substituted.faults, ...named.faults, ...surrounded.faults],
  };
}

/** Returns the first fault of each key, in the order of the file. */
function onePerKey(faults: readonly Fault[]): readonly Fault[] {
  const first = new Map(faults.toReversed().map((fault) => [fault.key, fault]));
  const line = ({ origin }: Fault) => (origin.from === 'file' ? origin.line : Infinity);
  return [...first.values()]
    .reverse()
    .sort((a, b) => (line(a) === line(b) ? 0 : line(a) - line(b)));
}

/** A type whose values are frozen at every depth. */
export type Frozen<T> = T extends Secret | string | number | boolean | undefined
  ? T
  : { readonly [Key in keyof T]: Frozen<T[Key]> };

/** Freezes a value at every depth. */
export function frozen<T>(value: T): Frozen<T>;
export function frozen(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Secret) return value;
  for (const child of Object.values(value)) frozen(child);
  return Object.freeze(value);
}
