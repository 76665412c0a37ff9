import type { DeployTarget } from '@acmex/deploy';
import type { Network } from '@acmex/protocol/node';
import { connectionOptions } from '../connection-options.ts';
import { ConfigError } from '../errors.ts';
import { loaded } from '../loaded.ts';
import type { Config } from '../read-config.ts';
import { Secret, secretsIn } from '../secret.ts';
import type { Environment } from '../substitution.ts';
import type { OpenableDeployKind } from './kind.ts';
import { deployKinds } from './kinds.ts';
import {
  type DeployOptionValue,
  type DeployProbe,
  deployProbeOf,
  type DeployTargetDescription,
  keyOf,
} from './target.ts';

export interface OpenDeployTargetOptions {
  readonly config: Pick<Config, 'values'>;
  /** A target that runs a program passes PATH, HOME, LANG and TZ of it. */
  readonly environment: Environment;
  /** How APIs are reached; directly by default. */
  readonly network?: Network | undefined;
  /** The targets that the error of an unknown name lists; all of the configuration by default. */
  readonly listed?: readonly string[] | undefined;
}

/** A deploy target of the configuration. */
export interface OpenedDeployTarget {
  readonly target: DeployTarget;
  readonly probe?: DeployProbe | undefined;
  /**
   * Reads every credential of the target once, whether it is used or not.
   * @throws ConfigError `ERR_CONFIG_CREDENTIAL`
   */
  readonly readCredentials: () => Promise<void>;
  /** Program and arguments. */
  readonly hook?: readonly [string, ...string[]] | undefined;
}

/**
 * Opens the deploy target of this name. Its package is loaded now; a credential is read when it is
 * needed.
 * @throws ConfigError `ERR_CONFIG_DEPLOY` for a name that is not in the configuration, or options
 * that do not fit; `ERR_CONFIG_PACKAGE_MISSING` with the line that installs the package
 */
export async function openDeployTarget(
  name: string,
  {
    config,
    environment,
    network,
    listed = Object.keys(config.values.deploy),
  }: OpenDeployTargetOptions,
): Promise<OpenedDeployTarget> {
  const { deploy } = config.values;
  const description = Object.hasOwn(deploy, name) ? deploy[name] : undefined;
  const kind = deployKinds.find(({ type }) => type === description?.type);
  if (!description || !kind)
    throw new ConfigError(
      'ERR_CONFIG_DEPLOY',
      `the deploy target ${JSON.stringify(name)} is not in the configuration: write a table [deploy.${name}] in acmex.toml, or name one of ${listed.join(', ') || 'none, as there are none'}`,
    );
  const what = `the deploy target ${name}`;
  const factory = await loaded(kind.package, what, kind.load);
  try {
    const target = factory({
      ...factoryOptions(kind, description),
      ...connectionOptions(network),
      ...(kind.environment ? { env: programEnvironment(environment) } : {}),
    });
    return {
      target,
      probe: deployProbeOf(description),
      hook: description.hook,
      readCredentials: async () => {
        for (const secret of secretsIn(description)) await secret.reveal();
      },
    };
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new ConfigError('ERR_CONFIG_DEPLOY', `${what}: ${cause.message}`, { cause });
  }
}

function factoryOptions(
  { options }: OpenableDeployKind,
  description: DeployTargetDescription,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    options.flatMap((option) => {
      const value = description[keyOf(option)];
      return value === undefined ? [] : [[option.option, plain(value)]];
    }),
  );
}

/** Passes credentials as functions, so that each is read when it is needed. */
function plain(value: DeployOptionValue): unknown {
  if (value instanceof Secret) return value.reveal;
  if (typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, secret]) => [key, plain(secret)]));
}

function programEnvironment(environment: Environment): Readonly<Record<string, string>> {
  return Object.fromEntries(
    ['PATH', 'HOME', 'LANG', 'TZ'].flatMap((name) => {
      const value = environment[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
