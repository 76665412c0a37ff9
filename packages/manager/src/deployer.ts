import { isKeyReference, parseChain } from '@acmex/certificate';
import {
  type Bundle,
  deployFiles,
  type Deployed,
  hookEnvironment,
  type PassphraseSources,
  probe,
  runHook,
  type SecondBundle,
  type Target,
} from '@acmex/deploy';
import {
  chainsInUse,
  type ChainWithKey,
  type CertificateStore,
  type Deployer,
  type Generation,
  type JsonObject,
  type ManagedCertificate,
} from '@acmex/orchestrator';
import { deployToTargets, type TargetOptions } from './deploy-targets.ts';
import { ManagerError } from './errors.ts';
import type { RunHooks } from './hooks.ts';

/** One step of deploying a new certificate, as its record holds it. */
export type DeployStep =
  | Target
  | { readonly hook: readonly string[] }
  /** Runs once at the end of a run, however many certificates have the same program. */
  | { readonly after: readonly string[] }
  /** A deploy target of the configuration, by its name. */
  | { readonly to: string }
  | { readonly probe: { readonly host: string; readonly port: number } }
  /** Only what the configuration sets for all certificates. */
  | { readonly general: true };

/** Returns deploy steps in the form in which a certificate's record holds them. */
export function deployRecord(steps: readonly DeployStep[]): readonly JsonObject[] {
  return JSON.parse(JSON.stringify(steps)) as readonly JsonObject[];
}

/** Returns the names of the deploy targets in the steps of a record. */
export function deployTargetsIn(deploy: readonly JsonObject[] = []): readonly string[] {
  return deploy.flatMap(({ to }) => (typeof to === 'string' ? [to] : []));
}

/**
 * Returns the steps of a record with these deploy targets in place of its own. All other steps stay:
 * files, programs and probes.
 * @returns undefined where the record has exactly these targets
 */
export function withDeployTargets(
  deploy: readonly JsonObject[] = [],
  names: readonly string[],
): readonly JsonObject[] | undefined {
  const isSame = JSON.stringify(deployTargetsIn(deploy)) === JSON.stringify(names);
  if (isSame && deploy.length > 0) return undefined;
  const remaining = deploy.filter((step) => !('to' in step) && step.general !== true);
  // As a configuration has them: files and programs, targets, what runs after them.
  const isLast = (step: JsonObject) => 'after' in step || 'probe' in step;
  const steps = [
    ...remaining.filter((step) => !isLast(step)),
    ...deployRecord(names.map((to) => ({ to }))),
    ...remaining.filter(isLast),
  ];
  return steps.length > 0 ? steps : deployRecord([{ general: true }]);
}

/**
 * Deploys each new certificate as its record and the hooks say: files, then hooks, then deploy
 * targets, then the `after` programs of the run, then probes. Every step can be repeated, and is
 * repeated until it succeeds.
 */
export function deployer({
  environment,
  hooks,
  passphraseIn,
  ...targetOptions
}: Omit<TargetOptions, 'signal' | 'hooks'> & {
  readonly hooks: RunHooks;
  readonly certificates: Pick<CertificateStore, 'generation'>;
  readonly passphraseIn?: PassphraseSources['passphraseIn'];
}): Deployer {
  const sources = { environment, passphraseIn };
  return {
    async deploy(certificate, generation, { signal }) {
      const steps = stepsOf(certificate);
      const bundle = bundleOf(certificate, generation);
      let paths: Deployed['paths'] = {};
      for (const target of steps.filter(isTarget))
        paths = { ...paths, ...(await deployFiles(target, bundle, sources)).paths };
      const env = hookEnvironment('deploy', { bundle, paths, environment });
      const programs = steps.flatMap((step) => ('hook' in step ? [step.hook] : []));
      const general = await hooks.forCertificate({ hasDeployHook: programs.length > 0 });
      for (const argv of [...programs, ...general])
        await runHook(argv, { env, signal, limit: hooks.limit });
      const { current } = certificate;
      const names = steps.flatMap((step) => ('to' in step ? [step.to] : []));
      await deployToTargets(
        names,
        {
          bundle,
          generation: current?.generation ?? 0,
          serverName: (host) => serverName(certificate, host),
          async bundleOf(number) {
            const former = await targetOptions.certificates.generation(certificate.id, number);
            return former && bundleOf(certificate, former);
          },
        },
        { ...targetOptions, hooks, environment, signal },
      );
    },
    after: (certificate) =>
      afterPrograms(certificate, hooks).map((argv) => ({
        key: JSON.stringify(argv),
        run: async (_, options) => await hooks.runAfter(argv, options),
      })),
    async confirm(certificate, generation, { signal }) {
      const serialNumbers = chainsInUse(generation).map(
        ({ chain }) => parseChain(chain)[0]?.serialNumber ?? '',
      );
      for (const step of stepsOf(certificate))
        if ('probe' in step)
          await probe(serialNumbers, {
            ...step.probe,
            serverName: serverName(certificate, step.probe.host),
            signal,
          });
    },
  };
}

/** Returns the certificate's `after` programs, or the general one where it has none. */
function afterPrograms(
  certificate: ManagedCertificate,
  { afterProgram }: RunHooks,
): readonly (readonly string[])[] {
  const programs = stepsOf(certificate).flatMap((step) => ('after' in step ? [step.after] : []));
  if (programs.length > 0) return programs;
  return afterProgram ? [afterProgram] : [];
}

function bundleOf(
  { id, names }: ManagedCertificate,
  { chain, privateKey, second }: Generation,
): Bundle {
  const [leaf] = parseChain(chain);
  return {
    id,
    names,
    serialNumber: leaf?.serialNumber ?? '',
    notAfter: leaf?.notAfter.toString() ?? '',
    chain,
    privateKey: isKeyReference(privateKey) ? undefined : privateKey,
    ...(second ? { second: secondBundle(second) } : {}),
  };
}

function secondBundle({ chain, privateKey }: ChainWithKey): SecondBundle {
  const [leaf] = parseChain(chain);
  return {
    algorithm: leaf?.keyType.startsWith('rsa') ? 'rsa' : 'ec',
    serialNumber: leaf?.serialNumber ?? '',
    ...{ chain, privateKey },
  };
}

/**
 * Returns the name to ask the server for. The host of a probe can be a name that the certificate
 * does not have.
 */
export function serverName({ names }: Pick<ManagedCertificate, 'names'>, host: string): string {
  return names.includes(host) ? host : (names.find((name) => !name.startsWith('*.')) ?? host);
}

const known: ReadonlySet<string> = new Set([
  'directory',
  'certPath',
  'keyPath',
  'chainPath',
  'leafPath',
  'combinedPath',
  'secondCertPath',
  'secondKeyPath',
  'secondChainPath',
  'secondLeafPath',
  'format',
  'hook',
  'to',
  'after',
  'probe',
  'general',
]);

function stepsOf({ id, deploy }: ManagedCertificate): readonly DeployStep[] {
  return deployStepsOf(deploy, id);
}

/**
 * Reads the steps of a record. Only `deployRecord` writes them.
 * @param owner the certificate, for the error
 * @throws ManagerError `ERR_MANAGER_DEPLOY`
 */
export function deployStepsOf(
  deploy: readonly JsonObject[] = [],
  owner = 'the certificate',
): readonly DeployStep[] {
  if (deploy.some((step) => !Object.keys(step).some((key) => known.has(key))))
    throw new ManagerError(
      'ERR_MANAGER_DEPLOY',
      `${owner} has a kind of deploy target that this version does not support: update AcmeX`,
    );
  return deploy as unknown as readonly DeployStep[];
}

/** Reports whether a step writes files. */
export function isTarget(step: DeployStep): step is Target {
  return !(
    'hook' in step ||
    'to' in step ||
    'after' in step ||
    'probe' in step ||
    'general' in step
  );
}
