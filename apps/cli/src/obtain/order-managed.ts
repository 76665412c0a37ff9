import { resolve } from 'node:path';
import { dnsVariablesRecord } from '@acmex/config';
import { errorText, printable } from '@acmex/errors';
import {
  declareCertificate,
  deployRecord,
  issuerName,
  type DeployStep,
  saveCredentials,
  savedCredentials,
  type WantedCertificate,
} from '@acmex/manager';
import {
  type Declaration,
  issuerFault,
  type MaintenanceResult,
  type SpecKey,
} from '@acmex/orchestrator';
import { CliError } from '../errors.ts';
import { reportIssued, withinRun } from '../managed/run.ts';
import { waitingFile } from '../whole-file.ts';
import type { Obtained, Obtaining } from './obtaining.ts';
import { keyTypesOf, type ObtainOptions } from './options.ts';
import { hasKeyFile, pathOfSecondKey, writtenPaths } from './request.ts';

/**
 * Orders a managed certificate, unless it is current and as wanted, and deploys it to its files.
 */
export async function orderManaged(obtaining: Obtaining): Promise<Obtained> {
  const { options, manager, report, authority } = obtaining;
  const { signal } = obtaining.terminal;
  for (const path of writtenPaths(options))
    await (await waitingFile(path, 0o600))[Symbol.asyncDispose]();
  await storeCredentials(obtaining);
  report.working(`connecting to ${authority.title}`);
  await manager.hooks.check();
  const wanted = wantedCertificate(obtaining);
  await connect(wanted, obtaining);
  const declaration = await declareCertificate(manager, wanted, {
    onFailure: 'end',
    order: options.force ? 'always' : 'if-needed',
    deployAgain: true,
    paused: 'resume',
  });
  report.done(declarationText(declaration));
  const { id } = declaration.certificate;
  const { result: maintained, finished } = await withinRun(obtaining, async () => {
    await executeOrder(declaration, obtaining);
    return await manager.maintain(id, { signal });
  });
  assertDeployed(finished.find(({ certificate }) => certificate === id) ?? maintained);
  const { certificates } = manager.provisioner;
  const { current } = await certificates.get(id);
  const content = await certificates.generation(id, current?.generation ?? 0);
  return { chain: content?.chain ?? '', id };
}

/**
 * Checks what an order needs at the first CA that answers. What is wrong on this side fails at once,
 * because it is wrong for each CA.
 */
async function connect(
  { names, deploy, mustStaple }: WantedCertificate,
  { manager, issuer, fallbacks, challenge, report, terminal: { signal } }: Obtaining,
): Promise<void> {
  const issuers = [issuer, ...fallbacks.map(issuerName)];
  for (const [index, name] of issuers.entries()) {
    try {
      await manager.connect({ issuer: name, names, mustStaple, challenge, deploy, signal });
      return;
    } catch (error) {
      const isLast = index === issuers.length - 1;
      if (isLast || signal.aborted || issuerFault(error) === 'requester') throw error;
      report.warn(`${name}: ${errorText(error)}; ${issuers[index + 1]} is used`);
    }
  }
}

function wantedCertificate({
  options,
  names,
  authority,
  fallbacks,
  challenge,
}: Obtaining): WantedCertificate {
  // With several CAs, each uses its own profile and chain when it issues.
  const { profile, preferredChain } =
    fallbacks.length === 0 ? authority : ({} as Partial<typeof authority>);
  const [keyType, secondKeyType] = keyTypesOf(options);
  return {
    names: names.map(({ value }) => value),
    issuer: authority,
    fallbackIssuers: fallbacks,
    profile: options.profile ?? profile,
    preferredChain: options.preferredChain ?? preferredChain,
    keyType,
    secondKeyType,
    key: options.key,
    mustStaple: options.mustStaple,
    allowSubsetOfNames: options.allowSubsetOfNames,
    proof: challenge,
    deploy: deployRecord(deploySteps(options)),
  };
}

/**
 * Returns the steps of the deployment with absolute paths: a renewal has another working directory.
 */
function deploySteps(options: ObtainOptions): readonly DeployStep[] {
  const { certPath, keyPath, deployDirectory, deployHook: hook, deployTo = [], probe } = options;
  const { keyMode, owner, group } = options;
  const [, secondKeyType] = keyTypesOf(options);
  const permissions = { keyMode, owner, group };
  return [
    {
      certPath: resolve(certPath),
      keyPath: hasKeyFile(options) ? resolve(keyPath) : undefined,
      ...(secondKeyType === undefined
        ? {}
        : {
            secondCertPath: resolve(pathOfSecondKey(certPath, secondKeyType)),
            secondKeyPath: resolve(pathOfSecondKey(keyPath, secondKeyType)),
          }),
      ...permissions,
    },
    ...(deployDirectory === undefined
      ? []
      : [{ directory: resolve(deployDirectory), ...permissions }]),
    ...(hook === undefined ? [] : [{ hook }]),
    ...deployTo.map((to) => ({ to })),
    ...(probe === undefined ? [] : [{ probe }]),
  ];
}

/**
 * Stores the variables that a renewal needs, which has another environment than this shell.
 * @throws CliError `ERR_CLI_USAGE` if the storage lacks one, and `--save-credentials` is absent
 */
async function storeCredentials({ options, storage, terminal }: Obtaining): Promise<void> {
  const { dnsEnv = [], dnsProvider, saveCredentials: save = false } = options;
  const { env: environment } = terminal;
  const recorded =
    dnsVariablesRecord(dnsProvider, { config: options.configuration, environment }) ?? {};
  const secrets = Object.entries(recorded)
    .filter(([, value]) => value === null)
    .map(([name]) => [name, environment[name] ?? '']);
  const programs =
    dnsEnv.length > 0
      ? (await import('@acmex/dns-hooks')).environment({ from: environment, allow: dnsEnv })
      : {};
  const needed: Readonly<Record<string, string>> = { ...programs, ...Object.fromEntries(secrets) };
  if (save) return await saveCredentials(storage, needed);
  const stored = await savedCredentials(storage);
  const missing = Object.keys(needed).filter((name) => stored[name] !== needed[name]);
  if (missing.length === 0) return;
  const [are, them] = missing.length === 1 ? ['is', 'it'] : ['are', 'them'];
  throw new CliError(
    'ERR_CLI_USAGE',
    `${missing.join(', ')} ${are} set in this shell only, and a renewal cannot see ${them}: use --save-credentials to store ${them}, or --no-manage to renew by yourself`,
  );
}

function declarationText(declaration: Declaration): string {
  const { names, current, order } = declaration.certificate;
  const subject = names.join(', ');
  const changes = 'differences' in declaration ? declaration.differences.map(wordOf) : [];
  const change = changes.length > 0 ? `changed ${changes.join(', ')}; ` : '';
  if (order !== undefined) return `${subject}: ${change}${current ? 'ordered again' : 'ordered'}`;
  return `${subject}: ${change}current until ${current?.notAfter}, not ordered again; --force orders it`;
}

const words: Readonly<Partial<Record<SpecKey, string>>> = {
  issuer: 'CA',
  fallbackIssuers: 'fallback CAs',
  keyType: 'key type',
  secondKeyType: 'second key type',
  preferredChain: 'preferred chain',
  mustStaple: 'Must-Staple',
  allowSubsetOfNames: 'whether names may be left out',
  proof: 'challenge',
  deploy: 'deployment',
};
const wordOf = (key: SpecKey): string => words[key] ?? key;

/** Executes the order that is in progress for a certificate, if there is one. */
async function executeOrder(
  { change, certificate: { id, order } }: Declaration,
  { manager: { provisioner }, terminal: { signal }, report }: Obtaining,
): Promise<void> {
  if (order === undefined) return;
  try {
    const outcome = await provisioner.execute(order, { signal });
    reportIssued(id, outcome, report);
    if (outcome.state === 'failed') {
      if (outcome.retryAt !== undefined)
        report.warn(
          `the order ${order} is stored: it continues at ${outcome.retryAt}, or when you run this command again`,
        );
      throw outcome.error;
    }
    if (outcome.state === 'waiting') throw new CliError('ERR_CLI_INCOMPLETE', outcome.message);
    if (outcome.state === 'cancelled')
      throw new CliError(
        'ERR_CLI_INCOMPLETE',
        `the order ${order} was cancelled by another process`,
      );
  } catch (error) {
    // Nothing is left of a first order that its user interrupts.
    if (signal.aborted && change === 'created')
      await provisioner
        .cancel(order)
        .then(() => provisioner.execute(order))
        .catch((failure: unknown) =>
          report.warn(`the order ${order} could not be cancelled: ${printable(String(failure))}`),
        );
    throw error;
  }
}

/** @throws CliError `ERR_CLI_NOT_DEPLOYED` */
function assertDeployed({ certificate, deployed, deployError }: MaintenanceResult): void {
  if (deployed !== 'failed') return;
  throw new CliError(
    'ERR_CLI_NOT_DEPLOYED',
    `${certificate} was issued and stored, but not deployed: ${errorText(deployError)}`,
    { cause: deployError },
  );
}
