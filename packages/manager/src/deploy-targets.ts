import type { Clock } from '@acmex/clock';
import {
  type Bundle,
  type CompleteBundle,
  DeployError,
  type DeployTarget,
  deployToTarget,
  hookEnvironment,
  type ProbeOptions,
  runHook,
} from '@acmex/deploy';
import { errorText } from '@acmex/errors';
import {
  type DeployTargetPlace,
  deployTargetState,
  keepDeployTargetState,
} from '@acmex/orchestrator';
import type { Storage } from '@acmex/storage';
import { ManagerError } from './errors.ts';
import type { Environment, RunHooks } from './hooks.ts';

/** The deploy targets that certificates name. */
export interface DeployTargets {
  /**
   * Opens a target.
   * @throws ConfigError `ERR_CONFIG_DEPLOY`, `ERR_CONFIG_PACKAGE_MISSING`
   */
  open(name: string): Promise<NamedDeployTarget>;
}

export interface NamedDeployTarget {
  readonly target: DeployTarget;
  /** The server that must serve a certificate before it counts as deployed. */
  readonly probe?: Pick<ProbeOptions, 'host' | 'port' | 'within'> | undefined;
  /**
   * Reads the credentials of the target; absent where it has none.
   * @throws ConfigError `ERR_CONFIG_CREDENTIAL`
   */
  readonly readCredentials?: (() => Promise<void>) | undefined;
  /** Program and arguments; runs after each change at the target. */
  readonly hook?: readonly [string, ...string[]] | undefined;
}

/** No targets, for a manager without any. */
export const noDeployTargets: DeployTargets = {
  async open(name) {
    throw new ManagerError(
      'ERR_MANAGER_DEPLOY',
      `there is no deploy target ${name}: add it to the options or the configuration`,
    );
  },
};

/** A certificate on its way to its targets. */
export interface TargetDeployment {
  readonly bundle: Bundle;
  /** The number of the generation that is deployed. */
  readonly generation: number;
  /** The name to ask the server of a probe for. */
  readonly serverName: (host: string) => string;
  /** Returns a stored generation of the certificate, with its bundle. */
  readonly bundleOf: (generation: number) => Promise<Bundle | undefined>;
}

export interface TargetOptions {
  readonly targets: DeployTargets;
  readonly storage: Storage;
  readonly environment: Environment;
  readonly hooks: Pick<RunHooks, 'limit'>;
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
}

/**
 * Deploys a certificate to each of its targets, also where one fails.
 * @throws the failure of the only target that failed; DeployError with the code of the first of
 * several, and the messages of all
 */
export async function deployToTargets(
  names: readonly string[],
  deployment: TargetDeployment,
  options: TargetOptions,
): Promise<void> {
  const failures: unknown[] = [];
  for (const name of names)
    try {
      await deployToNamed(name, deployment, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      failures.push(error);
    }
  const [first] = failures;
  if (failures.length > 1 && first instanceof DeployError)
    throw new DeployError(first.code, failures.map(errorText).join('; '), { cause: first });
  if (failures.length > 0) throw first;
}

async function deployToNamed(
  name: string,
  { bundle, generation, serverName, bundleOf }: TargetDeployment,
  { targets, storage, environment, hooks, clock, signal }: TargetOptions,
): Promise<void> {
  const { target, probe, hook } = await targets.open(name);
  const place: DeployTargetPlace = { certificate: bundle.id, target: name };
  const { generation: confirmed } = await deployTargetState(storage, place);
  const env = hookEnvironment('deploy', { bundle, paths: {}, environment });
  await deployToTarget(target, bundle, {
    name,
    former: completeBundle(confirmed === undefined ? undefined : await bundleOf(confirmed)),
    memory: {
      read: async () => (await deployTargetState(storage, place)).memory,
      write: async (memory) => await keepDeployTargetState(storage, place, { memory }),
    },
    hook: hook && (async (during) => await runHook(hook, { env, limit: hooks.limit, ...during })),
    probe: probe && { ...probe, serverName: serverName(probe.host) },
    clock,
    signal,
  });
  await keepDeployTargetState(storage, place, { generation });
}

function completeBundle(bundle: Bundle | undefined): CompleteBundle | undefined {
  const { privateKey } = bundle ?? {};
  return bundle && privateKey !== undefined ? { ...bundle, privateKey } : undefined;
}
