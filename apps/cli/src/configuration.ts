import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Config, type Override, readConfig, storageOf, valueAt } from '@acmex/config';
import type { Command } from 'commander';
import type { Terminal } from './terminal.ts';

/** The options of a command that reads the configuration. */
export interface Configured {
  readonly configuration: Config;
  /** The command that runs: `acmex renew`. */
  readonly program?: string | undefined;
  /** Reads the configuration again, with the same flags. */
  readonly reconfigure?: (() => Promise<Config>) | undefined;
}

/** The options of a command that has the configuration read elsewhere. */
export interface ConfigurationFlags {
  /** The values that flags set in the configuration. */
  readonly overrides: readonly Override[];
}

interface Setting {
  /** The name of the flag's option in commander. */
  readonly option: string;
  readonly key: readonly string[];
  /** Returns the flag's value for a value of the configuration. */
  readonly toOption?: (value: unknown) => unknown;
}

const portOf = (address: unknown) => Number(/\d+$/.exec(String(address))?.[0]);

/** Flags that take their value from the configuration when they are absent. */
const settings: readonly Setting[] = [
  { option: 'output', key: ['cli', 'output_format'] },
  { option: 'logLevel', key: ['cli', 'log_level'] },
  { option: 'concurrency', key: ['renewal', 'concurrency'] },
  { option: 'perIssuer', key: ['renewal', 'per_issuer'] },
  { option: 'checkInterval', key: ['renewal', 'check_interval'] },
  { option: 'challenge', key: ['challenge', 'challenge_type'] },
  { option: 'challengeDraft', key: ['challenge', 'challenge_draft'] },
  { option: 'httpPort', key: ['challenge', 'http01', 'listen_addr'], toOption: portOf },
  { option: 'webroot', key: ['challenge', 'http01', 'webroot'] },
  { option: 'tlsPort', key: ['challenge', 'tls_alpn', 'listen_addr'], toOption: portOf },
  { option: 'ocsp', key: ['ca', 'ocsp'] },
  { option: 'dnsResolver', key: ['challenge', 'dns01', 'resolvers'] },
];

interface OverridingFlag {
  readonly option: string;
  readonly key: string;
  /** Returns the configuration's value for a value of the flag. */
  readonly toValue?: (value: unknown) => unknown;
}

/** Flags that override a key of the configuration. */
const overridingFlags: readonly OverridingFlag[] = [
  { option: 'storage', key: 'storage.url' },
  {
    option: 'encryptionKeyFile',
    key: 'storage.encrypted.encryption_key',
    toValue: (file) => ({ file }),
  },
  { option: 'renewBeforeDays', key: 'renewal.renew_before_days' },
  { option: 'checkInterval', key: 'renewal.check_interval' },
  { option: 'addr', key: 'server.listen_addr' },
  { option: 'logLevel', key: 'cli.log_level' },
  { option: 'logFile', key: 'cli.log_file' },
  { option: 'proxy', key: 'network.proxy' },
  { option: 'metricsListen', key: 'metrics.listen_addr' },
  { option: 'metricsListen', key: 'metrics.enabled', toValue: () => true },
];

/**
 * Sets the options `configuration` and `reconfigure` of a command, and the options of absent flags
 * that the configuration has values for.
 * @throws ConfigError as `readConfig`
 */
export async function configure(command: Command, terminal: Terminal): Promise<void> {
  const file = command.opts<{ readonly config?: string }>().config;
  const overrides = overridesOf(command);
  const reconfigure = async () =>
    await readConfig({ ...placesOf(terminal), file, environment: terminal.env, overrides });
  const configuration = await reconfigure();
  command.setOptionValue('configuration', configuration);
  command.setOptionValue('reconfigure', reconfigure);
  command.setOptionValue('program', nameOf(command));
  for (const { option, key, toOption = (value: unknown) => value } of settings) {
    if (isPresent(command, option) || configuration.originOf(key).from === 'default') continue;
    if (command.options.some((candidate) => candidate.attributeName() === option))
      command.setOptionValueWithSource(
        option,
        toOption(valueAt(configuration.values, key)),
        'config',
      );
  }
}

/** Returns the words of a command: `acmex account list`. */
function nameOf(command: Command): string {
  return command.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name();
}

/** Sets the option `overrides` of a command, which has the configuration read elsewhere. */
export function setOverrides(command: Command): void {
  command.setOptionValue('overrides', overridesOf(command));
}

function overridesOf(command: Command): readonly Override[] {
  const options = command.opts<Readonly<Record<string, unknown>>>();
  return overridingFlags
    .filter(({ option }) => isPresent(command, option))
    .map(({ option, key, toValue = (value: unknown) => value }) => ({
      flag: command.options.find((candidate) => candidate.attributeName() === option)?.long ?? '',
      key,
      value: toValue(options[option]),
    }));
}

/** Reports whether a flag is on the command line, or implied by one that is. */
function isPresent(command: Command, option: string): boolean {
  return /^(cli|implied)$/.test(command.getOptionValueSource(option) ?? '');
}

/** Returns the folders in which a configuration file is searched. */
export function placesOf({ env }: Pick<Terminal, 'env'>): {
  readonly cwd: string;
  readonly home: string;
} {
  return { cwd: process.cwd(), home: env.HOME ?? homedir() };
}

/** Returns the default configuration with a storage. Reads no file and no variable. */
export async function plainConfiguration(storage: string): Promise<Config> {
  return await readConfig({
    ...placesOf({ env: {} }),
    file: false,
    environment: {},
    overrides: [{ flag: '--storage', key: 'storage.url', value: storage }],
  });
}

/**
 * Returns the default folder of the storage: `/var/lib/acmex` for root, `$XDG_STATE_HOME/acmex` for
 * other users.
 */
export function dataDirectory({ env, uid }: Pick<Terminal, 'env' | 'uid'>): string {
  return uid === 0
    ? '/var/lib/acmex'
    : join(env.XDG_STATE_HOME ?? join(env.HOME ?? homedir(), '.local', 'state'), 'acmex');
}

/** Reports whether two configurations have the same storage. */
export function haveSameStorage(first: Config, second: Config): boolean {
  return JSON.stringify(storageOf(first)) === JSON.stringify(storageOf(second));
}
