import { printable } from '@acmex/errors';
import {
  declareCertificate,
  findIssuer,
  issuerName,
  resolveChallenge,
  saveCredentials,
  savedCredentials,
} from '@acmex/manager';
import type { ConfiguredManager } from '@acmex/manager/from-config';
import type { ManagedCertificate, Outcome } from '@acmex/orchestrator';
import { memoryStorage } from '@acmex/storage';
import { stagingOf } from '../certificate-authority.ts';
import { CliError } from '../errors.ts';
import { readCertificates } from '../read-text.ts';
import type { Reporter, Terminal } from '../terminal.ts';
import { commandManager } from './manager.ts';

export interface DryRunOptions {
  /** The ACME directory to use; by default the staging environment of a known CA. */
  readonly server?: string | undefined;
  readonly caCertificate?: string | undefined;
}

/** Orders a certificate for trial. @throws CliError `ERR_CLI_USAGE` for one that cannot be tried */
export type DryRun = (
  manager: ConfiguredManager,
  certificate: ManagedCertificate,
) => Promise<Outcome>;

interface Trial {
  readonly manager: ConfiguredManager;
  readonly issuer: {
    readonly directory: string;
    readonly title: string;
    readonly caCertificate: string | undefined;
  };
}

/**
 * Returns a dry run: it proves the names to a test CA with a new account, and changes neither the
 * storage nor a file.
 */
export function dryRun(
  options: DryRunOptions,
  context: { readonly terminal: Terminal; readonly report: Reporter },
): DryRun {
  const trials = new Map<string, Promise<Trial>>();
  return async (manager, certificate) => {
    assertRepeatable(manager, certificate);
    const directory =
      options.server ??
      stagingDirectory((await findIssuer(manager.storage, certificate.issuer))?.directory);
    const opened = trials.get(directory) ?? openTrial(directory, manager, options, context);
    trials.set(directory, opened);
    const { manager: trial, issuer } = await opened;
    const { names, profile, preferredChain, mustStaple, proof } = certificate;
    const { keyType, secondKeyType, key } = certificate;
    const declaration = await declareCertificate(
      trial,
      { names, issuer, profile, preferredChain, keyType, secondKeyType, key, mustStaple, proof },
      { onFailure: 'end' },
    );
    const { order = '' } = declaration.certificate;
    return await trial.provisioner.execute(order, { signal: context.terminal.signal });
  };
}

/** @throws CliError `ERR_CLI_USAGE` */
function assertRepeatable(
  { challenge }: ConfiguredManager,
  { names, proof }: ManagedCertificate,
): void {
  if (resolveChallenge(proof, challenge).challenge !== 'dns-persist-01') return;
  throw new CliError(
    'ERR_CLI_USAGE',
    `${names.map((name) => printable(name, 255)).join(', ')}: a dns-persist-01 record is for one account at one CA, and a dry run uses another account: check the record with acmex dns persist --check`,
  );
}

/** Opens a manager with its own storage and account: one for all certificates of a CA. */
async function openTrial(
  directory: string,
  { storage, config: configuration, hooks }: ConfiguredManager,
  options: DryRunOptions,
  { terminal, report }: { readonly terminal: Terminal; readonly report: Reporter },
): Promise<Trial> {
  const caCertificate =
    options.caCertificate === undefined
      ? undefined
      : await readCertificates(options.caCertificate, 'the CA certificate');
  const trialStorage = memoryStorage();
  await saveCredentials(trialStorage, await savedCredentials(storage));
  const issuer = { directory, title: directory, caCertificate };
  const settings = {
    directory,
    title: directory,
    name: issuerName(issuer),
    agreed: true,
    ...(caCertificate === undefined ? {} : { caCertificate: async () => caCertificate }),
  };
  const manager = await commandManager({
    storage: trialStorage,
    configuration,
    terminal,
    report,
    hooks,
    issuers: [settings],
  });
  return { manager, issuer };
}

/** @throws CliError `ERR_CLI_USAGE` for a CA without a known staging environment */
function stagingDirectory(directory: string | undefined): string {
  const staging = stagingOf(directory);
  if (staging === undefined)
    throw new CliError(
      'ERR_CLI_USAGE',
      `no staging environment of ${printable(directory ?? 'the issuer', 300)} is known: use --server with an ACME directory`,
    );
  return staging;
}
