import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Config, type Override, readConfig, storageOf, valueAt } from '@acmex/config';
import type { Command } from 'commander';
import type { Terminal } from './terminal.ts';

/** What every command has that obeys a configuration. */
export interface Configured {
  readonly configuration: Config;
  /** Reads it again, with the same flags. */
  readonly reconfigure?: (() => Promise<Config>) | undefined;
  /** What flags say of it. */
  readonly overrides?: readonly Override[] | undefined;
}

interface Setting {
  /** As commander calls the flag's value. */
  readonly option: string;
  readonly key: readonly string[];
  readonly as?: (value: unknown) => unknown;
}

/** Flags whose value a configuration can give. */
const settings: readonly Setting[] = [
  { option: 'output', key: ['cli', 'output_format'] },
  { option: 'json', key: ['cli', 'output_format'], as: (format) => format === 'json' },
  { option: 'logLevel', key: ['cli', 'log_level'] },
  { option: 'concurrency', key: ['renewal', 'concurrency'] },
  { option: 'perIssuer', key: ['renewal', 'per_issuer'] },
  { option: 'checkInterval', key: ['renewal', 'check_interval'] },
  { option: 'challenge', key: ['challenge', 'challenge_type'] },
  { option: 'challengeDraft', key: ['challenge', 'challenge_draft'] },
  {
    option: 'httpPort',
    key: ['challenge', 'http01', 'listen_addr'],
    as: (place) => Number(/\d+$/.exec(String(place))?.[0]),
  },
  { option: 'webroot', key: ['challenge', 'http01', 'webroot'] },
  {
    option: 'tlsPort',
    key: ['challenge', 'tls_alpn', 'listen_addr'],
    as: (place) => Number(/\d+$/.exec(String(place))?.[0]),
  },
  { option: 'dnsResolver', key: ['challenge', 'dns01', 'resolvers'] },
];

/** Flags that a configuration has keys for, and that are the strongest word on them. */
const overrides: readonly {
  readonly option: string;
  readonly key: string;
  readonly as?: (value: unknown) => unknown;
}[] = [
  { option: 'storage', key: 'storage.url' },
  {
    option: 'encryptionKeyFile',
    key: 'storage.encrypted.encryption_key',
    as: (file) => ({ file }),
  },
  { option: 'renewBeforeDays', key: 'renewal.renew_before_days' },
  { option: 'addr', key: 'server.listen_addr' },
];

/**
 * Reads the configuration for a command, and gives its values to the flags that were not given.
 * @throws ConfigError as `readConfig`
 */
export async function configure(command: Command, terminal: Terminal): Promise<void> {
  const options = command.opts<Readonly<Record<string, unknown>>>();
  const given = (option: string) => command.getOptionValueSource(option) === 'cli';
  const flagOf = (option: string) =>
    command.options.find((one) => one.attributeName() === option)?.long ?? option;
  const strongest = overrides
    .filter(({ option }) => given(option))
    .map(({ option, key, as = (value: unknown) => value }): Override => ({
      flag: flagOf(option),
      key,
      value: as(options[option]),
    }));
  const reconfigure = async () =>
    await readConfig({
      ...placesOf(terminal),
      file: options.config as string | undefined,
      environment: terminal.env,
      overrides: strongest,
    });
  const configuration = await reconfigure();
  command.setOptionValue('configuration', configuration);
  command.setOptionValue('reconfigure', reconfigure);
  command.setOptionValue('overrides', strongest);
  for (const { option, key, as = (value: unknown) => value } of settings) {
    if (given(option) || configuration.originOf(key).from === 'default') continue;
    if (command.options.some((one) => one.attributeName() === option))
      command.setOptionValueWithSource(option, as(valueAt(configuration.values, key)), 'config');
  }
}

/** Where a configuration is looked for. */
export function placesOf({ env }: Pick<Terminal, 'env'>): {
  readonly cwd: string;
  readonly home: string;
} {
  return { cwd: process.cwd(), home: env.HOME ?? homedir() };
}

/** Everything at its default, but for the storage. No file is read, and no variable. */
export async function plainConfiguration(storage: string): Promise<Config> {
  return await readConfig({
    ...placesOf({ env: {} }),
    file: false,
    environment: {},
    overrides: [{ flag: '--storage', key: 'storage.url', value: storage }],
  });
}

/** Where files are kept when nobody says where: `/var/lib/acmex` for root, `$XDG_STATE_HOME/acmex` for others. */
export function dataDirectory({ env, uid }: Pick<Terminal, 'env' | 'uid'>): string {
  return uid === 0
    ? '/var/lib/acmex'
    : join(env.XDG_STATE_HOME ?? join(env.HOME ?? homedir(), '.local', 'state'), 'acmex');
}

/** Whether two configurations keep everything in the same place. */
export function sameStorage(one: Config, other: Config): boolean {
  return JSON.stringify(storageOf(one)) === JSON.stringify(storageOf(other));
}
