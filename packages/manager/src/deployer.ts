import { parseChain } from '@acmex/certificate';
import {
  type Bundle,
  deployFiles,
  type Deployed,
  hookEnvironment,
  probe,
  runHook,
  type Target,
} from '@acmex/deploy';
import type { Deployer, Generation, JsonObject, ManagedCertificate } from '@acmex/orchestrator';
import { ManagerError } from './errors.ts';
import type { Environment, RunHooks } from './hooks.ts';

/** One thing to do with a new certificate, as its record says it. */
export type DeployStep =
  | Target
  | { readonly hook: readonly string[] }
  /** Once after a run, however many certificates have the same. */
  | { readonly after: readonly string[] }
  | { readonly probe: { readonly host: string; readonly port: number } }
  /** Nothing but what the configuration says for all. */
  | { readonly general: true };

export function deployRecord(steps: readonly DeployStep[]): readonly JsonObject[] {
  return JSON.parse(JSON.stringify(steps)) as readonly JsonObject[];
}

/**
 * Does with each new certificate what its record and `[renewal.hooks]` say: files, then hooks; what is due once after a run; then
 * probes. All of it can be repeated, and is, until it succeeds.
 */
export function deployer({
  environment,
  hooks,
}: {
  readonly environment: Environment;
  readonly hooks: RunHooks;
}): Deployer {
  return {
    async deploy(certificate, generation, { signal }) {
      const steps = stepsOf(certificate);
      const bundle = bundleOf(certificate, generation);
      let paths: Deployed['paths'] = {};
      for (const step of steps)
        if (isTarget(step)) paths = { ...paths, ...(await deployFiles(step, bundle)).paths };
      const env = hookEnvironment('deploy', { bundle, paths, environment });
      const own = steps.flatMap((step) => ('hook' in step ? [step.hook] : []));
      for (const argv of [
        ...own,
        ...(await hooks.forCertificate({ hasDeployHook: own.length > 0 })),
      ])
        await runHook(argv, { env, signal, limit: hooks.limit });
    },
    after(certificate) {
      const own = stepsOf(certificate).flatMap((step) => ('after' in step ? [step.after] : []));
      return (own.length > 0 ? own : hooks.afterProgram ? [hooks.afterProgram] : []).map(
        (argv) => ({
          key: JSON.stringify(argv),
          run: async (_, options) => {
            await hooks.runAfter(argv, options);
          },
        }),
      );
    },
    async confirm(certificate, { chain }, { signal }) {
      const [leaf] = parseChain(chain);
      for (const step of stepsOf(certificate))
        if ('probe' in step)
          await probe(leaf?.serialNumber ?? '', {
            ...step.probe,
            serverName: serverName(certificate, step.probe.host),
            signal,
          });
    },
  };
}

function bundleOf(
  { id, names, current }: ManagedCertificate,
  { chain, privateKey }: Generation,
): Bundle {
  const [leaf] = parseChain(chain);
  return {
    id,
    names,
    serialNumber: leaf?.serialNumber ?? '',
    notAfter: current?.notAfter ?? '',
    chain,
    privateKey,
  };
}

/** A server may be reached by another name than those of the certificate. */
function serverName({ names }: ManagedCertificate, host: string): string {
  return names.includes(host) ? host : (names.find((name) => !name.startsWith('*.')) ?? host);
}

const known: ReadonlySet<string> = new Set([
  'directory',
  'certPath',
  'keyPath',
  'chainPath',
  'leafPath',
  'combinedPath',
  'hook',
  'after',
  'probe',
  'general',
]);

/** What this package wrote into the record, and nothing else does. */
function stepsOf({ id, deploy = [] }: ManagedCertificate): readonly DeployStep[] {
  if (deploy.some((step) => !Object.keys(step).some((key) => known.has(key))))
    throw new ManagerError(
      'ERR_MANAGER_DEPLOY',
      `${id} goes to a kind of place that this version does not know: update it`,
    );
  return deploy as unknown as readonly DeployStep[];
}

function isTarget(step: DeployStep): step is Target {
  return !('hook' in step || 'after' in step || 'probe' in step || 'general' in step);
}
