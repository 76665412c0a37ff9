import { join } from 'node:path';
import { type Check, type Finding, finding, type Observation } from '@acmex/check';
import { checkTarget, servedSerialNumber, type Target, trustedProgram } from '@acmex/deploy';
import { errorText, printable } from '@acmex/errors';
import type { CheckedCertificate } from './checked-certificate.ts';
import type { CheckContext } from './checking-context.ts';
import { findingsOf, subjectOf } from './checking-spec.ts';
import { type DeployStep, deployStepsOf, isTarget, serverName } from './deployer.ts';
import { assertProgramsTrusted } from './preconditions.ts';

/** Returns the check of where a certificate is deployed; none where it is not. */
export function deployChecks(
  certificate: CheckedCertificate,
  context: CheckContext,
): readonly Check[] {
  const { deploy = [] } = certificate;
  if (!deploy.some((step) => step.general !== true)) return [];
  const subject = subjectOf(certificate);
  const run: Check['run'] = async (signal) => {
    const findings = await Promise.all(
      deployStepsOf(deploy).map(async (step) =>
        'probe' in step
          ? await serverFindings(step.probe, { certificate, subject, context, signal })
          : await stepFindings(step, subject, context),
      ),
    );
    return { findings: findings.flat() };
  };
  return [{ kind: 'deploy', subject, run }];
}

/**
 * Returns the checks of the deploy targets that certificates name, each once, and of the hooks that
 * run for all certificates.
 */
export function deployTargetChecks(
  certificates: readonly CheckedCertificate[],
  context: CheckContext,
): readonly Check[] {
  const users = new Map<string, CheckedCertificate>();
  for (const certificate of certificates)
    for (const { to } of certificate.deploy ?? [])
      if (typeof to === 'string' && !users.has(to)) users.set(to, certificate);
  const { hooks } = context.settings;
  return [
    ...(hooks.isEmpty
      ? []
      : [
          {
            kind: 'deploy' as const,
            subject: 'hooks',
            run: async () => ({
              findings: await findingsOf('hooks', async () => await hooks.check()),
            }),
          },
        ]),
    ...[...users].map(([name, certificate]): Check => {
      const subject = `deploy target ${printable(name, 255)}`;
      const run: Check['run'] = async (signal) =>
        await checkNamedTarget(name, { certificate, subject, context, signal });
      return { kind: 'deploy', subject, run };
    }),
  ];
}

/** A check that runs. */
interface Running {
  readonly certificate: CheckedCertificate;
  readonly subject: string;
  readonly context: CheckContext;
  readonly signal: AbortSignal;
}

/** Reads the credentials of a target, and connects to the server of its probe. */
async function checkNamedTarget(name: string, running: Running): Promise<Observation> {
  const { deployTargets, environment } = running.context.settings;
  const { subject } = running;
  const { probe, hook, readCredentials } = await deployTargets.open(name);
  const findings = await Promise.all([
    findingsOf(subject, async () => await readCredentials?.()),
    findingsOf(subject, async () => {
      if (hook) await trustedProgram(hook[0], environment.PATH);
    }),
    probe ? serverFindings(probe, running) : [],
  ]);
  return { findings: findings.flat() };
}

/** Whether a server speaks TLS, whatever it serves: a new certificate may not be there yet. */
async function serverFindings(
  { host, port }: { readonly host: string; readonly port: number },
  { certificate, subject, signal, context }: Running,
): Promise<readonly Finding[]> {
  const { clock } = context.settings;
  try {
    await servedSerialNumber({
      ...{ host, port, signal, clock },
      serverName: serverName(certificate, host),
    });
    return [];
  } catch (error) {
    signal.throwIfAborted();
    return [finding('ERR_CHECK_TARGET_SERVER', { subject, saw: errorText(error) })];
  }
}

/** Each file and each program is a finding of its own. */
async function stepFindings(
  step: DeployStep,
  subject: string,
  { settings: { environment, passphraseIn }, options }: CheckContext,
): Promise<readonly Finding[]> {
  const ofPaths = isTarget(step)
    ? await Promise.all(
        pathsOf(step).map(async (path) => (await options.findingsOfPath?.(path, subject)) ?? []),
      )
    : [];
  const ofStep = await findingsOf(subject, async () => {
    if (isTarget(step)) await checkTarget(step, { passphraseIn });
    await assertProgramsTrusted([step], environment);
  });
  return [...ofPaths.flat(), ...ofStep];
}

/** Returns the paths that a step writes to. */
function pathsOf(target: Target): readonly string[] {
  if ('directory' in target)
    return [join(target.directory, 'live'), join(target.directory, 'archive')];
  if ('format' in target) return [target.path];
  const { certPath, keyPath, chainPath, leafPath, combinedPath } = target;
  const { secondCertPath, secondKeyPath, secondChainPath, secondLeafPath } = target;
  return [
    ...[certPath, keyPath, chainPath, leafPath, combinedPath],
    ...[secondCertPath, secondKeyPath, secondChainPath, secondLeafPath],
  ].flatMap((path) => path ?? []);
}
