import { type Clock, systemClock } from '@acmex/clock';
import { readFile } from 'node:fs/promises';
import type * as z from 'zod';
import { type Included, withFolder, withoutFolder } from './certificates-folder/included.ts';
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
  /** The paths of the files in `certificates.d` beside it. */
  readonly certificateFiles: readonly string[];
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

/** The same for every configuration. To list them takes longer than to read one. */
let known: readonly ConfigKey[] | undefined;

/**
 * Reads the configuration, and returns its faults instead of throwing them.
 * @throws ConfigError `ERR_CONFIG_FILE`, `ERR_CONFIG_UNSAFE`
 */
export async function checkConfig(options: ReadConfigOptions): Promise<ConfigCheck> {
  const path = await findConfig(options);
  const file = path === undefined ? undefined : await assertTrusted(path);
  const written = file === undefined ? Settings.none() : await settingsIn(file);
  if (!(written instanceof Settings)) return { file, faults: [written] };
  const tables = configTables({
    environment: options.environment,
    clock: options.clock ?? systemClock,
  });
  const keys = () => {
    known ??= configKeys(schemaOf(tables));
    return known;
  };
  const included =
    path === undefined ? withoutFolder(written) : await withFolder(written, path, keys);
  return checked({ file, included, tables, keys }, options);
}

async function settingsIn(file: string): Promise<Settings | Fault> {
  const document = readDocument(await readFile(file, 'utf8'));
  if ('table' in document) return Settings.ofFile(file, document.table, document.places);
  const { line, column } = document.place;
  return {
    key: '',
    origin: { from: 'file', file, line },
    problem: `is not valid TOML at column ${column}`,
    cure: document.cure,
  };
}

interface Sources {
  readonly file: string | undefined;
  readonly included: Included;
  readonly tables: ReturnType<typeof configTables>;
  readonly keys: () => readonly ConfigKey[];
}

function checked(
  { file, included, tables, keys }: Sources,
  options: ReadConfigOptions,
): ConfigCheck {
  const { settings, faults } = readSettings(included.settings, keys, options);
  const { success, data, error } = tables.safeParse(settings.table);
  const perKey = onePerKey([
    ...faults,
    ...faultsOf(error?.issues ?? [], settings, keys),
    ...crossCheckFaults(settings),
    ...proxyVariableFaults(valueAt(settings.table, ['network', 'proxy']), options.environment),
  ]);
  const all = [...perKey.map(included.localFault), ...included.faults];
  if (!success || all.length > 0) return { file, faults: inOrder(all, [file, ...included.files]) };
  const originOf = (path: KeyPath): Origin =>
    valueAt(settings.table, path) === undefined ? { from: 'default' } : settings.originOf(path);
  return {
    file,
    faults: [],
    config: { file, certificateFiles: included.files, values: frozen(data), originOf },
  };
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

/** Returns the first fault of each key. */
function onePerKey(faults: readonly Fault[]): readonly Fault[] {
  return [...new Map(faults.toReversed().map((fault) => [fault.key, fault])).values()].reverse();
}

/** Sorts faults by the order of the files and of their lines, those of no file to the end. */
function inOrder(
  faults: readonly Fault[],
  files: readonly (string | undefined)[],
): readonly Fault[] {
  const orderOf = new Map(files.map((file, index) => [file, index]));
  const place = ({ origin }: Fault): readonly number[] =>
    origin.from === 'file'
      ? [orderOf.get(origin.file) ?? files.length, origin.line ?? 0, origin.column ?? 0]
      : [files.length + 1];
  return faults
    .map((fault) => ({ fault, place: place(fault) }))
    .sort((a, b) => compared(a.place, b.place))
    .map(({ fault }) => fault);
}

function compared(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((number, index) => number !== b[index]);
  return at === -1 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
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
