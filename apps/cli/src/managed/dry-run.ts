import { printable } from '@acmex/errors';
import type { ManagedCertificate, Outcome } from '@acmex/orchestrator';
import { type AcmeSession, acmeSession, generateAccountKey, newAccount } from '@acmex/protocol';
import { nodeFetch } from '@acmex/protocol/node';
import { memoryStorage } from '@acmex/storage';
import {
  findIssuer,
  declareCertificate,
  issuerName,
  resolveChallenge,
  saveCredentials,
  savedCredentials,
} from '@acmex/manager';
import type { ConfiguredManager } from '@acmex/manager/from-config';
import { stagingOf } from '../certificate-authority.ts';
import { CliError } from '../errors.ts';
import { loggingFetch } from '../progress.ts';
import { readText } from '../read-text.ts';
import type { Reporter, Terminal } from '../terminal.ts';
import { managed } from './managed.ts';

export interface DryRunOptions {
  /** The directory to try it at; the staging of a known CA by default. */
  readonly server?: string | undefined;
  readonly caCertificate?: string | undefined;
}

/**
 * What a renewal would be, with everything but its end: the names are proven to a CA whose certificates nobody trusts, by an
 * account that is made for it, and neither the storage nor a file changes.
 */
export function dryRun(
  options: DryRunOptions,
  { terminal, report }: { readonly terminal: Terminal; readonly report: Reporter },
): (parts: ConfiguredManager, certificate: ManagedCertificate) => Promise<Outcome> {
  const sessions = new Map<string, Promise<AcmeSession>>();
  return async (
    { storage, config: configuration, challenge, hooks },
    { names, issuer, profile, keyType, mustStaple, proof },
  ) => {
    if (resolveChallenge(proof, challenge).challenge === 'dns-persist-01')
      throw new CliError(
        'ERR_CLI_USAGE',
        `${names.map((one) => printable(one, 255)).join(', ')}: a record of dns-persist-01 is for one account at one CA, and a dry run has another: acmex dns persist --check looks whether it stands`,
      );
    const directory = options.server ?? trialOf((await findIssuer(storage, issuer))?.directory);
    const caCertificate =
      options.caCertificate === undefined
        ? undefined
        : await readText(options.caCertificate, 'the CA certificate');
    const opened = sessions.get(directory) ?? newSession(directory, caCertificate, report);
    sessions.set(directory, opened);
    await using trial = memoryStorage();
    await saveCredentials(trial, await savedCredentials(storage));
    const trialIssuer = { directory, title: directory, caCertificate };
    const { provisioner } = managed({
      storage: trial,
      configuration,
      terminal,
      report,
      hooks,
      session: { issuer: issuerName(trialIssuer), session: await opened },
    });
    const { certificate } = await declareCertificate(
      { storage: trial, provisioner },
      { names, issuer: trialIssuer, profile, keyType, mustStaple, proof },
      { onFailure: 'end' },
    );
    return await provisioner.execute(certificate.order ?? '', { signal: terminal.signal });
  };
}

async function newSession(
  directory: string,
  ca: string | undefined,
  report: Reporter,
): Promise<AcmeSession> {
  const { key } = await generateAccountKey();
  const session = acmeSession({
    directory,
    key,
    fetch: loggingFetch(nodeFetch({ ca }), report),
    userAgent: 'acmex-cli',
  });
  await newAccount(session, { termsOfServiceAgreed: true });
  return session;
}

/** @throws CliError `ERR_CLI_USAGE` for a CA that has no staging that is known */
function trialOf(directory: string | undefined): string {
  const staging = stagingOf(directory);
  if (staging === undefined)
    throw new CliError(
      'ERR_CLI_USAGE',
      `${printable(directory ?? 'the issuer', 300)} has no staging that is known here: give --server with the directory to try it at`,
    );
  return staging;
}
