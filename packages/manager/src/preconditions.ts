import { parseCsr } from '@acmex/certificate';
import type { ChallengeSolver, NameToProve } from '@acmex/client';
import { checkTarget, type PassphraseSources, trustedProgram } from '@acmex/deploy';
import { errorCode, printable } from '@acmex/errors';
import { identifiers, isWildcard, withoutWildcard } from '@acmex/identifier';
import type { JsonObject } from '@acmex/orchestrator';
import type { ChallengeConfig } from './challenge-config.ts';
import type { DeployTargets } from './deploy-targets.ts';
import { type DeployStep, deployStepsOf, isTarget } from './deployer.ts';
import { ManagerError } from './errors.ts';
import type { Environment } from './hooks.ts';
import type { IssuerSettings } from './issuers.ts';

/** The CA of an order. */
type CertificateAuthority = Pick<IssuerSettings, 'title' | 'directory'>;

/** What an order needs, beside its names. */
export interface PreconditionOptions {
  /** How the names will be validated. */
  readonly solver: ChallengeSolver;
  /** The CA that it will be ordered from. */
  readonly ca: CertificateAuthority;
  /** The request that will be sent to the CA, where it exists already; DER. */
  readonly csr?: Uint8Array | undefined;
  /** Whether the request will ask for a certificate that is only valid with OCSP stapling. */
  readonly mustStaple?: boolean | undefined;
  /** Where the certificate will be deployed, as its record says. */
  readonly deploy?: readonly JsonObject[] | undefined;
  /** Whether an earlier certificate is in use: see `assertPreconditions`. */
  readonly isRenewal?: boolean | undefined;
  /** Whether a program runs before the order: it may make room for a listener, or a folder. */
  readonly runsBefore?: boolean | undefined;
  /** Its `PATH` leads to the programs of hooks. */
  readonly environment: Environment;
  readonly passphraseIn?: PassphraseSources['passphraseIn'];
  readonly deployTargets: DeployTargets;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes sure, before anything is sent to the CA, that a certificate can be validated and deployed
 * from here: the challenge fits the names, the CA can issue what the request asks for, the files can
 * be written, the hooks can be run, and responses can be shown.
 *
 * A renewal does not need its files: a new certificate that cannot be written yet is better than one
 * that expires, and its deployment is repeated. What a program that runs before the order may change,
 * a used port or a missing folder, is not a failure here: it is checked after that program.
 * @throws ManagerError `ERR_MANAGER_CHALLENGE`, `ERR_MANAGER_MUST_STAPLE`; DeployError for files and
 * hooks; what `ChallengeSolver.check` throws
 */
export async function assertPreconditions(
  names: readonly string[],
  { solver, deploy, isRenewal = false, ...options }: PreconditionOptions,
): Promise<void> {
  const { runsBefore = false, environment, signal } = options;
  const checked = async (check: Promise<void> | undefined) => {
    await check?.catch((error: unknown) => {
      if (!runsBefore || !isFixedByProgram(error)) throw error;
    });
  };
  assertChallengeFits(names, solver.type);
  await assertStaplingFits(names, options);
  const steps = deployStepsOf(deploy);
  if (!isRenewal) {
    for (const step of steps.filter(isTarget)) await checked(checkTarget(step, options));
    await assertTargetsFit(steps, options);
  }
  await assertProgramsTrusted(steps, environment);
  await checked(solver.check?.(namesToProve(names), { signal }));
}

const fixedByProgram: ReadonlySet<string | undefined> = new Set([
  'ERR_CHALLENGE_LISTEN',
  'ERR_CHALLENGE_PORT_IN_USE',
  'ERR_CHALLENGE_WEBROOT',
  'ERR_DEPLOY_FILE',
]);

/** Whether a program that runs before the order may remove the cause of a failure. */
function isFixedByProgram(error: unknown): boolean {
  return fixedByProgram.has(errorCode(error));
}

/**
 * Makes sure that a type of challenge can validate these names.
 * @throws ManagerError `ERR_MANAGER_CHALLENGE`; IdentifierError `ERR_ACME_IDENTIFIER`
 */
export function assertChallengeFits(
  names: readonly string[],
  challenge: ChallengeConfig['challenge'] | (string & {}),
): void {
  const isByDns = challenge.startsWith('dns-');
  for (const { identifier, wildcard } of namesToProve(names)) {
    if (wildcard && !isByDns)
      throw new ManagerError(
        'ERR_MANAGER_CHALLENGE',
        `*.${printable(identifier.value, 255)} cannot be validated by ${challenge}: a wildcard needs the challenge dns-01`,
      );
    if (identifier.type === 'ip' && isByDns)
      throw new ManagerError(
        'ERR_MANAGER_CHALLENGE',
        `${identifier.value} cannot be validated by ${challenge}: an IP address needs the challenge http-01 or tls-alpn-01`,
      );
  }
}

/**
 * Makes sure that only root and this user can change the programs of a certificate's hooks.
 * @throws DeployError `ERR_DEPLOY_UNSAFE`, `ERR_DEPLOY_HOOK`
 */
export async function assertProgramsTrusted(
  steps: readonly DeployStep[],
  environment: Environment,
): Promise<void> {
  for (const step of steps) {
    const program = 'hook' in step ? step.hook : 'after' in step && step.after;
    if (program) await trustedProgram(program[0] ?? '', environment.PATH);
  }
}

/**
 * Makes sure that deploy targets are in the configuration, and that their hooks can be run.
 * @throws ConfigError `ERR_CONFIG_DEPLOY`, `ERR_CONFIG_PACKAGE_MISSING`; DeployError
 * `ERR_DEPLOY_UNSAFE`, `ERR_DEPLOY_HOOK`
 */
async function assertTargetsFit(
  steps: readonly DeployStep[],
  { deployTargets, environment }: Pick<PreconditionOptions, 'deployTargets' | 'environment'>,
): Promise<void> {
  for (const step of steps) {
    const { hook } = 'to' in step ? await deployTargets.open(step.to) : {};
    if (hook) await trustedProgram(hook[0], environment.PATH);
  }
}

/** The hosts of CAs that have ended OCSP: Let's Encrypt in May 2025. */
const hostsWithoutOcsp: ReadonlySet<string> = new Set([
  'acme-v02.api.letsencrypt.org',
  'acme-staging-v02.api.letsencrypt.org',
]);

/**
 * Makes sure that a CA without OCSP is not asked for a certificate that requires its responses. RFC
 * 7633
 * @throws ManagerError `ERR_MANAGER_MUST_STAPLE`
 */
export async function assertStaplingFits(
  names: readonly string[],
  { ca, csr, mustStaple = false }: Pick<PreconditionOptions, 'ca' | 'csr' | 'mustStaple'>,
): Promise<void> {
  if (!URL.canParse(ca.directory)) return;
  if (!hostsWithoutOcsp.has(new URL(ca.directory).hostname)) return;
  if (!mustStaple && !(csr && (await parseCsr(csr)).mustStaple)) return;
  throw new ManagerError(
    'ERR_MANAGER_MUST_STAPLE',
    `${printable(names.join(', '), 300)}: the certificate would require OCSP stapling (Must-Staple), and ${printable(ca.title, 100)} has no OCSP service: order it without --must-staple, make a certificate signing request without the TLS Feature extension, or use a CA that has OCSP`,
  );
}

/** Returns names as a solver takes them. */
export function namesToProve(names: readonly string[]): readonly NameToProve[] {
  return identifiers(names).map((identifier) => ({
    identifier: { ...identifier, value: withoutWildcard(identifier.value) },
    wildcard: isWildcard(identifier.value),
  }));
}
